"""What a program says of its version."""

from __future__ import annotations

import subprocess
from functools import cache

_TIMEOUT_S = 10.0


@cache
def read_version(program: str) -> str:
    """What `program --version` prints; empty if it cannot be run, fails or prints nothing.

    Args:
        program: its path.
    """
    try:
        ended = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.decode(errors="replace").strip() if ended.returncode == 0 else ""
