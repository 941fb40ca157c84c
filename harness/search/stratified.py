"""Test at random, but every value of every parameter about equally often."""

from __future__ import annotations

import numpy as np

from harness.search.explorer import Explorer
from harness.space.arrays import Array
from harness.space.sampling import sample_evenly_rows

MOST_SPREAD = 1024


class Stratified(Explorer):
    """As many as the budget, spread as in a Latin hypercube; what goes beyond it, at random.

    Without a budget `MOST_SPREAD` are spread.
    """

    learns = False

    def _first_rows(self, rng: np.random.Generator) -> Array:
        count = min(self.budget or MOST_SPREAD, MOST_SPREAD)
        return sample_evenly_rows(self.space, count, rng).astype(np.int64)
