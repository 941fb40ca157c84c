"""A layered diagram of all configurations: counted, ranked and drawn without listing them.

Parameters are bound one after the other, one layer each. A state of a layer stands for all
partial configurations that agree in what later constraints still look at, so they are completed
in the same ways: a diagram is often far smaller than the space, and independent groups of
parameters (where nothing is looked at any more, one state is left) add instead of multiplying.
Each edge knows how many configurations pass before it, which makes rank and unrank a binary search
per layer.

This is a (quasi-reduced, multi-valued) decision diagram with path counts; see Andersen, Hadzic,
Hooker & Tiedemann (2007), "A constraint store based on multivalued decision diagrams".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.space.arrays import Array, Bools, index_type, signed_type


@dataclass(slots=True)
class Layer:
    """How one parameter is bound, before counting.

    Attributes:
        parameter: its position in the space.
        size: how many values it has.
        states: how many states the layer starts from.
        allowed: set where every state may take the same values and stays what it is; edges are
            then not stored.
        codes: edges, ascending, as state * size + value.
        children: the state of the next layer each edge leads to; None: edge i leads to state i.
        merges: all edges lead to state 0.
    """

    parameter: int
    size: int
    states: int
    allowed: Array | None = None
    codes: Array | None = None
    children: Array | None = None
    merges: bool = False

    def child(self, edges: Array) -> Array:
        """The states that edges lead to."""
        if self.merges:
            return np.zeros(len(edges), dtype=np.int64)
        return edges if self.children is None else self.children[edges].astype(np.int64)


class Diagram:
    """Layers in the order of binding, with counts.

    Attributes:
        order: the position in the space of the parameter that each layer binds.
        size: how many configurations there are.
    """

    def __init__(self, layers: list[Layer], states_after: int, width: int) -> None:
        """Count the paths, and forget edges that lead nowhere.

        Args:
            states_after: how many states the last layer leads to.
            width: parameters of the space; those without a layer stay at position 0.
        """
        self.layers = layers
        self._width = width
        self.order = tuple(layer.parameter for layer in layers)
        self._before: list[Array] = [np.zeros(0)] * len(layers)
        counts: Array = np.ones(states_after, dtype=np.int32)
        for depth in range(len(layers) - 1, -1, -1):
            counts = self._count(depth, counts)
        self.size = int(counts.sum()) if len(counts) else 0

    def _count(self, depth: int, after: Array) -> Array:
        """Configurations below each state of a layer, from those of the next."""
        layer = self.layers[depth]
        if layer.allowed is not None:
            self._before[depth] = after
            most = int(after[0] if len(after) == 1 else after.max(initial=0)) * len(layer.allowed)
            return after.astype(signed_type(most)) * len(layer.allowed)
        before = self._before[depth] = self._accumulate(layer, after)
        assert layer.codes is not None
        if layer.states == 1:
            return before[-1:]
        if len(layer.codes) == layer.states * layer.size:  # nothing was rejected
            below = before[:: layer.size]
        else:
            borders = np.arange(layer.states + 1, dtype=layer.codes.dtype) * layer.size
            below = before[_find(layer.codes, borders)]
        counts: Array = below[1:] - below[:-1]
        return counts

    @staticmethod
    def _accumulate(layer: Layer, after: Array) -> Array:
        """Configurations before each edge, and all; dead edges are taken out of the layer."""
        assert layer.codes is not None
        if layer.merges:
            each = int(after[0]) if len(after) else 0
            if not each:
                layer.codes = layer.codes[:0]
            count = len(layer.codes)
            return np.arange(count + 1, dtype=signed_type(each * count)) * each
        passing = after if layer.children is None else after.take(layer.children)
        if not passing.all():
            alive = passing != 0
            if layer.children is None:
                layer.children = np.arange(len(passing), dtype=signed_type(len(passing)))
            layer.children = layer.children[alive]
            layer.codes, passing = layer.codes[alive], passing[alive]
        most = int(passing.max(initial=0)) * len(passing)
        before: Array = np.zeros(len(passing) + 1, dtype=signed_type(most))
        passing.cumsum(out=before[1:], dtype=before.dtype)
        return before

    @property
    def bytes(self) -> int:
        """Memory that the diagram holds."""
        arrays = [a for layer in self.layers for a in (layer.codes, layer.children, layer.allowed)]
        return sum(array.nbytes for array in [*arrays, *self._before] if array is not None)

    @property
    def edges(self) -> int:
        """How many edges are stored."""
        return sum(len(layer.codes) for layer in self.layers if layer.codes is not None)

    def unrank(self, ranks: Array) -> Array:
        """The positions of the values of the configurations with these ranks.

        Args:
            ranks: shape (n,), from 0 to `size - 1`, in the diagram's order.

        Returns:
            Shape (n, parameters), columns in the space's order.
        """
        rows = np.zeros((len(ranks), self._width), dtype=self.row_type)
        states = np.zeros(len(ranks), dtype=np.int64)
        rest = ranks.astype(signed_type(self.size), copy=False)
        for depth, layer in enumerate(self.layers):
            before = self._before[depth]
            if layer.allowed is not None:
                if len(layer.allowed) == 1:
                    rows[:, layer.parameter] = layer.allowed
                    continue
                widths = before[states]
                chosen = (rest // widths).astype(np.int64)
                rest = rest - chosen * widths
                rows[:, layer.parameter] = layer.allowed[chosen]
                continue
            assert layer.codes is not None
            target = rest
            if layer.states > 1:
                first = states * layer.size
                target = rest + before[_find(layer.codes, first)]
            edges = _find(before, target, side="right") - 1
            values = layer.codes[edges]
            rows[:, layer.parameter] = values - first if layer.states > 1 else values
            rest = target - before[edges]
            states = layer.child(edges)
        return rows

    def unrank_one(self, rank: int) -> list[int]:
        """The positions of the configuration with this rank: `unrank` for one, and quicker."""
        row, state, rest = [0] * self._width, 0, rank
        for depth, layer in enumerate(self.layers):
            before = self._before[depth]
            if layer.allowed is not None:
                chosen = 0
                if len(layer.allowed) > 1:
                    chosen, rest = divmod(rest, int(before[state]))
                row[layer.parameter] = int(layer.allowed[chosen])
                continue
            assert layer.codes is not None
            first = state * layer.size
            target = rest
            if state:
                target += int(before[_find_one(layer.codes, first)])
            edge = _find_one(before, target, side="right") - 1
            row[layer.parameter] = int(layer.codes[edge]) - first
            rest = target - int(before[edge])
            if layer.merges:
                state = 0
            else:
                state = edge if layer.children is None else int(layer.children[edge])
        return row

    def rank(self, rows: Array) -> tuple[Array, Bools]:
        """The ranks of configurations given by positions, and which of them are valid.

        Args:
            rows: shape (n, parameters), columns in the space's order.
        """
        if not self.size:
            return np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
        valid = np.ones(len(rows), dtype=bool)
        states = np.zeros(len(rows), dtype=np.int64)
        ranks = np.zeros(len(rows), dtype=signed_type(self.size))
        for depth, layer in enumerate(self.layers):
            before = self._before[depth]
            values = rows[:, layer.parameter].astype(np.int64)
            if layer.allowed is not None:
                places = np.minimum(np.searchsorted(layer.allowed, values), len(layer.allowed) - 1)
                valid &= layer.allowed[places] == values
                ranks = ranks + places * before[states].astype(ranks.dtype)
                continue
            assert layer.codes is not None
            codes = states * layer.size + values
            edges = np.minimum(_find(layer.codes, codes), len(layer.codes) - 1)
            valid &= layer.codes[edges] == codes
            first = _find(layer.codes, states * layer.size)
            ranks = ranks + (before[edges] - before[first]).astype(ranks.dtype)
            states = layer.child(edges)
        return ranks, valid

    def follow(self, points: Array) -> Array:
        """The configurations at points of the unit cube.

        Each coordinate picks its parameter's value by its distribution among the configurations
        that agree with the values picked before, so uniform points give uniform configurations
        (the inverse of Rosenblatt's transform, 1952) and evenly spread coordinates evenly spread
        values.

        Args:
            points: shape (n, parameters), in [0, 1), columns in the space's order.

        Returns:
            Positions, shape (n, parameters).
        """
        rows = np.zeros((len(points), self._width), dtype=self.row_type)
        states = np.zeros(len(points), dtype=np.int64)
        for depth, layer in enumerate(self.layers):
            before, at = self._before[depth], points[:, layer.parameter]
            if layer.allowed is not None:
                chosen = (at * len(layer.allowed)).astype(np.int64)
                rows[:, layer.parameter] = layer.allowed[chosen]
                continue
            assert layer.codes is not None
            low = before[_find(layer.codes, states * layer.size)]
            high = before[_find(layer.codes, (states + 1) * layer.size)]
            target = low + _share(at, high - low)
            edges = _find(before, target, side="right") - 1
            rows[:, layer.parameter] = layer.codes[edges] - states * layer.size
            states = layer.child(edges)
        return rows

    @property
    def row_type(self) -> np.dtype[np.generic]:
        """The smallest unsigned type that holds any position."""
        return index_type(max((layer.size for layer in self.layers), default=1))

    def table(self) -> Array:
        """All configurations, in the diagram's order: positions, shape (size, parameters).

        The columns are contiguous in memory.
        """
        result = np.zeros((self._width, self.size), dtype=self.row_type)
        states = np.zeros(1 if self.size else 0, dtype=np.int64)
        for depth, layer in enumerate(self.layers):
            if layer.allowed is not None:
                values = np.tile(layer.allowed, len(states))
                states = np.repeat(states, len(layer.allowed))
                widths = self._before[depth][states]
            else:
                edges = self._edges_of(layer, states)
                assert layer.codes is not None
                values = layer.codes[edges] % layer.size
                widths = np.diff(self._before[depth])[edges]
                states = layer.child(edges)
            whole = len(values) == self.size
            result[layer.parameter] = values if whole else np.repeat(values, widths.astype(np.intp))
        return result.T

    @staticmethod
    def _edges_of(layer: Layer, states: Array) -> Array:
        """The edges of each state in turn."""
        assert layer.codes is not None
        if layer.states == len(states) and bool((states == np.arange(len(states))).all()):
            return np.arange(len(layer.codes), dtype=np.int64)
        first = _find(layer.codes, states * layer.size)
        counts = _find(layer.codes, (states + 1) * layer.size) - first
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        edges: Array = np.repeat(first - (ends - counts), counts) + np.arange(total)
        return edges


def _share(at: Array, widths: Array) -> Array:
    """The whole number below `at * widths`; `at` is below 1."""
    if widths.dtype == object:
        return np.array([int(a * 2**53) * w >> 53 for a, w in zip(at, widths, strict=True)], object)
    shares: Array = np.minimum((at * widths).astype(widths.dtype), widths - 1)
    return shares


def _find(ascending: Array, wanted: Array, side: Literal["left", "right"] = "left") -> Array:
    """`np.searchsorted` without copying the haystack to the needles' type."""
    if wanted.dtype != ascending.dtype:
        if ascending.dtype != object:
            wanted = np.minimum(wanted, _GREATEST[ascending.dtype])
        wanted = wanted.astype(ascending.dtype)
    found: Array = ascending.searchsorted(wanted, side)
    return found


def _find_one(ascending: Array, wanted: int, side: Literal["left", "right"] = "left") -> int:
    """The same for one number that is no greater than the type of the haystack holds."""
    return int(ascending.searchsorted(ascending.dtype.type(wanted), side))


_GREATEST = {np.dtype(t): np.iinfo(t).max for t in (np.uint16, np.int32, np.int64)}
