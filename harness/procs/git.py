"""What git says of a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

_TIMEOUT_S = 5.0


def is_changed(folder: Path) -> bool | None:
    """Whether files that git keeps differ from what is checked out; None if it cannot say."""
    try:
        ended = subprocess.run(
            ["git", "--no-optional-locks", "status", "--porcelain", "--untracked-files=no"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return bool(ended.stdout.strip()) if ended.returncode == 0 else None
