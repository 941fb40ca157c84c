"""vector_add.cu as a CuPy raw kernel: the same source and parameters, compiled when first used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cupy

SOURCE = Path(__file__).with_suffix(".cu").read_text()


def make_vector_add(BLOCK: int, VECTOR: int, ITEMS: int) -> Any:
    """The kernel `(a, b, c, n)`; one block for every `BLOCK * VECTOR * ITEMS` elements."""
    options = (f"-DBLOCK={BLOCK}", f"-DVECTOR={VECTOR}", f"-DITEMS={ITEMS}", "-std=c++17")
    return cupy.RawKernel(SOURCE, "vector_add", options)
