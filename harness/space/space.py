"""The space: all valid configurations, counted, looked up and drawn without listing them.

Order is that of `itertools.product`: the last parameter varies fastest. A space beyond
`ORDER_LIMIT` configurations that could not be joined in that order keeps the order of the join.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from harness.configuration import Configuration, Value
from harness.errors import ConfigError
from harness.space.arrays import SAFE, Array, Bools
from harness.space.conjuncts import split
from harness.space.constraints import AnyConstraint
from harness.space.construct import EDGE_LIMIT, Construction, construct
from harness.space.implicit import Implicit
from harness.space.merge import mixed_radix
from harness.space.parameters import Parameter
from harness.space.tree import Node

ORDER_LIMIT = 50_000_000
"""The most configurations that are put into order."""

BLOCK = 4096
"""Configurations decoded at once by an iteration."""


class Space:
    """All configurations for which every constraint holds.

    A configuration that some constraint rejects is invalid even if another cannot be evaluated
    for it, so constraints may be written in any order.

    Attributes:
        parameters, constraints, tree: as handed in.
        names: of the parameters, in order.
        cartesian_size: combinations, valid or not.
        size: valid configurations; None if the space is too large to count them.
        construction_s: seconds that it took to make.
    """

    def __init__(
        self,
        parameters: tuple[Parameter, ...],
        constraints: tuple[AnyConstraint, ...],
        tree: Node | None,
        construction: Construction,
        construction_s: float,
    ) -> None:
        """Use `make_space`."""
        self.parameters = parameters
        self.constraints = constraints
        self.tree = tree
        self.names = tuple(parameter.name for parameter in parameters)
        self.cartesian_size = math.prod(len(parameter.values) for parameter in parameters)
        self.construction = construction
        self.construction_s = construction_s
        self.diagram = construction.diagram
        self.size = None if construction.tail and self.diagram.size else self.diagram.size
        self._positions: list[dict[Value, int]] = []
        self._order: tuple[Array, Array] | None = None

    @cached_property
    def implicit(self) -> Implicit:
        """The space as candidates and what rejects some of them."""
        made = self.construction
        return Implicit(self.names, self.diagram, made.tail, made.allowed, made.waiting)

    # Between values and positions.

    def positions(self, configuration: Mapping[str, Value]) -> Array | None:
        """The position of each value among its parameter's; None: not a value of each."""
        if not self._positions:
            self._positions = [
                {value: at for at, value in enumerate(parameter.values)}
                for parameter in self.parameters
            ]
        if len(configuration) != len(self.names):
            return None
        found = []
        for name, known in zip(self.names, self._positions, strict=True):
            at = known.get(configuration[name]) if name in configuration else None
            if at is None:
                return None
            found.append(at)
        return np.array([found], dtype=np.int64)

    def decode(self, rows: Array) -> list[Configuration]:
        """The configurations at rows of positions."""
        columns = [
            [parameter.values[at] for at in rows[:, place].tolist()]
            for place, parameter in enumerate(self.parameters)
        ]
        if not columns:
            return [Configuration((), ()) for _ in range(len(rows))]
        return [Configuration(self.names, values) for values in zip(*columns, strict=True)]

    def valid_rows(self, rows: Array) -> Bools:
        """Which rows of positions are valid."""
        if self.size is not None:
            return self.diagram.rank(rows)[1]
        return self.implicit.accept(rows, self.construction.evaluators)

    # What is in the space.

    def __contains__(self, configuration: object) -> bool:
        return isinstance(configuration, Mapping) and self.is_valid(configuration)

    def is_valid(self, configuration: Mapping[str, Value]) -> bool:
        """Whether it has a value of each parameter, in any order, and every constraint holds."""
        row = self.positions(configuration)
        return row is not None and bool(self.valid_rows(row)[0])

    def __len__(self) -> int:
        if self.size is None:  # TypeError, as `list(space)` asks for len() first
            raise TypeError("a space that was not counted has no len(); use `size`")
        if self.size > sys.maxsize:
            raise OverflowError(f"{self.size} is more than len() can say; use `size`")
        return self.size

    def _counted(self) -> int:
        if self.size is None:
            raise OverflowError(
                f"the valid ones of {self.cartesian_size} configurations were not counted; "
                "ask for `size` (None) or sample"
            )
        return self.size

    def __iter__(self) -> Iterator[Configuration]:
        for rows in self.rows():
            yield from self.decode(rows)

    def rows(self) -> Iterator[Array]:
        """All rows of positions, in order, in blocks."""
        if self.size is None:
            yield from self.implicit.walk()
            return
        for low in range(0, self.size, BLOCK):
            high = min(low + BLOCK, self.size)
            yield self._rows_at(range(low, high))

    def matrix(self) -> Array:
        """All rows of positions, in order: shape (size, parameters), the smallest unsigned type.

        Raises:
            OverflowError: too large to list.
        """
        if self._counted() > ORDER_LIMIT:
            raise OverflowError(f"{self.size} configurations are too many to list; sample")
        table = self.diagram.table()
        return table if self._is_ordered else table[self._permutation()[0]]

    def _rows_at(self, places: Iterable[int]) -> Array:
        dtype = np.int64 if self._counted() < SAFE else object
        ranks = np.array(list(places), dtype=dtype)
        if not self._is_ordered:
            ranks = self._permutation()[0][ranks].astype(np.int64)
        return self.diagram.unrank(ranks)

    def __getitem__(self, place: int) -> Configuration:
        size = self._counted()
        if not -size <= place < size:
            raise IndexError(f"configuration {place} of {size}")
        rank = place % size
        if not self._is_ordered:
            rank = int(self._permutation()[0][rank])
        return self.decode(np.array([self.diagram.unrank_one(rank)]))[0]

    def index(self, configuration: Mapping[str, Value]) -> int:
        """The place of a configuration: `space[space.index(c)] == c`.

        Raises:
            KeyError: it is not in the space.
        """
        self._counted()  # an uncounted space has no places
        row = self.positions(configuration)
        if row is not None:
            ranks, valid = self.diagram.rank(row)
            if valid[0]:
                return int(ranks[0] if self._is_ordered else self._permutation()[1][ranks[0]])
        raise KeyError(configuration)

    @property
    def _is_ordered(self) -> bool:
        """Whether the diagram's order is the space's."""
        order = [layer.parameter for layer in self.diagram.layers if layer.size > 1]
        return order == sorted(order) or (self.size or 0) > ORDER_LIMIT

    def _permutation(self) -> tuple[Array, Array]:
        """Ranks in the space's order, and the places of the ranks."""
        if self._order is None:
            table = self.diagram.table()
            if self.cartesian_size < SAFE:
                sizes = [len(parameter.values) for parameter in self.parameters]
                ranks = np.argsort(mixed_radix(list(table.T), sizes))
            else:
                ranks = np.lexsort(table.T[::-1])
            ranks = ranks.astype(np.int32)
            places = np.empty_like(ranks)
            places[ranks] = np.arange(len(ranks), dtype=np.int32)
            self._order = ranks, places
        return self._order

    def restrict(self, fixed: Mapping[str, Value]) -> Space:
        """The configurations that have these values.

        Raises:
            ConfigError: no such parameter or value.
        """
        check_fixed(self.parameters, fixed)
        parameters = [
            Parameter(p.name, (fixed[p.name],)) if p.name in fixed else p for p in self.parameters
        ]
        return make_space(parameters, self.constraints, self.tree)


