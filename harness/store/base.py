"""What is stored and handed back: the seam between sessions and their journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.configuration import Goal
from harness.events import Note
from harness.lane import Lane
from harness.model import Outcome, Run, SessionInfo, Test

BENCH = "bench"
IMPORT = "import"
"""What is kept as the strategy of sessions in which nothing was searched for."""


@dataclass(frozen=True, slots=True)
class SessionStart:
    """What a session is, as the journal keeps it.

    Attributes:
        spec_key: sessions with the same key are one session, continued.
        spec_json: the whole Spec, for the record.
        environment: host, versions and settings under which it runs.
        premises: what its results rest on, as one text, equal for equal premises.
    """

    name: str
    config_path: str
    spec_key: str
    spec_json: str
    goal: Goal
    unit: str
    repeat: int
    aggregate: str
    parameters: tuple[str, ...]
    lanes: Sequence[Lane]
    simulated: bool
    harness_version: str
    environment: Mapping[str, str]
    distribution: str
    strategy: str
    started_s: float
    premises: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that may record.

    Attributes:
        resumed: whether it goes on with tests recorded before.
        started_s: when it first began.
        complete: whether it had come to its end before.
        stands: whether it had, and all that its results rest on is as it was then.
        put_aside: how many tests of the config's earlier sessions `fresh` has put aside: neither
            this session nor later ones take results from them.
        outcomes: its final outcomes so far, in the order of the tests.
        unfinished: tests that were created and have none, each with its good runs.
        uncleaned: tests, finished or not, whose clean command has not ended.
        next_test_id: above every id in use.
        beside: ids of tests that were made beside its search, as far as it said so when it ended:
            of `output.importance` and `check_tree`.
    """

    session_id: int
    resumed: bool
    outcomes: tuple[Outcome, ...] = ()
    unfinished: tuple[tuple[Test, tuple[Run, ...]], ...] = ()
    uncleaned: tuple[Test, ...] = ()
    next_test_id: int = 1
    started_s: float = 0.0
    beside: frozenset[int] = frozenset()
    complete: bool = False
    stands: bool = False
    put_aside: int = 0


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in a list of sessions.

    Attributes:
        state: `running`, `killed`, `complete`, `interrupted` or `failed`.
        best: the best score; None if no test succeeded.
        strategy: what decided which tests were made; `bench` or `import` if none did.
    """

    id: int
    name: str
    state: str
    started_s: float
    tests: int
    failed: int
    best: float | None
    unit: str
    goal: Goal
    simulated: bool
    config_path: str
    strategy: str


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it was recorded.

    Attributes:
        outcomes: in the order of the tests; with their runs if those were asked for.
        summary: what the session said at its end.
        spec: the config's tables as they were when the session last began.
    """

    info: SessionInfo
    state: str
    config_path: str
    outcomes: tuple[Outcome, ...]
    notes: tuple[Note, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)

    @property
    def winners(self) -> frozenset[int]:
        """The tests that it called the best at its end: of kernels, those that won the finals.

        None while it goes on, or if it was killed: what it said before may no longer be so.
        """
        return find_winners(self.state, self.summary)

    @property
    def finals(self) -> tuple[Mapping[str, Any], ...]:
        """What its finals said, if any were measured; see `find_finals`."""
        return find_finals(self.state, self.summary)


def find_winners(state: str, summary: Mapping[str, Any]) -> frozenset[int]:
    """The ids of the tests that a session called the best at its end; see `StoredSession`."""
    if state in ("running", "killed"):
        return frozenset()
    said = [summary.get("best"), *(summary.get("best_by_lane") or {}).values()]
    return frozenset(best["test"] for best in said if best)


def find_finals(state: str, summary: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """What a session said of its finals at its end: one, or one of each lane of a `replicate`.

    None while it goes on, or if it was killed, as for `find_winners`.
    """
    return () if state in ("running", "killed") else tuple(summary.get("finals", ()))


@dataclass(frozen=True, slots=True)
class Ranked:
    """What lanes found whose scores can be ranked together.

    Attributes:
        lanes: of a `replicate` session those with devices of one model, else all.
        best: the best of the successful tests, with their runs: what the session found to be the
            best, as in the finals of kernels, then by score.
        scored: how many tests have a score.
    """

    lanes: tuple[Lane, ...]
    best: tuple[Outcome, ...]
    scored: int


@dataclass(frozen=True, slots=True)
class SessionOverview:
    """What there is to say of a session without reading all of it.

    Attributes:
        tests: how many have an outcome.
        ranked: the best of the successful ones.
        failures: those that failed, in the order of the tests, without their runs.
        invalid: those that could not be launched, likewise.
        censored: those that were given up, since they could not be the best any more, likewise.
        kinds: how many outcomes there are of each kind.
        summary: what the session said at its end.
        problem: the sizes of the problem.
    """

    info: SessionInfo
    state: str
    config_path: str
    tests: int
    ranked: tuple[Ranked, ...]
    failures: tuple[Outcome, ...]
    invalid: tuple[Outcome, ...]
    censored: tuple[Outcome, ...]
    kinds: Mapping[str, int]
    notes: tuple[Note, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    problem: Mapping[str, Any] = field(default_factory=dict)

    @property
    def best(self) -> tuple[Outcome, ...]:
        """The best of each device's."""
        return tuple(outcome for ranked in self.ranked for outcome in ranked.best)

    @property
    def finals(self) -> tuple[Mapping[str, Any], ...]:
        """What its finals said, if any were measured; see `find_finals`."""
        return find_finals(self.state, self.summary)
