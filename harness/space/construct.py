"""From parameters and conditions to a diagram, whole or as far as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.space.arrays import Array, index_type
from harness.space.conjuncts import Conjunct
from harness.space.diagram import Diagram, Layer
from harness.space.evaluate import Evaluator
from harness.space.join import Join, TooLargeError
from harness.space.order import Condition, choose_order, estimate_share, is_cheap
from harness.space.parameters import Parameter

EDGE_LIMIT = 20_000_000
"""Edges of a diagram; one takes 8 to 24 bytes."""


@dataclass(frozen=True, slots=True)
class Construction:
    """What came out.

    Attributes:
        diagram: of the parameters that were bound.
        tail: positions of the others, in the order to bind them; empty: the diagram is whole.
        allowed: positions that conditions on one parameter alone leave it.
        evaluators: every condition, unless the diagram is whole.
        waiting: the conditions that the diagram does not guarantee.
    """

    diagram: Diagram
    tail: tuple[int, ...]
    allowed: dict[str, Array]
    evaluators: tuple[Evaluator, ...]
    waiting: tuple[Evaluator, ...]


def construct(
    parameters: Sequence[Parameter], conjuncts: Sequence[Conjunct], edge_limit: int = EDGE_LIMIT
) -> Construction:
    """Bind parameters until all are, or the limit is reached.

    Raises:
        ConfigError: a condition raises for a configuration that all others accept.
    """
    values = {parameter.name: parameter.values for parameter in parameters}
    names = tuple(values)
    sizes = [len(parameter.values) for parameter in parameters]
    evaluators = tuple(Evaluator(conjunct, values) for conjunct in conjuncts)
    everything = {
        name: np.arange(size, dtype=index_type(size))
        for name, size in zip(names, sizes, strict=True)
    }
    reduction = _Reduction(everything, list(evaluators))
    reduction.run()
    allowed = reduction.allowed
    if reduction.is_empty or not all(len(column) for column in allowed.values()):
        return _empty(sizes, allowed)
    widths = [len(allowed[name]) for name in names]
    order = list(range(len(names)))
    bits = [_bits(names, evaluator, allowed) for evaluator in reduction.joint]
    if not is_cheap(widths, bits):
        shares = [estimate_share(evaluator, allowed) for evaluator in reduction.joint]
        order = choose_order(widths, list(map(Condition, bits, shares)))
    join = Join(names, sizes, allowed, reduction.joint, reduction.raising, edge_limit)
    tail: tuple[int, ...] = ()
    for place, parameter in enumerate(order):
        try:
            join.bind(parameter)
        except TooLargeError:
            tail = (*join.shed(), *order[place:])
            break
    diagram, waiting = join.finish()
    if reduction.never and tail:
        waiting = [*reduction.never, *waiting]
    elif reduction.never and diagram.size:
        raise reduction.never[0].problem(())
    # A whole diagram answers everything itself.
    return Construction(diagram, tail, allowed, evaluators if tail else (), tuple(waiting))


def _bits(names: Sequence[str], evaluator: Evaluator, allowed: dict[str, Array]) -> int:
    """The parameters that a condition depends on and that are not fixed, one bit each."""
    return sum(1 << names.index(name) for name in evaluator.names if len(allowed[name]) > 1)


def _empty(sizes: list[int], allowed: dict[str, Array]) -> Construction:
    nothing = np.zeros(0, dtype=np.uint8)
    layers = [Layer(at, size, 1, allowed=nothing) for at, size in enumerate(sizes)]
    return Construction(Diagram(layers, 1, len(sizes)), (), allowed, (), ())


class _Reduction:
    """Evaluates what looks at one parameter, until what is left looks at two or more.

    A parameter that has one position left is fixed, so conditions on it and another may come to
    look at one only.
    """

    def __init__(self, allowed: dict[str, Array], evaluators: list[Evaluator]) -> None:
        self.allowed = allowed
        self.joint = evaluators
        self.raising: list[Evaluator] = []
        self.is_empty = False
        self.never: list[Evaluator] = []

    def run(self) -> None:
        is_changed = True
        while is_changed and not self.is_empty:
            is_changed = False
            for evaluator in list(self.joint):
                open_names = [n for n in evaluator.names if len(self.allowed[n]) != 1]
                if len(open_names) <= 1:
                    self.joint.remove(evaluator)
                    self._apply(evaluator, open_names)
                    is_changed = True

    def _apply(self, evaluator: Evaluator, open_names: list[str]) -> None:
        if not evaluator.names:
            self._apply_constant(evaluator)
            return
        columns = {name: self.allowed[name] for name in evaluator.names}
        passing, error = evaluator(columns)
        if error is not None:
            passing = passing | error
            self.raising.append(evaluator)
        if open_names:
            name = open_names[0]
            passing = np.broadcast_to(passing, self.allowed[name].shape)
            self.allowed[name] = self.allowed[name][passing]
        elif not passing.all():
            self.is_empty = True

    def _apply_constant(self, evaluator: Evaluator) -> None:
        truth, error = evaluator({})
        if error is not None and error.any():
            self.never.append(evaluator)  # it raises, whatever the configuration
        elif not truth.all():
            self.is_empty = True
