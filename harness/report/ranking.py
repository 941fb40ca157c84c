"""What the finals of a session say: in one line for people, as an object in the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.configuration import Goal, name_best
from harness.events import Note
from harness.timing.finalists import TIE, Finals, Standing

_WITHIN = f"{100 * TIE:g} %"


@dataclass(frozen=True, slots=True)
class Ranking:
    """The finals of lanes that search together.

    Attributes:
        lane: where they were.
        finals: who won, and how the others, named by the ids of their tests, did beside it.
        energies_j: joules per launch, where they were measured.
    """

    lane: str
    finals: Finals[int]
    energies_j: Mapping[int, float]

    def describe(self) -> str:
        """In one line."""
        winner = self.finals.winner
        tied = [test for test in self.finals.tied if test != winner]
        who = ", ".join(f"test {test}" for test in tied)
        text = f"finals of {len(self.finals.standings)} on lane {self.lane}: test {winner} wins"
        text += f"; tied with it within {_WITHIN}: {who}" if tied else f", alone within {_WITHIN}"
        energies = [f"test {n} {joules:.3g} J" for n, joules in self.energies_j.items()]
        return f"{text}; energy per launch: {', '.join(energies)}" if energies else text

    def to_note(self, at_s: float) -> Note:
        """For the journal, with everything that was found out."""
        return Note("info", self.describe(), at_s, self.to_object())

    def to_object(self) -> dict[str, object]:
        """What `read_ranking` reads."""
        return {
            "lane": self.lane,
            "winner": self.finals.winner,
            "standings": [
                {
                    "test": standing.test,
                    "median_s": standing.median_s,
                    "ratio": standing.ratio,
                    "low": standing.low,
                    "high": standing.high,
                    "p": standing.p,
                    "tied": standing.tied,
                    "energy_j": self.energies_j.get(standing.test),
                }
                for standing in self.finals.standings
            ],
        }


def read_ranking(said: Mapping[str, Any]) -> Ranking:
    """What `Ranking.to_object` made."""
    standings = tuple(
        Standing(
            test=each["test"],
            median_s=each["median_s"],
            ratio=each["ratio"],
            low=each["low"],
            high=each["high"],
            p=each["p"],
            tied=each["tied"],
        )
        for each in said["standings"]
    )
    energies_j = {
        each["test"]: each["energy_j"]
        for each in said["standings"]
        if each.get("energy_j") is not None
    }
    return Ranking(said["lane"], Finals(said["winner"], standings), energies_j)


def read_rankings(said: Sequence[Mapping[str, Any]]) -> list[Ranking]:
    """The finals that a session told of at its end."""
    return [read_ranking(each) for each in said]


def is_ranking(note: Note) -> bool:
    """Whether a note tells of finals.

    There is one of each invocation that held some: what holds is what the session said at its end.
    """
    return "standings" in note.details


def describe_chance(counts: Sequence[int], goal: Goal) -> str:
    """What to keep in mind of a best that was chosen for its score.

    Args:
        counts: of how many scores; several numbers where there is a best of each device.
    """
    which, scores = ("the best", f"{counts[0]} scores")
    if len(counts) > 1:
        which, scores = ("each best", "its device's scores")
    return (
        f"no finals were measured: {which} was chosen as the {name_best(goal)} of {scores}, so "
        "luck has a part in it, and measured again it would probably do worse"
    )
