"""Builds the diagram of a space: binds one parameter after the other, and filters at once.

Each step pairs all states with all values of the next parameter, evaluates the conditions that
thereby become decidable for whole blocks of pairs, and keeps the pairs that pass. States that
agree in all that later conditions look at are merged. Where evaluating a condition raises, the
pair is kept until it is known whether anything else rejects all its completions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from harness.space.arrays import Array, Bools, code_type, index_type
from harness.space.diagram import Diagram, Layer
from harness.space.evaluate import Evaluator, cells
from harness.space.merge import distinct
from harness.space.table import Table, tabulate

BLOCK = 1 << 18
"""Pairs evaluated at once: few enough to stay in the cache, many enough to hide NumPy's calls."""


FEW_PAIRS = 4096


class TooLargeError(Exception):
    """The diagram has more edges, or takes more evaluations, than allowed."""


@dataclass(slots=True)
class _Failure:
    """Edges for which a condition raised: positions of the condition's names, one row each."""

    evaluator: Evaluator
    depth: int
    codes: Array
    positions: Array


class _Before(NamedTuple):
    """What a join was before a step, to take it back."""

    states: int
    live: dict[str, Array]
    bound: set[str]
    waiting: list[Evaluator]
    pairs: int
    edges: int


@dataclass(slots=True)
class Join:
    """A join under way.

    Attributes:
        names: of all parameters.
        sizes: how many values each has.
        allowed: per parameter, the positions that conditions on it alone allow.
        evaluators: the conditions on two parameters or more.
        edge_limit: edges that may be stored.
    """

    names: Sequence[str]
    sizes: Sequence[int]
    allowed: dict[str, Array]
    evaluators: list[Evaluator]
    raising: list[Evaluator]
    edge_limit: int
    layers: list[Layer] = field(default_factory=list)
    _states: int = 1
    _live: dict[str, Array] = field(default_factory=dict)
    _bound: set[str] = field(default_factory=set)
    _waiting: list[Evaluator] = field(default_factory=list)
    _failures: list[_Failure] = field(default_factory=list)
    _history: list[_Before] = field(default_factory=list)
    _edges: int = 0
    _pairs: int = 0
    _fixed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._waiting = [*self.evaluators, *self.raising]
        # One position is left of these, and no state need hold it.
        self._fixed = frozenset(name for name in self.names if len(self.allowed[name]) == 1)
        self._bound = set(self._fixed)

    def finish(self) -> tuple[Diagram, list[Evaluator]]:
        """The diagram of what was bound so far, and the conditions that it does not guarantee.

        Raises:
            ConfigError: all is bound, and a condition raised for a configuration that all others
                accept.
        """
        diagram = Diagram(self.layers, self._states, len(self.names))
        if len(self.layers) < len(self.names):
            raised = [failure.evaluator for failure in self._failures]
            return diagram, [*dict.fromkeys(raised), *self._waiting]
        for failure in self._failures:
            kept = self.layers[failure.depth].codes
            assert kept is not None
            alive = np.isin(failure.codes, kept)
            if alive.any():
                raise failure.evaluator.problem(tuple(failure.positions[alive][0].tolist()))
        return diagram, []

    def bind(self, parameter: int) -> None:
        """Bind the next parameter.

        Raises:
            TooLargeError: a limit is reached; the join is as it was.
        """
        name = self.names[parameter]
        bound = self._bound | {name}
        before = _Before(
            self._states, self._live, self._bound, self._waiting, self._pairs, self._edges
        )
        ready = [e for e in self._waiting if bound.issuperset(e.names) and name in e.names]
        waiting = [e for e in self._waiting if e not in ready]
        needed = {other for evaluator in waiting for other in evaluator.names}
        if not ready and (name not in needed or name in self._fixed):
            self.layers.append(
                Layer(parameter, self.sizes[parameter], self._states, allowed=self.allowed[name])
            )
            self._bound = bound
            self._history.append(before)
            return
        size, allowed = self.sizes[parameter], self.allowed[name]
        pairs = self._pairs + self._states * len(allowed)
        if pairs > 25 * self.edge_limit:
            raise TooLargeError
        codes, failing = self._filter(name, size, ready)
        if self._edges + len(codes) > self.edge_limit:
            raise TooLargeError
        self._pairs, self._edges = pairs, self._edges + len(codes)
        layer = Layer(parameter, size, self._states, codes=codes)
        self._note_failures(name, size, codes, failing)
        self._bound, self._waiting = bound, waiting
        self._merge(layer, name, needed)
        self.layers.append(layer)
        self._history.append(before)

    def shed(self) -> list[int]:
        """Take back the last steps that rejected little: they cost memory and decide nothing.

        Returns:
            The parameters that are unbound again, in order.
        """
        shed: list[int] = []
        while self.layers:
            layer, before = self.layers[-1], self._history[-1]
            edges, pairs = self._edges - before.edges, self._pairs - before.pairs
            if layer.codes is not None and edges * 2 < pairs:
                break
            self._states, self._live, self._bound = before.states, before.live, before.bound
            self._waiting, self._pairs, self._edges = before.waiting, before.pairs, before.edges
            self.layers.pop()
            self._history.pop()
            self._failures = [f for f in self._failures if f.depth < len(self.layers)]
            shed.insert(0, layer.parameter)
        return shed

    # One layer: which pairs of state and value pass.

    def _columns(self, name: str, low: int, high: int) -> dict[str, Array]:
        """Columns of the states from low to high, across; of the new parameter, along."""
        columns = {other: column[low:high, None] for other, column in self._live.items()}
        for other in self._fixed:
            columns[other] = self.allowed[other][None, :]
        columns[name] = self.allowed[name][None, :]
        return columns

    def _filter(
        self, name: str, size: int, ready: list[Evaluator]
    ) -> tuple[Array, list[Evaluator]]:
        """The pairs that pass, as state * size + value, and the conditions that raised."""
        width = len(self.allowed[name])
        dtype = code_type(self._states * size)
        if not ready and width == size:
            if self._edges + self._states * size > self.edge_limit:
                raise TooLargeError
            return np.arange(self._states * size, dtype=dtype), []
        tables = [(e, self._table(name, e)) for e in ready if e.is_vectorised]
        failing: dict[int, Evaluator] = {}
        found = [np.zeros(0, dtype)]
        count = 0
        step = max(1, BLOCK // max(width, 1))
        for low in range(0, self._states, step):
            high = min(low + step, self._states)
            mask = self._mask(name, low, high, tables, failing)
            flat = np.arange((high - low) * width) if mask is None else mask.ravel().nonzero()[0]
            flat = self._filter_rows(name, flat, ready, failing, low=low)
            if width == size:
                codes = flat + low * size if low else flat
            else:
                rows = flat // width
                codes = (rows + low) * size + self.allowed[name][flat - rows * width]
            found.append(codes.astype(dtype))
            count += len(codes)
            if self._edges + count > self.edge_limit:
                raise TooLargeError
        return found[1] if len(found) == 2 else np.concatenate(found), list(failing.values())

    def _mask(
        self,
        name: str,
        low: int,
        high: int,
        tables: list[tuple[Evaluator, Table | None]],
        failing: dict[int, Evaluator],
    ) -> Bools | None:
        """Which pairs of the states from low to high pass; None: all."""
        mask: Bools | None = None
        columns = self._columns(name, low, high)
        for evaluator, table in tables:
            if table is not None:
                passing, is_failing = table.block(self._live, low, high)
            else:
                passing, error = evaluator(columns)
                is_failing = error is not None
                passing = passing if error is None else passing | error
            if is_failing:
                failing[id(evaluator)] = evaluator
            mask = passing if mask is None else mask & passing
        shape = (high - low, len(self.allowed[name]))
        return mask if mask is None or mask.shape == shape else np.broadcast_to(mask, shape)

    def _filter_rows(
        self,
        name: str,
        flat: Array,
        ready: list[Evaluator],
        failing: dict[int, Evaluator],
        *,
        low: int,
    ) -> Array:
        """What is left after the conditions that are evaluated row by row."""
        width = len(self.allowed[name])
        for evaluator in ready:
            if evaluator.is_vectorised:
                continue
            rows = flat // width
            columns = self._pair_columns(name, rows + low, self.allowed[name][flat - rows * width])
            passing, error = evaluator(columns)
            if error is not None:
                failing[id(evaluator)] = evaluator
                passing = passing | error
            flat = flat[np.broadcast_to(passing, flat.shape)]
        return flat

    def _pair_columns(self, name: str, rows: Array, values: Array) -> dict[str, Array]:
        columns = {other: column[rows] for other, column in self._live.items()}
        for other in self._fixed:
            columns[other] = np.broadcast_to(self.allowed[other], rows.shape)
        columns[name] = values
        return columns

    def _table(self, name: str, evaluator: Evaluator) -> Table | None:
        """The condition for every combination it looks at, if these are fewer than the states.

        Where there are few pairs, evaluating the condition for each is as quick.
        """
        if self._states * len(self.allowed[name]) < FEW_PAIRS:
            return None
        others = [n for n in evaluator.names if n != name and n not in self._fixed]
        sizes = [self.sizes[self.names.index(n)] for n in others]
        if math.prod(sizes) * 2 > self._states:
            return None
        columns = {n: self.allowed[n][None, :] for n in self._fixed}
        columns[name] = self.allowed[name][None, :]
        return tabulate(evaluator, others, sizes, columns, len(self.allowed[name]))

    def _note_failures(
        self, name: str, size: int, codes: Array, failing: list[Evaluator]
    ) -> None:  # fmt: skip
        if not failing:
            return
        rows = codes // size
        columns = self._pair_columns(name, rows, codes - rows * size)
        for evaluator in failing:
            error = evaluator(columns)[1]
            if error is not None:
                where = np.flatnonzero(np.broadcast_to(error, codes.shape))
                positions = cells(columns, evaluator.names, where)
                self._failures.append(
                    _Failure(evaluator, len(self.layers), codes[where], positions)
                )

    # Between layers: which edges lead to the same state.

    def _merge(self, layer: Layer, name: str, needed: set[str]) -> None:
        assert layer.codes is not None
        kept = [n for n in [*self._live, name] if n in needed and n not in self._fixed]
        if not kept:
            layer.merges = True
            self._states, self._live = min(len(layer.codes), 1), {}
            return
        rows = layer.codes // layer.size
        columns = {n: self._live[n][rows] for n in kept if n != name}
        if name in kept:
            column = layer.codes - rows * layer.size
            columns[name] = column.astype(index_type(layer.size))
        if len(kept) == len(self._live) + 1:
            self._states, self._live = len(rows), columns
            return
        sizes = [self.sizes[self.names.index(n)] for n in kept]
        first, kinds = distinct([columns[n] for n in kept], sizes)
        self._states = len(first)
        layer.children = kinds.astype(index_type(self._states))
        self._live = {n: column[first] for n, column in columns.items()}
