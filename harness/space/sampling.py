"""Random configurations: uniform, or spread evenly over the values of every parameter."""

from __future__ import annotations

import numpy as np

from harness.configuration import Configuration
from harness.space.arrays import SAFE, Array
from harness.space.space import Space

MAX_ROUNDS = 16
"""Attempts at evenly spread points in a space that rejects most of them."""

DRAWS = 1 << 17
"""Random candidates by which the size of a space is estimated."""


def sample(space: Space, count: int, rng: np.random.Generator) -> list[Configuration]:
    """Different configurations, each set of them equally likely, in random order.

    Returns:
        `count`, or all there are. Of a space too large to be counted fewer if so few are found
        among `implicit.MAX_DRAWS` draws.
    """
    return space.decode(sample_rows(space, count, rng))


def sample_rows(space: Space, count: int, rng: np.random.Generator) -> Array:
    """As `sample`, but positions: shape (at most count, parameters)."""
    if space.size is None:
        return _fill(space, np.zeros((0, len(space.names)), dtype=np.int64), count, rng)
    count = min(count, space.size)
    if space.size < SAFE:
        ranks = rng.choice(space.size, count, replace=False) if count else np.zeros(0, np.int64)
    else:
        ranks = _large_ranks(space.size, count, rng)
    if count == 1:
        return np.array([space.diagram.unrank_one(int(ranks[0]))])
    return space.diagram.unrank(ranks)


def _large_ranks(size: int, count: int, rng: np.random.Generator) -> Array:
    """Different numbers below a size that no machine integer holds."""
    bits, ranks = size.bit_length(), dict[int, None]()
    width = (bits + 7) // 8
    while len(ranks) < count:
        rank = int.from_bytes(rng.bytes(width), "little") >> (width * 8 - bits)
        if rank < size:
            ranks[rank] = None
    return np.array(list(ranks), dtype=object)


def sample_evenly(space: Space, count: int, rng: np.random.Generator) -> list[Configuration]:
    """Different configurations whose values are spread evenly, as in a Latin hypercube.

    Each parameter's share of the unit interval is cut into `count` equal strata, each used once;
    a coordinate picks the value by its distribution among the configurations that agree with the
    values picked before (see `Diagram.follow`). Doubles are replaced by uniform draws.

    Source: McKay, Beckman & Conover (1979), A Comparison of Three Methods for Selecting Values of
    Input Variables in the Analysis of Output from a Computer Code.

    Returns:
        As many as `sample`.
    """
    return space.decode(sample_evenly_rows(space, count, rng))


def sample_evenly_rows(space: Space, count: int, rng: np.random.Generator) -> Array:
    """As `sample_evenly`, but positions: shape (at most count, parameters)."""
    rows = np.zeros((0, len(space.names)), dtype=np.int64)
    for _ in range(1 if space.size is not None else MAX_ROUNDS):
        missing = count - len(rows)
        if missing <= 0 or space.size == 0:
            break
        rows = _distinct(np.concatenate([rows, space.implicit.at(_strata(space, missing, rng))]))
    return _fill(space, rows[:count], count, rng)


def _strata(space: Space, count: int, rng: np.random.Generator) -> Array:
    places = np.stack([rng.permutation(count) for _ in space.names], axis=1) if space.names else (
        np.zeros((count, 0))
    )  # fmt: skip
    return np.asarray((places + rng.random(places.shape)) / count)


def _distinct(rows: Array) -> Array:
    """The first of equal rows, in order."""
    _, first = np.unique(rows, axis=0, return_index=True)
    return rows[np.sort(first)]


def _fill(space: Space, rows: Array, count: int, rng: np.random.Generator) -> Array:
    """`rows` and further uniform ones, all different, until there are `count`."""
    if space.size is not None:
        extra = sample_rows(space, count, rng)  # at least count - len(rows) of them are new
        return _distinct(np.concatenate([rows, extra.astype(rows.dtype)]))[:count]
    for batch, _ in space.implicit.batches(rng):
        rows = _distinct(np.concatenate([rows, batch.astype(rows.dtype)]))
        if len(rows) >= count:
            break
    return rows[:count]


def estimate_size(space: Space, rng: np.random.Generator, draws: int = DRAWS) -> float:
    """Valid configurations: the number, or an estimate where they cannot be counted."""
    if space.size is not None:
        return float(space.size)
    found, drawn = count_valid(space, rng, draws)
    return space.implicit.candidates * found / max(drawn, 1)


def count_valid(space: Space, rng: np.random.Generator, draws: int = DRAWS) -> tuple[int, int]:
    """Of random candidates of a space that was not counted: the valid ones, and all.

    Candidates are configurations that satisfy the constraints which could be joined.
    """
    found = drawn = 0
    for batch, count in space.implicit.batches(rng):
        found, drawn = found + len(batch), drawn + count
        if drawn >= draws:
            break
    return found, drawn
