"""Spaces given by a list of their configurations, whatever constraints there are."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from harness.configuration import Configuration, Value
from harness.errors import ConfigError
from harness.space.arrays import Array, index_type
from harness.space.constraints import AnyConstraint
from harness.space.construct import Construction
from harness.space.diagram import Diagram, Layer
from harness.space.parameters import Parameter
from harness.space.space import Space, check_fixed
from harness.space.tree import Node


class ListedSpace(Space):
    """A space whose valid configurations were listed.

    Its constraints hold for all of them, but do not say which they are.
    """

    def restrict(self, fixed: Mapping[str, Value]) -> Space:
        """The listed configurations that have these values.

        Raises:
            ConfigError: no such parameter or value.
        """
        check_fixed(self.parameters, fixed)
        kept = [c for c in self if all(c[name] == value for name, value in fixed.items())]
        parameters = [
            Parameter(p.name, (fixed[p.name],)) if p.name in fixed else p for p in self.parameters
        ]
        return list_space(parameters, kept, self.tree, self.constraints)


def list_space(
    parameters: Sequence[Parameter],
    configurations: Iterable[Configuration],
    tree: Node | None = None,
    constraints: Sequence[AnyConstraint] = (),
) -> ListedSpace:
    """The space of the given configurations, in the order of the parameters' values.

    Args:
        configurations: each with a value of every parameter, in the parameters' order; one that
            is listed twice counts once.
        constraints: some that hold for all of these, for those who look for configurations.

    Raises:
        ConfigError: a configuration with another parameter or value.
    """
    started_s = time.perf_counter()
    rows = _positions(parameters, list(configurations))
    sizes = [len(parameter.values) for parameter in parameters]
    allowed = {parameter.name: np.unique(rows[:, at]) for at, parameter in enumerate(parameters)}
    construction = Construction(_make_diagram(rows, sizes), (), allowed, (), ())
    elapsed_s = time.perf_counter() - started_s
    return ListedSpace(tuple(parameters), tuple(constraints), tree, construction, elapsed_s)


def _positions(parameters: Sequence[Parameter], configurations: list[Configuration]) -> Array:
    """The distinct rows of positions, in lexicographic order."""
    names = tuple(parameter.name for parameter in parameters)
    known = [{value: at for at, value in enumerate(p.values)} for p in parameters]
    found = []
    for configuration in configurations:
        if configuration.names != names:
            raise ConfigError(
                f"configuration {configuration}: expected values of {', '.join(names)}, in this "
                "order"
            )
        try:
            found.append([k[v] for k, v in zip(known, configuration.values_, strict=True)])
        except KeyError as error:
            raise ConfigError(
                f"configuration {configuration}: {error.args[0]!r} is not a value of its parameter"
            ) from None
    dtype = index_type(max((len(p.values) for p in parameters), default=1))
    rows = np.array(found, dtype=dtype).reshape(len(found), len(names))
    if not names:
        return rows[:1]
    ordered = rows[np.lexsort(rows.T[::-1])]
    return ordered[_is_new(ordered)] if len(ordered) else ordered


def _is_new(ordered: Array) -> Array:
    """Which rows differ from the one before."""
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return new


def _make_diagram(rows: Array, sizes: Sequence[int]) -> Diagram:
    """The trie of rows: a state is a prefix, an edge a prefix that is one value longer."""
    layers = []
    states, state_of = 1, np.zeros(len(rows), dtype=np.int64)
    for at, size in enumerate(sizes):
        codes, edge_of = np.unique(state_of * size + rows[:, at], return_inverse=True)
        layers.append(Layer(at, size, states, codes=codes))
        states, state_of = len(codes), edge_of.astype(np.int64)
    return Diagram(layers, states, len(sizes))
