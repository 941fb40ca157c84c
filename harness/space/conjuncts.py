"""What must hold, one condition at a time: `a and b` is two conditions that bind separately."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.model import Value
from harness.space.constraints import AnyConstraint, CallableConstraint, Constraint
from harness.space.expression import Scalar, compile_scalar, names_in


@dataclass(frozen=True, eq=False)
class Conjunct:
    """A part of a constraint that must hold on its own.

    Attributes:
        source: the constraint, for messages.
        names: the parameters it depends on.
        evaluate: its truth for one value of each name; may raise.
        node: its checked syntax tree; None for a Python function.
        errors: what `evaluate` may raise.
    """

    source: AnyConstraint
    names: frozenset[str]
    evaluate: Scalar = field(repr=False)
    node: ast.expr | None = field(repr=False)
    errors: tuple[type[Exception], ...]

    @property
    def constants(self) -> Mapping[str, Value]:
        """The names in it that are no parameters."""
        return self.source.constants if isinstance(self.source, Constraint) else {}


def split(constraints: Sequence[AnyConstraint]) -> list[Conjunct]:
    """The conditions that all must hold; Python functions last."""
    found = [_expression(c, node) for c in constraints if isinstance(c, Constraint)
             for node in _parts(c.node)]  # fmt: skip
    return found + [_callable(c) for c in constraints if isinstance(c, CallableConstraint)]


def _expression(constraint: Constraint, node: ast.expr) -> Conjunct:
    return Conjunct(
        source=constraint,
        names=frozenset(names_in(node)) - constraint.constants.keys(),
        evaluate=compile_scalar(node, constraint.constants),
        node=node,
        errors=(ArithmeticError, TypeError, ValueError),
    )


def _callable(constraint: CallableConstraint) -> Conjunct:
    def evaluate(values: Mapping[str, Value]) -> object:
        return constraint.function(**{name: values[name] for name in constraint.names})

    return Conjunct(constraint, constraint.names, evaluate, None, (Exception,))


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
    elif len({frozenset(names_in(link)) for link in links}) > 1:
        yield from links
    else:
        yield node
