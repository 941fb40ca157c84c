"""The host's C++ compiler."""

from __future__ import annotations

import os
import shutil


def find_compiler() -> str | None:
    """The C++ compiler: `CXX`, g++ or c++; None if there is none."""
    named = os.environ.get("CXX")
    return (shutil.which(named) if named else None) or shutil.which("g++") or shutil.which("c++")
