"""What must hold, one condition at a time: `a and b` is two conditions that bind separately."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from harness.configuration import Value
from harness.space.constraints import (
    EVALUATION_ERRORS,
    AnyConstraint,
    CallableConstraint,
    Constraint,
)
from harness.space.expression import Scalar, compile_scalar, names_in


@dataclass(frozen=True, eq=False)
class Conjunct:
    """A part of a constraint that must hold on its own.

    Attributes:
        source: the constraint, for messages.
        names: the parameters it depends on.
        node: its checked syntax tree; None for a Python function.
    """

    source: AnyConstraint
    names: frozenset[str]
    node: ast.expr | None = field(repr=False)

    @property
    def constants(self) -> Mapping[str, Value]:
        """The names in it that are no parameters."""
        return self.source.constants if isinstance(self.source, Constraint) else {}

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What `evaluate` may raise."""
        return EVALUATION_ERRORS if self.node is not None else (Exception,)

    @cached_property
    def evaluate(self) -> Scalar:
        """Its truth for one value of each name; may raise."""
        if self.node is not None:
            return compile_scalar(self.node, self.constants)
        source = self.source
        assert isinstance(source, CallableConstraint)
        return lambda values: source.function(**{name: values[name] for name in source.names})


def split(constraints: Sequence[AnyConstraint]) -> list[Conjunct]:
    """The conditions that all must hold; Python functions last."""
    found = [_expression(c, node) for c in constraints if isinstance(c, Constraint)
             for node in _parts(c.node)]  # fmt: skip
    functions = (c for c in constraints if isinstance(c, CallableConstraint))
    return [*found, *(Conjunct(c, c.names, None) for c in functions)]


def _expression(constraint: Constraint, node: ast.expr) -> Conjunct:
    if node is constraint.node:
        return Conjunct(constraint, constraint.names, node)
    return Conjunct(constraint, names_in(node) - constraint.constants.keys(), node)


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for part in node.values:
            yield from _parts(part)
    elif isinstance(node, ast.Compare) and len(node.ops) > 1:
        yield from _links(node)
    else:
        yield node


def _links(node: ast.Compare) -> Iterator[ast.expr]:
    """`a < b < c` as `a < b` and `b < c`, where that lets one bind before the other."""
    chain = [node.left, *node.comparators]
    links = [
        ast.Compare(left=chain[i], ops=[node.ops[i]], comparators=[chain[i + 1]])
        for i in range(len(node.ops))
    ]
    if any(isinstance(item, (ast.Tuple, ast.List, ast.Set)) for item in chain[:-1]):
        yield node
    elif len({names_in(link) for link in links}) > 1:
        yield from links
    else:
        yield node
