"""Under what circumstances a session measured: for the record, never for identity."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path

from harness._version import __version__
from harness.procs.git import is_changed


def capture_environment(folder: Path) -> dict[str, str]:
    """Host, kernel, processor, Python and harness versions, and the state of `folder` in git.

    `git_changed` is `yes` where files differ from `git_commit`, else `no`. What cannot be found
    out is left out.
    """
    commit = capture_commit(folder)
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
        "git_commit": commit,
        "git_changed": _say_changed(folder) if commit else "",
        "governor": _read(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
    }
    return {name: value for name, value in captured.items() if value}


def _processor() -> str:
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def capture_commit(folder: Path) -> str:
    """The commit that is checked out, read from git's files; empty if there is none."""
    for home in (folder.resolve(), *folder.resolve().parents):
        git = _find_git(home)
        if git is not None:
            head = _read(git / "HEAD")
            if not head.startswith("ref: "):
                return head
            name = head.removeprefix("ref: ")
            # A worktree has a HEAD of its own, but shares its branches.
            shared = git / (_read(git / "commondir") or ".")
            return _read(git / name) or _read(shared / name) or _packed(shared, name)
    return ""


def _find_git(home: Path) -> Path | None:
    """Git's folder of a working tree; that of a worktree or submodule is elsewhere."""
    git = home / ".git"
    if git.is_dir():
        return git
    link = _read(git)
    return home / link.removeprefix("gitdir: ") if link.startswith("gitdir: ") else None


def _say_changed(folder: Path) -> str:
    changed = is_changed(folder)
    return "" if changed is None else "yes" if changed else "no"


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
