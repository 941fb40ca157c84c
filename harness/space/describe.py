"""What a space is like, for people: sizes, and what each constraint does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.space.arrays import index_type
from harness.space.conjuncts import split
from harness.space.constraints import AnyConstraint, Constraint
from harness.space.evaluate import Evaluator
from harness.space.sampling import count_valid
from harness.space.space import Space

EXACT = 1_000_000
"""Up to so many combinations of its own parameters a constraint is measured on all of them."""

EXACT_ROWS = 10_000
"""The same for constraints that are evaluated row by row."""


@dataclass(frozen=True, slots=True)
class ConstraintInfo:
    """What a constraint does on its own.

    Attributes:
        names, constants: what it looks at: parameters; problem sizes and device limits.
        removes: share of all combinations that it rejects, be they rejected by others or not.
        looked_at: combinations of its parameters that this is a share of.
        is_exact: whether these are all; else they are random ones.
        fails: share for which it cannot be evaluated.
    """

    text: str
    names: tuple[str, ...]
    constants: tuple[str, ...]
    removes: float
    looked_at: int
    is_exact: bool
    fails: float


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """What `describe` finds.

    Attributes:
        size: valid configurations; an estimate unless `is_counted`.
        error: relative error of the estimate: half the width of its 95 % interval; infinite if
            none was found.
        construction_s: how long it took to make the space, in seconds.
        warnings: what the user probably did not mean.
    """

    parameters: tuple[tuple[str, int], ...]
    cartesian_size: int
    size: int
    is_counted: bool
    error: float
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
    size, error = _measure_size(space, rng)
    return SpaceInfo(
        parameters=tuple((p.name, len(p.values)) for p in space.parameters),
        cartesian_size=space.cartesian_size,
        size=size,
        is_counted=space.size is not None,
        error=error,
        construction_s=space.construction_s,
        constraints=constraints,
        warnings=_warnings(space.size, size, constraints),
    )


def _measure_size(space: Space, rng: np.random.Generator) -> tuple[int, float]:
    """Valid configurations, and the relative error if that is an estimate (normal, 95 %)."""
    if space.size is not None:
        return space.size, 0.0
    found, drawn = count_valid(space, rng)
    error = 1.96 * math.sqrt((drawn - found) / (drawn * found)) if found else math.inf
    return space.implicit.candidates * found // max(drawn, 1), error


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
        constants=tuple(constraint.constants) if isinstance(constraint, Constraint) else (),
        removes=1.0 - float(accepted.mean()),
        looked_at=count,
        is_exact=total <= limit,
        fails=float(failed.mean()),
    )


def _warnings(
    counted: int | None, size: int, constraints: tuple[ConstraintInfo, ...]
) -> tuple[str, ...]:
    warnings = []
    for info in constraints:
        where = "" if info.is_exact else f" for any of {info.looked_at:,} random combinations"
        if info.removes == 1.0:
            what = "so no configuration is valid; correct it"
            if not info.is_exact:
                what = "and perhaps never does; see whether it is right"
            warnings.append(f'constraint "{info.text}" never holds{where}, {what}')
        elif info.removes == 0.0 and info.fails == 0.0:
            where = where.replace("for any", "for all")
            what = "it removes nothing; correct or remove it"
            if info.constants:
                what = f"it removes nothing with this {' and '.join(info.constants)}"
            if not info.is_exact:
                what = "it removes little or nothing; see whether it is right"
            warnings.append(f'constraint "{info.text}" always holds{where}: {what}')
    if size == 0 and not warnings:
        if counted is None:
            warnings.append("no valid configuration was found; relax a constraint")
        else:
            warnings.append("no configuration satisfies all constraints; relax one of them")
    return tuple(warnings)
