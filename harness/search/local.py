"""Greedy descent with restarts: go to the first neighbour that is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from harness.model import Outcome
from harness.search.explorer import Explorer
from harness.space.arrays import Array

SAMPLE = 8
"""A descent starts from the best of so many random configurations."""


class Local(Explorer):
    """Tests the neighbours of a centre in random order and moves as soon as one is better.

    A neighbour differs in one parameter. When none of a centre's is better, it starts over from
    the best of another few at random. Other lanes test further neighbours of the same centre, or,
    when there are none, what the next start is chosen from.
    """

    waits_for_all: ClassVar[bool] = False
    """Whether it looks at every neighbour and moves to the best of them."""

    def _begin(self, prior: Sequence[Outcome]) -> None:
        self._sample: list[tuple[float, int]] = []  # losses and places of what a start may be
        self._loss = math.inf  # of the centre
        self._around: Array | None = None  # its neighbours in random order; None: no centre

    def _propose(self) -> Array | None:
        if self._around is None:
            return None
        if self._quickness is None:
            return next((row for row in self._around if self.is_new(row)), None)
        new = self.new_rows(self._around)
        return self.pick(new) if len(new) else None

    def _learn(self, row: Array, loss: float) -> None:
        if self._around is None:
            self._sample.append((loss, len(self.rows) - 1))
            best, place = min(self._sample)
            if len(self._sample) < SAMPLE or not math.isfinite(best):
                return
            self._move(self.rows[place], best)
        while self._around is not None and self._step():
            pass

    def _move(self, row: Array, loss: float) -> None:
        self._sample.clear()
        self._loss = loss
        around = self.neighbours(row)
        self._around = np.random.default_rng([*row.tolist(), self._seed]).permutation(around)

    def _step(self) -> bool:
        """Move, or give the centre up, if what is known of its neighbours says so."""
        assert self._around is not None
        known = [self.known_loss(row) for row in self._around]
        best = min((loss for loss in known if loss is not None), default=math.inf)
        is_complete = None not in known
        if best < self._loss and (is_complete or not self.waits_for_all):
            self._move(self._around[known.index(best)], best)
            return True
        if is_complete:
            self._around = None
        return False
