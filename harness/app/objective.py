"""What a config asks to be the least or the greatest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.config.spec import Spec
from harness.configuration import Goal
from harness.report.kernel import UNITS

Measured = Literal["time", "energy", "figure", "metric"]
"""What a sample is: the time of a run, its energy, the figure it prints, or a kernel's metric."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What is measured, in which unit, and which of it is best."""

    goal: Goal
    measured: Measured
    unit: str


def find_objective(spec: Spec) -> Objective:
    """What `spec.scoring` means."""
    scoring = spec.scoring
    goal: Goal = "min" if scoring.optimal.startswith("min") else "max"
    if scoring.optimal.endswith("_time"):
        return Objective(goal, "time", "s")
    if scoring.optimal.endswith("_energy"):
        return Objective(goal, "energy", "J")
    if scoring.metric is None:
        return Objective(goal, "figure", scoring.unit)
    return Objective(goal, "metric", scoring.unit or UNITS.get(scoring.metric, ""))
