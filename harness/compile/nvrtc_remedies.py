"""What to do about errors of NVRTC that nvcc does not have."""

from __future__ import annotations

import re

_ONLY_DEVICE = (
    "NVRTC compiles device code only: put host code under #ifndef __CUDACC_RTC__, or set "
    'kernel.compiler = "nvcc"'
)
_MISSING = re.compile(r'cannot open source file "([^"]+)"')
_HOST_HEADER = re.compile(r"c?(std\w+|assert|float|limits|math|string|time)(\.h)?|[a-z_]+")
"""Headers of C and C++, whose names have no ending but C's, and no folder."""


def add_remedy(reason: str) -> str:
    """The first line of an error, with what to do about it where that is known."""
    if "unrecognized option" in reason:
        return f'{reason}; leave it out, or kernel.compiler = "nvcc" if that knows it'
    if "in JIT mode" in reason:
        return f"{reason.partition(' Consider')[0].rstrip('.')}; {_ONLY_DEVICE}"
    missing = _MISSING.search(reason)
    if missing and _HOST_HEADER.fullmatch(missing[1]):
        return f"{reason}; {_ONLY_DEVICE}"
    return reason