def check_fixed(parameters: Sequence[Parameter], fixed: Mapping[str, Value]) -> None:
    """Refuse values that the parameters do not have.

    Raises:
        ConfigError: no such parameter or value.
    """
    known = {parameter.name: parameter.values for parameter in parameters}
    for name, value in fixed.items():
        if name not in known:
            raise ConfigError(f"{name} is no parameter; expected one of {', '.join(known)}")
        if value not in known[name]:
            raise ConfigError(
                f"{name} = {value!r}: not one of its values; expected one of "
                f"{', '.join(map(repr, known[name]))}"
            )


def make_space(
    parameters: Sequence[Parameter],
    constraints: Sequence[AnyConstraint] = (),
    tree: Node | None = None,
    *,
    edge_limit: int = EDGE_LIMIT,
) -> Space:
    """The space of all combinations of values for which the constraints hold.

    Args:
        edge_limit: beyond so many stored edges the space is neither counted nor listed.

    Raises:
        ConfigError: a name twice; a constraint that raises for a configuration which all others
            accept.
    """
    started_s = time.perf_counter()
    names = [parameter.name for parameter in parameters]
    known = set(names)
    if len(known) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"parameter {twice} appears twice; give each its own name")
    for constraint in constraints:
        if not constraint.names <= known:
            unknown = sorted(constraint.names - known)
            raise ConfigError(
                f'constraint "{constraint.text}": {unknown[0]} is no parameter; '
                f"expected {', '.join(names) or 'none'}"
            )
    construction = construct(parameters, split(constraints), edge_limit)
    elapsed_s = time.perf_counter() - started_s
    return Space(tuple(parameters), tuple(constraints), tree, construction, elapsed_s)
