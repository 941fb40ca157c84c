"""What a space is like, for people: sizes, and what each constraint does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.space.arrays import index_type
from harness.space.conjuncts import split
from harness.space.constraints import AnyConstraint
from harness.space.evaluate import Evaluator
from harness.space.sampling import estimate_size
from harness.space.space import Space

EXACT = 1_000_000
"""Up to so many combinations of its own parameters a constraint is measured on all of them."""

EXACT_ROWS = 10_000
"""The same for constraints that are evaluated row by row."""


@dataclass(frozen=True, slots=True)
class ConstraintInfo:
    """What a constraint does on its own.

    Attributes:
        removes: share of all combinations that it rejects, be they rejected by others or not.
        is_exact: whether that is of all combinations; else of random ones.
        fails: share for which it cannot be evaluated.
    """

    text: str
    names: tuple[str, ...]
    removes: float
    is_exact: bool
    fails: float


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """What `describe` finds.

    Attributes:
        size: valid configurations; an estimate unless `is_counted`.
        construction_s: how long it took to make the space, in seconds.
        warnings: what the user probably did not mean.
    """

    parameters: tuple[tuple[str, int], ...]
    cartesian_size: int
    size: int
    is_counted: bool
    construction_s: float
    constraints: tuple[ConstraintInfo, ...]
    warnings: tuple[str, ...]


def describe(space: Space, seed: int = 1) -> SpaceInfo:
    """Measure a space.

    Args:
        seed: of the random combinations, where not all are looked at.
    """
    rng = np.random.default_rng(seed)
    constraints = tuple(_describe(space, c, rng) for c in space.constraints)
    size = round(estimate_size(space, rng))
    return SpaceInfo(
        parameters=tuple((p.name, len(p.values)) for p in space.parameters),
        cartesian_size=space.cartesian_size,
        size=size,
        is_counted=space.size is not None,
        construction_s=space.construction_s,
        constraints=constraints,
        warnings=_warnings(size, constraints),
    )


def _describe(space: Space, constraint: AnyConstraint, rng: np.random.Generator) -> ConstraintInfo:
    values = {p.name: p.values for p in space.parameters}
    evaluators = [Evaluator(conjunct, values) for conjunct in split([constraint])]
    names = tuple(name for name in space.names if name in constraint.names)
    sizes = [len(values[name]) for name in names]
    total = math.prod(sizes)
    limit = EXACT if all(e.is_vectorised for e in evaluators) else EXACT_ROWS
    if total <= limit:
        grid = np.indices(sizes).reshape(len(sizes), total)
    else:
        grid = np.stack([rng.integers(size, size=limit) for size in sizes])
    columns = {
        name: row.astype(index_type(size))
        for name, row, size in zip(names, grid, sizes, strict=True)
    }
    count = min(total, limit)
    accepted = np.ones(count, dtype=bool)
    failed = np.zeros(count, dtype=bool)
    for evaluator in evaluators:
        if not evaluator.names:
            accepted &= bool(evaluator.conjunct.evaluate({}))
            continue
        passing, error = evaluator(columns)
        if error is not None:
            failed |= error
            passing = passing | error
        accepted &= passing
    failed &= accepted
    return ConstraintInfo(
        text=constraint.text,
        names=names,
        removes=1.0 - float(accepted.mean()),
        is_exact=total <= limit,
        fails=float(failed.mean()),
    )


def _warnings(size: int, constraints: tuple[ConstraintInfo, ...]) -> tuple[str, ...]:
    warnings = []
    for info in constraints:
        if not info.is_exact:
            continue
        if info.removes == 1.0:
            warnings.append(
                f'constraint "{info.text}" never holds: no configuration is valid; correct it'
            )
        elif info.removes == 0.0 and info.fails == 0.0:
            warnings.append(
                f'constraint "{info.text}" always holds: it removes nothing; correct or remove it'
            )
    if size == 0 and not warnings:
        warnings.append("no configuration satisfies all constraints; relax one of them")
    return tuple(warnings)
