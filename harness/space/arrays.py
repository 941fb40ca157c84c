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
    return _UINT8 if size <= 2**8 else np.min_scalar_type(size - 1)


def signed_type(greatest: int) -> np.dtype[Any]:
    """int32, int64 or, beyond, Python integers: whatever holds `greatest`."""
    if greatest < 2**31:
        return _INT32
    return _INT64 if greatest < SAFE else _OBJECT


def code_type(greatest: int) -> np.dtype[Any]:
    """The same for numbers that are never negative and stay below `greatest`: uint16 if it can."""
    return _UINT16 if greatest < 2**16 else signed_type(greatest)


_UINT16 = np.dtype(np.uint16)
_UINT8 = np.dtype(np.uint8)
_INT32, _INT64, _OBJECT = np.dtype(np.int32), np.dtype(np.int64), np.dtype(object)
