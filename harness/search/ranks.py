"""Values as places in an order, where they have one, so that rows can be moved by differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.search.metric import Floats
from harness.space.arrays import Array
from harness.space.parameters import Parameter


class Ranks:
    """Adds differences of rows to rows.

    Numbers have an order, whatever the order in which they are listed; words and switches have
    none.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._last = np.array([len(parameter.values) - 1 for parameter in parameters])
        widest = int(self._last.max(initial=0)) + 1
        self._has_order = np.zeros(len(parameters), dtype=bool)
        self._rank_at = np.zeros((len(parameters), widest), dtype=np.int64)
        self._position_at = np.zeros((len(parameters), widest), dtype=np.int64)
        for place, parameter in enumerate(parameters):
            values = parameter.values
            positions = list(range(len(values)))
            if not any(isinstance(value, (str, bool)) for value in values):
                self._has_order[place] = True
                positions.sort(key=lambda at: float(values[at]))
            self._position_at[place, : len(values)] = positions
            self._rank_at[place, positions] = np.arange(len(values))

    def move(
        self, rows: Array, to: Array, away: Array, scale: Floats, rng: np.random.Generator
    ) -> Array:
        """`rows` + `scale` * (`to` - `away`), shape (n, parameters); `rows` may be a single one.

        Ranks are rounded up or down at random, so that small differences are not always lost, and
        reflected at the ends. A value without an order is that of `to` with probability `scale`,
        if `to` and `away` differ.
        """
        places = np.arange(rows.shape[1])
        from_, to_, away_ = (self._rank_at[places, each] for each in (rows, to, away))
        moved = np.floor(from_ + scale * (to_ - away_) + rng.random(to.shape)).astype(np.int64)
        moved = self._reflect(moved)
        exchanged = (to_ != away_) & (rng.random(to.shape) < scale)
        moved = np.where(self._has_order, moved, np.where(exchanged, to_, from_))
        return np.asarray(self._position_at[places, moved])

    def _reflect(self, ranks: Array) -> Array:
        """Ranks beyond an end as far on the other side of it."""
        period = np.maximum(2 * self._last, 1)
        folded = np.mod(ranks, period)
        return np.asarray(np.where(folded > self._last, period - folded, folded))
