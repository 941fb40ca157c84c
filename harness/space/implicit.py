"""Spaces too large for a diagram: nothing is listed, configurations are drawn and checked.

A diagram covers the parameters that could be bound within the limits; the rest, the tail, takes
any value. A configuration drawn uniformly from that product, and rejected when a remaining
condition fails, is uniform over the space.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from harness.space.arrays import Array, Bools
from harness.space.diagram import Diagram
from harness.space.evaluate import Evaluator, cells

BATCH = 1 << 14
MAX_DRAWS = 1 << 24
"""Draws after which sampling gives up: the space is empty, or next to it."""


class Implicit:
    """The product of a diagram and the tail, less what remaining conditions reject.

    Attributes:
        diagram: of the parameters that were bound.
    """

    def __init__(
        self,
        names: Sequence[str],
        diagram: Diagram,
        tail: Sequence[int],
        allowed: dict[str, Array],
        evaluators: Sequence[Evaluator],
    ) -> None:
        """Take over where the join gave up.

        Args:
            tail: positions of the parameters that were not bound, in the order to bind them.
            allowed: positions that each parameter may take.
            evaluators: the remaining conditions, those that decide most easily first.
        """
        self.diagram = diagram
        self._names = tuple(names)
        self._tail = tuple(tail)
        self._allowed = allowed
        self._evaluators = tuple(evaluators)
        bound = {names[layer.parameter] for layer in diagram.layers}
        self._steps: list[tuple[int, list[Evaluator]]] = []
        waiting = list(evaluators)
        for parameter in tail:
            bound.add(names[parameter])
            ready = [e for e in waiting if bound.issuperset(e.names)]
            waiting = [e for e in waiting if e not in ready]
            self._steps.append((parameter, ready))

    @property
    def candidates(self) -> int:
        """Configurations of the product, an upper bound of the space's size."""
        tail = math.prod(len(self._allowed[self._names[parameter]]) for parameter in self._tail)
        return self.diagram.size * tail

    def accept(self, rows: Array, evaluators: Sequence[Evaluator]) -> Bools:
        """Which rows satisfy the conditions.

        Raises:
            ConfigError: a condition raises for a row that all others accept.
        """
        accepted, failures = self._filter(rows, evaluators)
        for evaluator, error in failures:
            where = np.flatnonzero(accepted & error)
            if len(where):
                columns = {name: rows[:, at] for at, name in enumerate(self._names)}
                cell = cells(columns, evaluator.names, where[:1])[0]
                raise evaluator.problem(tuple(cell.tolist()))
        return accepted

    def _filter(
        self, rows: Array, evaluators: Sequence[Evaluator]
    ) -> tuple[Bools, list[tuple[Evaluator, Bools]]]:
        """Which rows nothing rejects, and where conditions raise."""
        accepted = np.ones(len(rows), dtype=bool)
        failures: list[tuple[Evaluator, Bools]] = []
        columns = {name: rows[:, at] for at, name in enumerate(self._names)}
        for evaluator in evaluators:
            passing, error = evaluator(columns)
            if error is not None:
                error = np.broadcast_to(error, accepted.shape)
                passing = passing | error
                failures.append((evaluator, error))
            accepted &= passing
        return accepted, failures

    def _candidates_at(self, points: Array) -> Array:
        rows = self.diagram.follow(points)
        return self._with_tail(rows, points)

    def _with_tail(self, rows: Array, points: Array) -> Array:
        rows = rows.astype(np.result_type(rows, np.uint16)) if self._tail else rows
        for parameter in self._tail:
            allowed = self._allowed[self._names[parameter]]
            rows = rows if rows.dtype.itemsize >= allowed.dtype.itemsize else rows.astype(np.int64)
            rows[:, parameter] = allowed[(points[:, parameter] * len(allowed)).astype(np.intp)]
        return rows

    def batches(self, rng: np.random.Generator) -> Iterator[tuple[Array, int]]:
        """Uniform rows, batch by batch, each with how many were drawn for it.

        Ends after `MAX_DRAWS` draws.
        """
        if not self.candidates:
            return
        for _ in range(MAX_DRAWS // BATCH):
            points = rng.random((BATCH, len(self._names)))
            rows = self._candidates_at(points)
            yield rows[self.accept(rows, self._evaluators)], BATCH

    def at(self, points: Array) -> Array:
        """The valid ones among the candidates at points of the unit cube."""
        rows = self._candidates_at(points) if self.candidates else np.zeros((0, len(self._names)))
        return rows[self.accept(rows, self._evaluators)]

    def walk(self) -> Iterator[Array]:
        """All rows, in blocks, in the order of binding."""
        for low in range(0, self.diagram.size, BATCH):
            ranks = range(low, min(low + BATCH, self.diagram.size))
            dtype = np.int64 if self.diagram.size < 2**62 else object
            rows = self.diagram.unrank(np.array(ranks, dtype=dtype))
            yield from self._extend(rows.astype(np.int64), 0, False)

    def _extend(self, rows: Array, depth: int, has_failures: bool) -> Iterator[Array]:
        if depth == len(self._steps):
            # What raised on the way is an error only if all that came later accepts it.
            yield rows[self.accept(rows, self._evaluators)] if has_failures else rows
            return
        parameter, ready = self._steps[depth]
        allowed = self._allowed[self._names[parameter]]
        step = max(1, BATCH // len(allowed))
        for low in range(0, len(rows), step):
            block = rows[low : low + step]
            longer = np.repeat(block, len(allowed), axis=0)
            longer[:, parameter] = np.tile(allowed, len(block))
            accepted, failures = self._filter(longer, ready)
            longer = longer[accepted]
            if len(longer):
                yield from self._extend(longer, depth + 1, has_failures or bool(failures))
