"""What kind of file system a file is on, and what can be relied on there.

Source: SQLite's documentation of write-ahead logs, which need memory that all processes share, and
so one machine; and of what corrupts a database: locks that a file system only pretends to take.
"""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/mounts")
SHARED = frozenset(
    (
        *("nfs", "nfs4", "9p", "ceph", "lustre", "gpfs"),
        *("beegfs", "fhgfs", "panfs", "orangefs", "wekafs"),
    )
)
"""Those that several machines may share, and that pass locks on: no write-ahead log."""
_FUSE_OF_ONE = frozenset({"fuse.overlayfs", "fuse.fuse-overlayfs", "fuse.mergerfs"})
"""What programs make of this machine's own disks; all else of theirs may be anywhere."""
UNRELIABLE = frozenset({"cifs", "smb3", "smbfs", "afs", "fuse.sshfs"})
"""Those whose locks cannot be relied on: no journal."""


def find_shared(path: Path, mounts: Path | None = None) -> str:
    """The type of the file system that `path` is on, if machines may share it; else empty."""
    kind = find_file_system(path, mounts)
    anywhere = kind == "fuse" or (kind.startswith("fuse.") and kind not in _FUSE_OF_ONE)
    return kind if kind in SHARED or anywhere else ""


def find_file_system(path: Path, mounts: Path | None = None) -> str:
    """The type of the file system that `path` is on; empty if that cannot be told."""
    try:
        lines = (mounts or MOUNTS).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    folder = path.resolve().parent
    best, kind = -1, ""
    for line in lines:
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " "))
        if (point == folder or point in folder.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind
