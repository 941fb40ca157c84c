"""Runs the Numba kernels in Numba's simulator: every configuration of a reduced space.

    NUMBA_ENABLE_CUDASIM=1 python -m tests.kernels.simulate saxpy

Prints one line per configuration that is wrong, and how many there were. The simulator starts a
Python thread for each thread of a block, so blocks and problems are small.
"""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from kernels import references

Array = npt.NDArray[Any]
Check = tuple[str, Array, Array]
"""Which configuration and problem, what was found, and what is right."""


def _make(name: str, *constants: int) -> Any:
    return getattr(importlib.import_module(f"kernels.{name}"), f"make_{name}")(*constants)


def _random(*shape: int) -> Array:
    return np.random.default_rng(1).random(shape, dtype=np.float32)


def _poisoned(*shape: int) -> Array:
    return np.full(shape, np.nan, np.float32)


def check_saxpy() -> Iterator[Check]:
    for unroll, n, blocks in itertools.product((1, 2, 4), (1, 64, 101), (1, 3)):
        x, y = _random(n), _random(n) + 1
        expected = references.saxpy(2.5, x, y, n)
        _make("saxpy", unroll)[blocks, 16](np.float32(2.5), x, y, n)
        yield f"UNROLL={unroll} n={n} blocks={blocks}", y, expected


def check_reduction() -> Iterator[Check]:
    sizes = itertools.product((16, 32), (1, 2, 4), (1, 128, 301), (1, 2))
    for block, unroll, n, blocks in sizes:
        values, total = _random(n), np.ones(1, np.float32)
        expected = references.reduction(values, total, n)
        _make("reduction", block, unroll)[blocks, block](values, total, n)
        yield f"BLOCK={block} UNROLL={unroll} n={n} blocks={blocks}", total, expected


def check_matmul() -> Iterator[Check]:
    sizes = itertools.product((4, 8), (1, 2, 4), ((1, 2, 3), (8, 8, 16), (7, 9, 10)))
    for tile, rows, (m, n, k) in sizes:
        a, b, c = _random(m, k), _random(k, n), _poisoned(m, n)
        grid = (-(-n // tile), -(-m // tile))
        _make("matmul", tile, rows)[grid, (tile, tile // rows)](a, b, c, m, n, k)
        yield f"TILE={tile} ROWS={rows} {m}x{n}x{k}", c, references.matmul(a, b, c, m, n, k)


CHECKS: dict[str, Callable[[], Iterator[Check]]] = {
    "saxpy": check_saxpy,
    "reduction": check_reduction,
    "matmul": check_matmul,
}


def main(name: str) -> int:
    """How many configurations of the kernel are wrong."""
    checks = list(CHECKS[name]())
    wrong = [
        text for text, found, right in checks if not np.allclose(found, right, rtol=1e-5, atol=1e-6)
    ]
    for text in wrong:
        print("wrong:", text)
    print(len(checks), "configurations")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1]), 1))
