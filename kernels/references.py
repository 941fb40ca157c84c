"""What the kernels should compute, in NumPy, and the inputs that need more than random numbers.

Each reference takes its kernel's arguments in order, outputs included, and returns the output.
Sums are made in double precision: a reference should be nearer the truth than what it judges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def vector_add(a: Array, b: Array, c: Array, n: int) -> Array:
    """`c = a + b`."""
    return a + b


def saxpy(a: float, x: Array, y: Array, n: int) -> Array:
    """`y = a x + y`."""
    return np.float32(a) * x + y


def transpose(matrix: Array, out: Array, rows: int, columns: int) -> Array:
    """The transposed matrix."""
    return np.ascontiguousarray(matrix.T)


def reduction(values: Array, total: Array, n: int) -> Array:
    """`total` plus the sum of all values."""
    return total + values.sum(dtype=np.float64)


def histogram(values: Array, counts: Array, n: int) -> Array:
    """`counts` plus how often each byte occurs."""
    return counts + np.bincount(values, minlength=counts.size).astype(counts.dtype)


def scan(values: Array, out: Array, state: Array, n: int) -> dict[str, Array]:
    """The sums of all prefixes, modulo 2^32; the blocks' state is cleared again."""
    return {"out": np.cumsum(values, dtype=np.uint32), "state": np.zeros_like(state)}


def matmul(a: Array, b: Array, c: Array, m: int, n: int, k: int) -> Array:
    """`a @ b`; also of half-precision matrices."""
    return a.astype(np.float64) @ b.astype(np.float64)


def convolution2d(image: Array, weights: Array, out: Array, rows: int, columns: int) -> Array:
    """At each place, the weighted sum of the window that begins there."""
    windows = np.lib.stride_tricks.sliding_window_view(image, weights.shape)
    total = np.zeros(out.shape, np.float64)
    for j, i in np.ndindex(*weights.shape):  # one window's element at a time: little memory
        total += windows[:, :, j, i] * np.float64(weights[j, i])
    return total


def stencil(before: Array, after: Array, nx: int, ny: int, nz: int) -> Array:
    """One Jacobi sweep: inner points become the mean of their six neighbours. Shape (z, y, x)."""
    u = before.astype(np.float64)
    swept = u.copy()
    if min(u.shape) > 2:
        along_x = u[1:-1, 1:-1, :-2] + u[1:-1, 1:-1, 2:]
        along_y = u[1:-1, :-2, 1:-1] + u[1:-1, 2:, 1:-1]
        along_z = u[:-2, 1:-1, 1:-1] + u[2:, 1:-1, 1:-1]
        swept[1:-1, 1:-1, 1:-1] = (along_x + along_y + along_z) / 6
    return swept


def nbody(bodies: Array, accelerations: Array, softening2: float, n: int) -> Array:
    """The pull of all bodies on each; bodies are rows (x, y, z, mass)."""
    positions, masses = bodies[:, :3].astype(np.float64), bodies[:, 3].astype(np.float64)
    norms = (positions**2).sum(axis=1)
    pulls = np.zeros((n, 4))
    for first in range(0, n, 4):  # in rows that stay in the cache
        here = slice(first, first + 4)
        squared = (-2 * positions[here]) @ positions.T
        squared += norms + softening2
        squared += norms[here, None]
        strengths = masses / (squared * np.sqrt(squared))
        pulls[here, :3] = strengths @ positions
        pulls[here, :3] -= strengths.sum(axis=1)[:, None] * positions[here]
    return pulls


def spmv(starts: Array, columns: Array, values: Array, x: Array, y: Array, rows: int) -> Array:
    """`y = A x` for a matrix in CSR form."""
    products = values.astype(np.float64) * x[columns]
    before = np.concatenate([[0.0], np.cumsum(products)])
    return before[starts[1:]] - before[starts[:-1]]


MEAN_ROW = 16
"""Elements per row, on average, of the sparse matrices made here; they are square."""


def csr_starts(shape: tuple[int, ...], seed: int) -> Array:
    """Where each row begins: lengths vary between 0 and 4 `MEAN_ROW`; the mean is exact."""
    rows = shape[0] - 1
    lengths = np.random.default_rng(seed).integers(0, 2 * MEAN_ROW + 1, rows)
    excess = int(lengths.sum()) - rows * MEAN_ROW
    step = -1 if excess > 0 else 1
    while excess:  # spread what is too much or too little over the rows that can take it
        able = np.flatnonzero(lengths > 0 if step < 0 else lengths < 4 * MEAN_ROW)
        changed = able[: abs(excess)]
        lengths[changed] += step
        excess += step * len(changed)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def csr_columns(shape: tuple[int, ...], seed: int) -> Array:
    """The column of each element, anywhere in its row."""
    return np.random.default_rng(seed).integers(0, shape[0] // MEAN_ROW, shape).astype(np.int32)
