"""Differential evolution on positions of values, without generations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.model import Outcome
from harness.search.explorer import Explorer
from harness.search.ranks import Ranks
from harness.space.arrays import Array

MEMBERS, FEWEST_MEMBERS = 24, 5
"""Of the population: a sixth of the budget, within these bounds."""
TRIALS = 32
"""Made at once; the first that is valid and new is tested."""
BATCHES = 4
"""So many times, before something is tested at random."""
SCALE = (0.5, 1.2)
"""Of a difference; drawn anew for each trial."""
CROSSED = 0.5
"""Share of the parameters that a trial has from the mutant."""


class DifferentialEvolution(Explorer):
    """Moves the best by differences between others, which are large as long as these disagree.

    The population is at first what succeeds at random. The mutant is best + F (b - c), with b and
    c drawn from the population. The trial has a share of the mutant's values, and the others from
    a member; members take turns. A trial takes the place of the worst member if it is better, so
    that no lane waits for another's, and the order of outcomes makes no difference. Numbers are
    moved in their order, see `Ranks`; values without an order are exchanged.

    Source: Storn & Price (1997), Differential Evolution, a Simple and Efficient Heuristic for
    Global Optimization over Continuous Spaces: there `DE/best/1/bin`, for reals.
    """

    def _begin(self, prior: Sequence[Outcome]) -> None:
        self._ranks = Ranks(self.space.parameters)
        wanted = MEMBERS if self.budget is None else self.budget // 6
        self._size = min(MEMBERS, max(FEWEST_MEMBERS, wanted))
        self._members: list[tuple[float, int]] = []  # losses and places in `rows`, the best first

    def _propose(self) -> Array | None:
        if len(self._members) < self._size:
            return None
        for batch in range(BATCHES):
            trials = self._make_trials(batch)
            new = self.new_rows(trials[self.space.valid_rows(trials)])
            if len(new):
                return self.pick(new)
        return None

    def _learn(self, row: Array, loss: float) -> None:
        if math.isfinite(loss):
            self._members = sorted([*self._members, (loss, len(self.rows) - 1)])[: self._size]

    def _make_trials(self, batch: int) -> Array:
        """Unchecked trials for the member whose turn it is."""
        rng = self.chance(batch)
        rows = np.stack([self.rows[place] for _, place in self._members])
        first = rng.integers(len(rows), size=TRIALS)
        second = (first + rng.integers(1, len(rows), size=TRIALS)) % len(rows)
        scale = rng.uniform(*SCALE, size=(TRIALS, 1))
        mutants = self._ranks.move(rows[:1], rows[first], rows[second], scale, rng)
        crossed = rng.random(mutants.shape) < CROSSED
        crossed[np.arange(TRIALS), rng.integers(mutants.shape[1], size=TRIALS)] = True
        return np.where(crossed, mutants, rows[self.count % len(rows)])
