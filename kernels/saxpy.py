"""`y = a x + y` in Numba: the loop of saxpy.cu, one element at a time.

Bound: bytes, 12 per element. Numba has no vector loads; what it leaves to tune is how many loads
are under way in each thread. Launched with any grid of blocks of any size.
"""

from __future__ import annotations

from typing import Any

from numba import cuda


def make_saxpy(UNROLL: int) -> Any:
    """The kernel `(a, x, y, n)` whose threads have `UNROLL` elements under way at once."""

    @cuda.jit
    def saxpy(a, x, y, n):
        stride = cuda.gridsize(1)
        whole = n - n % (UNROLL * stride)  # where every thread has UNROLL elements
        for first in range(cuda.grid(1), whole, UNROLL * stride):
            for u in range(UNROLL):
                i = first + u * stride
                y[i] = a * x[i] + y[i]
        for i in range(whole + cuda.grid(1), n, stride):
            y[i] = a * x[i] + y[i]

    return saxpy
