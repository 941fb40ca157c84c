"""Simulated annealing: a walk that accepts worse neighbours, less and less."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.model import Outcome
from harness.search.explorer import Explorer
from harness.space.arrays import Array

SAMPLE = 8
"""The walk starts from the best of so many random configurations."""
USUAL_BUDGET = 200
"""Where no budget is known, it cools down as if for this one."""
HOPS = 4
"""Where all neighbours are known, it looks at a neighbour's, and so on, so many times."""
HOT, COLD = 0.5, 0.005
"""Temperatures at the start and at the end, in units of the losses' spread."""


class Annealing(Explorer):
    """Tests a random neighbour of where it is, and goes there if a throw of dice allows it.

    Worse by d is accepted with probability exp(-d / t); the temperature t falls geometrically
    from `HOT` to `COLD` times the median distance of losses from the best, over the budget.

    Source: Kirkpatrick, Gelatt & Vecchi (1983), Optimization by Simulated Annealing.
    """

    def _begin(self, prior: Sequence[Outcome]) -> None:
        self._place: Array | None = None
        self._loss = math.inf
        self._around: Array | None = None

    def _propose(self) -> Array | None:
        if self._place is None or len(self.rows) < SAMPLE:
            return None
        if self._around is None:
            self._around = self.neighbours(self._place)
        rng, around = self.chance(), self._around
        for _ in range(HOPS):
            new = self.new_rows(around)
            if len(new):
                found: Array = new[rng.integers(len(new))]
                return found
            if not len(around):
                return None
            around = self.neighbours(around[rng.integers(len(around))])
        return None

    def _learn(self, row: Array, loss: float) -> None:
        if math.isfinite(loss) and self._accepts(loss):
            self._place, self._loss, self._around = row, loss, None

    def _accepts(self, loss: float) -> bool:
        if loss <= self._loss:
            return True
        if len(self.rows) <= SAMPLE:
            return False
        excess = (loss - self._loss) / self._temperature()
        return excess < 700 and self.chance(1).random() < math.exp(-excess)

    def _temperature(self) -> float:
        losses = np.array(self.losses)
        losses = losses[np.isfinite(losses)]
        spread = float(np.median(losses) - losses.min()) or 1.0
        done = min(1.0, len(self.rows) / (self.budget or USUAL_BUDGET))
        return float(spread * HOT * (COLD / HOT) ** done)
