"""What compilers of CUDA C++ say."""

from __future__ import annotations

import re


def first_error(log: str) -> str:
    """The first line of a compiler's output that says what is wrong; empty if none does."""
    lines = log.splitlines()
    return next((line.strip() for line in lines if re.search(r"\b(error|fatal)\b", line)), "")
