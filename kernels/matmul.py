"""`C = A B` in Numba: tiles of A and B in shared memory, a column of C's tile in registers.

Bound: flops (2 m n k) once tiles are large; each element that a thread loads from B's tile serves
`ROWS` multiply-adds. matmul.cu goes further: vector loads and blocks of registers both ways.

Block: (`TILE`, `TILE // ROWS`). Grid: n and m over `TILE`, rounded up.
"""

from __future__ import annotations

from typing import Any

from numba import cuda, float32


def make_matmul(TILE: int, ROWS: int) -> Any:
    """The kernel `(a, b, c, m, n, k)`.

    Args:
        TILE: a block computes a tile of TILE x TILE of C, TILE elements deep at a time.
        ROWS: elements of C below each other that a thread computes; divides TILE.
    """
    threads_y = TILE // ROWS

    @cuda.jit
    def matmul(a, b, c, m, n, k):
        tile_a = cuda.shared.array((TILE, TILE), float32)
        tile_b = cuda.shared.array((TILE, TILE), float32)
        sums = cuda.local.array(ROWS, float32)
        x = cuda.threadIdx.x
        y = cuda.threadIdx.y
        column = cuda.blockIdx.x * TILE + x
        first_row = cuda.blockIdx.y * TILE + y
        for r in range(ROWS):
            sums[r] = 0.0

        for first_k in range(0, k, TILE):
            for r in range(ROWS):
                # Rows of a thread lie threads_y apart, so that each load of a warp is one row's.
                deep = y + r * threads_y
                row = first_row + r * threads_y
                inside_a = row < m and first_k + x < k
                inside_b = first_k + deep < k and column < n
                tile_a[deep, x] = a[row, first_k + x] if inside_a else float32(0.0)
                tile_b[deep, x] = b[first_k + deep, column] if inside_b else float32(0.0)
            cuda.syncthreads()
            for step in range(TILE):
                factor = tile_b[step, x]
                for r in range(ROWS):
                    sums[r] += tile_a[y + r * threads_y, step] * factor
            cuda.syncthreads()  # all have read the tiles before they are overwritten

        for r in range(ROWS):
            row = first_row + r * threads_y
            if row < m and column < n:
                c[row, column] = sums[r]

    return matmul
