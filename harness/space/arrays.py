"""Types of the arrays that the room computes with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
"""Numbers whose type depends on the space: the smallest that holds them."""

Bools = npt.NDArray[np.bool_]

Columns = Mapping[str, Array]
"""For each parameter the positions of its values; shapes broadcast to one."""

SAFE = 2**62
"""Sums and products of counts below this are computed in int64; others in Python's integers."""


def index_type(size: int) -> np.dtype[Any]:
    """The smallest unsigned type that counts from 0 to `size - 1`."""
    return np.min_scalar_type(max(size - 1, 0))


def signed_type(greatest: int) -> np.dtype[Any]:
    """int32, int64 or, beyond, Python integers: whatever holds `greatest`."""
    if greatest < 2**31:
        return np.dtype(np.int32)
    return np.dtype(np.int64) if greatest < SAFE else np.dtype(object)
