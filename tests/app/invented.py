"""Functions that workers import."""

from __future__ import annotations

from typing import Any

import numpy as np


def ramp(shape: tuple[int, ...], seed: int) -> Any:
    """0, 1, 2 …"""
    return np.arange(np.prod(shape)).reshape(shape) + seed


def double(x: Any, y: Any, n: int) -> Any:
    """Twice as much."""
    return 2 * x


def make_nothing(BLOCK: int) -> Any:  # noqa: N803 - the parameter's name
    """A factory that nobody calls."""
