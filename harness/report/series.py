"""What a plot for a paper shows, as columns: the same for every program that draws it.

| kind | a row for each | columns |
|---|---|---|
| `best` | test, in the order they ended | `test` (how many had ended), `best` score so far |
| `scores` | successful test | `test`, `score`, `deviation`: the standard deviation of its samples |
| `importance` | parameter, the most important first | `parameter`, `importance` in percent |
| `parameters` | value of each parameter | `parameter`, `value`, `median`, `best`, `tests` |

`median` and `best` are of the scores of the tests with the value, `tests` counts them. Scores are
in the session's unit, seconds for times. With a reference, `best` and `scores` have a
column `reference`, the same in every row; with simulated devices all have `simulated`, always 1.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from harness.configuration import show_value
from harness.effects import find_importance, value_effects
from harness.errors import ConfigError
from harness.report.groups import Group, best_so_far, find_reference, measure
from harness.units import distinct

Kind = Literal["best", "scores", "importance", "parameters"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Series:
    """What one group has to show.

    Attributes:
        label: the group's.
        unit: of scores; `%` for importance.
        reference: the score to compare with, where it belongs into the plot.
    """

    kind: Kind
    label: str
    unit: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    simulated: bool
    reference: float | None = None

    def column(self, name: str) -> list[Cell]:
        """The values of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def numbers(self, name: str) -> list[float]:
        """The same of a column of numbers."""
        return [float(value) for value in self.column(name)]


def make_series(kind: Kind, groups: Sequence[Group]) -> list[Series]:
    """The series of each group that has one.

    Raises:
        ConfigError: none has.
    """
    makers = {
        "best": _make_best,
        "scores": _make_scores,
        "importance": _make_importance,
        "parameters": _make_parameters,
    }
    found = [series for group in groups if (series := makers[kind](group)).rows]
    if not found:
        session = groups[0].info.id
        why = "too few tests succeeded, or all scores are the same; --kind scores shows them"
        if all(group.best is None for group in groups):
            why = f"no test succeeded; `harness show {session} --failures` shows why"
        raise ConfigError(f"session {session}: nothing to plot with --kind {kind}: {why}")
    return found


def _make(
    kind: Kind,
    group: Group,
    columns: Sequence[str],
    rows: Sequence[tuple[Cell, ...]],
    *,
    compared: bool = False,
) -> Series:
    reference = find_reference(group.stored) if compared else None
    more: list[tuple[str, Cell]] = [] if reference is None else [("reference", reference)]
    if group.info.simulated:
        more.append(("simulated", 1))
    return Series(
        kind=kind,
        label=group.label,
        unit="%" if kind == "importance" else group.info.unit,
        columns=(*columns, *(name for name, _ in more)),
        rows=tuple((*row, *(value for _, value in more)) for row in rows),
        simulated=group.info.simulated,
        reference=reference,
    )


def _make_best(group: Group) -> Series:
    rows: list[tuple[Cell, ...]] = []
    steps = best_so_far(group)
    ends = [*(step.place for step in steps[1:]), len(group.outcomes) + 1]
    for step, end in zip(steps, ends, strict=False):
        rows += [(place, step.score) for place in range(step.place, end)]
    return _make("best", group, ("test", "best"), rows, compared=True)


def _make_scores(group: Group) -> Series:
    rows: list[tuple[Cell, ...]] = []
    for outcome in group.outcomes:
        if outcome.score is not None and math.isfinite(outcome.score):
            samples = outcome.samples
            deviation = statistics.stdev(samples) if len(samples) > 1 else 0.0
            rows.append((outcome.test_id, outcome.score, deviation))
    return _make("scores", group, ("test", "score", "deviation"), rows, compared=True)


def _make_importance(group: Group) -> Series:
    found = find_importance(measure(group))
    rows = [] if found is None else [(name, 100 * found.single[name]) for name in found.ranked()]
    return _make("importance", group, ("parameter", "importance"), rows)


def _make_parameters(group: Group) -> Series:
    measured = measure(group)
    rows: list[tuple[Cell, ...]] = []
    for name in measured.names:
        effects = value_effects(measured, name, least_is_best=group.info.goal == "min")
        values = distinct(show_value(effect.value) for effect in effects)  # 1 and "1" are two
        rows += [
            (name, value, effect.median, effect.best, effect.count)
            for value, effect in zip(values, effects, strict=True)
        ]
    return _make("parameters", group, ("parameter", "value", "median", "best", "tests"), rows)
