"""Where the optimisation of a valuation starts."""

from __future__ import annotations

from collections.abc import Sequence

from harness.configuration import Configuration, Value
from harness.errors import ConfigError
from harness.space.constraints import AnyConstraint
from harness.space.space import Space

MAX_STEPS = 20_000
"""Values looked at before giving up: constraints can make the search exponential."""


class Completer:
    """Finds the first valid configuration that has given values at some of its positions."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._values = [parameter.values for parameter in space.parameters]

    def complete(self, row: Sequence[Value], free: Sequence[int]) -> Configuration | None:
        """The first valid configuration that differs from `row` in positions `free` at most.

        Args:
            row: a value for each parameter.
            free: positions whose values are not given; those in `row` are ignored.

        Returns:
            The first in the order of the parameters and their values; None if there is none. If
            `MAX_STEPS` do not decide it: the one with each first value, valid or not.
        """
        first = list(row)
        for position in free:
            first[position] = self._values[position][0]
        start = Configuration(self._space.names, tuple(first))
        if self._space.is_valid(start):
            return start
        ready = self._ready_at(free)
        if not _may_hold(ready[0], start):
            return None
        return self._walk(first, sorted(free), ready[1:], start)

    def _ready_at(self, free: Sequence[int]) -> list[list[AnyConstraint]]:
        """The constraints by how many of the free positions, in order, they need to be set."""
        depth_of = {self._space.names[at]: depth for depth, at in enumerate(sorted(free), 1)}
        ready: list[list[AnyConstraint]] = [[] for _ in range(len(free) + 1)]
        for constraint in self._space.constraints:
            ready[max((depth_of.get(name, 0) for name in constraint.names), default=0)].append(
                constraint
            )
        return ready

    def _walk(
        self,
        row: list[Value],
        free: Sequence[int],
        ready: Sequence[Sequence[AnyConstraint]],
        otherwise: Configuration,
    ) -> Configuration | None:
        """Depth first, leaving a branch as soon as a constraint rules it out."""
        names = self._space.names
        choices = [iter(self._values[position]) for position in free[:1]]
        for _ in range(MAX_STEPS):
            if not choices:
                return None
            depth = len(choices) - 1
            try:
                row[free[depth]] = next(choices[-1])
            except StopIteration:
                choices.pop()
                continue
            configuration = Configuration(names, tuple(row))
            if not _may_hold(ready[depth], configuration):
                continue
            if depth + 1 < len(free):
                choices.append(iter(self._values[free[depth + 1]]))
            elif self._space.is_valid(configuration):
                return configuration
        return otherwise


def _may_hold(constraints: Sequence[AnyConstraint], configuration: Configuration) -> bool:
    """Whether none of the constraints is known to fail."""
    for constraint in constraints:
        try:
            if not constraint.holds(configuration):
                return False
        except ConfigError:  # undefined here; the space decides, once all values are set
            continue
    return True
