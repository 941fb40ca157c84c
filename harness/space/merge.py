"""Rows of positions as single numbers, and which rows are equal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.space.arrays import SAFE, Array


def mixed_radix(columns: Sequence[Array], sizes: Sequence[int]) -> Array:
    """One number per row, in the order of the rows; the product of sizes is below 2 ** 62."""
    codes: Array = columns[0].astype(np.int64)
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        codes *= size
        codes += column
    return codes


def distinct(columns: list[Array], sizes: list[int]) -> tuple[Array, Array]:
    """A row of each kind, and for every row which kind it is."""
    total = math.prod(sizes)
    if total >= SAFE:
        _, first, kinds = np.unique(
            np.stack(columns, axis=1), axis=0, return_index=True, return_inverse=True
        )
        return first, kinds.reshape(-1).astype(np.int32)
    codes = mixed_radix(columns, sizes)
    if total > 8 * len(codes) + 1024:
        _, first, kinds = np.unique(codes, return_index=True, return_inverse=True)
        return first, kinds.reshape(-1).astype(np.int32)
    # Few enough combinations to mark each: no sort.
    where: Array = np.full(total, -1, dtype=np.int32)
    where[codes] = np.arange(len(codes), dtype=np.int32)
    present = np.flatnonzero(where >= 0)
    first = where[present]
    where[present] = np.arange(len(present), dtype=np.int32)
    return first, where[codes]
