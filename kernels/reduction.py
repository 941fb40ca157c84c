"""A sum in Numba: each thread adds up its share, a block its threads', through shared memory.

Bound: bytes, 4 per element. Launched with any number of blocks of `BLOCK` threads; each ends in one
atomic addition, so the order of additions is left to chance.
"""

from __future__ import annotations

from typing import Any

from numba import cuda, float32


def make_reduction(BLOCK: int, UNROLL: int) -> Any:
    """The kernel `(values, total, n)`, which adds the sum of `values` to `total[0]`.

    Args:
        BLOCK: threads per block; a power of two.
        UNROLL: elements under way at once in a thread, each with a sum of its own.
    """

    @cuda.jit
    def reduction(values, total, n):
        sums = cuda.shared.array(BLOCK, float32)
        mine = cuda.local.array(UNROLL, float32)
        thread = cuda.threadIdx.x
        stride = cuda.gridsize(1)
        whole = n - n % (UNROLL * stride)
        for u in range(UNROLL):
            mine[u] = 0.0
        for first in range(cuda.grid(1), whole, UNROLL * stride):
            for u in range(UNROLL):
                mine[u] += values[first + u * stride]
        for i in range(whole + cuda.grid(1), n, stride):
            mine[0] += values[i]
        for u in range(1, UNROLL):
            mine[0] += mine[u]
        sums[thread] = mine[0]

        width = BLOCK // 2
        while width > 0:
            cuda.syncthreads()
            if thread < width:
                sums[thread] += sums[thread + width]
            width //= 2
        if thread == 0:
            cuda.atomic.add(total, 0, sums[0])

    return reduction
