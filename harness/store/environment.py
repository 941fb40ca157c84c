"""Under what circumstances a session measured: for the record, never for identity."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path

from harness._version import __version__


def capture_environment(folder: Path) -> dict[str, str]:
    """Host, kernel, processor, Python and harness versions, and the git commit of `folder`.

    What cannot be found out is left out.
    """
    captured = {
        "host": socket.gethostname(),
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
        "harness": __version__,
        "user": str(os.getuid()),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "git_commit": _git_commit(folder),
        "governor": _read(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
    }
    return {name: value for name, value in captured.items() if value}


def _processor() -> str:
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _git_commit(folder: Path) -> str:
    """The commit that is checked out, read from git's files: no process is started for it."""
    for home in (folder.resolve(), *folder.resolve().parents):
        git = home / ".git"
        if git.is_dir():
            head = _read(git / "HEAD")
            if not head.startswith("ref: "):
                return head
            name = head.removeprefix("ref: ")
            return _read(git / name) or _packed(git, name)
    return ""


def _packed(git: Path, name: str) -> str:
    for line in _read(git / "packed-refs").splitlines():
        commit, _, reference = line.partition(" ")
        if reference == name:
            return commit
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
