"""Options of nvcc for NVRTC: what machine code does not depend on is left out.

Which of the two compiles is for the machine to say where a config leaves it open, so its options
are nvcc's. Those about host code say nothing to NVRTC, which has none, and which refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ALONE = re.compile(
    r"-O\d|--optimize=\d|-Xcompiler=.*|--compiler-options=.*|-ccbin=.*|--compiler-bindir=.*"
    r"|-m64|-g|--debug"
)
"""`-O` is of host code: for the device nvcc has `-Xptxas -O`, which NVRTC knows."""

_WITH_VALUE = frozenset(
    ["-O", "--optimize", "-Xcompiler", "--compiler-options", "-ccbin", "--compiler-bindir"]
)
_JOINED = {"-std", "--std", "-Xptxas", "--ptxas-options"}
"""Where NVRTC wants the value in the same word, or takes another word for it."""


def adapt_options(options: Sequence[str]) -> list[str]:
    """Those that NVRTC is to get, as it spells them; what it may not know stays, for it to tell."""
    adapted = []
    rest = iter(options)
    for option in rest:
        if option in _WITH_VALUE:
            next(rest, None)
        elif option in _JOINED:
            adapted.append(f"{option}={next(rest, '')}")
        elif not _ALONE.fullmatch(option):
            adapted.append(option)
    return adapted
