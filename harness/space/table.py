"""A condition evaluated once for every combination it looks at, then only looked up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.space.arrays import Array, Bools
from harness.space.evaluate import Evaluator
from harness.space.merge import mixed_radix


@dataclass(frozen=True, slots=True)
class Table:
    """A condition for all positions of the other parameters (down) and the new one (along).

    Attributes:
        names: of the other parameters.
        sizes: how many values they have.
        is_failing: whether the condition raised anywhere; there it counts as passing.
    """

    names: Sequence[str]
    sizes: Sequence[int]
    passing: Bools
    is_failing: bool

    def block(self, live: Mapping[str, Array], low: int, high: int) -> tuple[Bools, bool]:
        """Which pairs of the states from low to high pass, and whether any may have raised."""
        if not self.names:
            return self.passing, self.is_failing
        codes = mixed_radix([live[name][low:high] for name in self.names], self.sizes)
        return self.passing.take(codes, axis=0), self.is_failing


def tabulate(
    evaluator: Evaluator,
    others: Sequence[str],
    sizes: Sequence[int],
    columns: Mapping[str, Array],
    width: int,
) -> Table:
    """Evaluate a condition for all combinations.

    Args:
        others: the parameters along the rows.
        columns: of the remaining ones, shape (1, width) or (1, 1).
    """
    count = math.prod(sizes)
    grid = np.arange(count)[None] if len(sizes) == 1 else np.indices(sizes).reshape(-1, count)
    rows = {name: grid[at][:, None] for at, name in enumerate(others)}
    passing, error = evaluator({**columns, **rows})
    passing = passing if error is None else passing | error
    full = passing if passing.shape == (count, width) else np.broadcast_to(passing, (count, width))
    return Table(others, sizes, np.ascontiguousarray(full), error is not None)
