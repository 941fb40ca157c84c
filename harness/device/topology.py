"""The CPU that this process may use: which hardware threads, on which cores, on which nodes."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Thread:
    """A hardware thread, which Linux calls a CPU.

    Attributes:
        number: as in `taskset` and /proc/cpuinfo.
        core: the lowest number of the threads on its physical core, whoever may use them.
        node: its NUMA node.
    """

    number: int
    core: int
    node: int = 0


@dataclass(frozen=True, slots=True)
class Topology:
    """The threads that this process may use, and how much of them.

    Attributes:
        quota: CPUs' worth of time that the control group allows; None: all.
        model: the CPU's name.
        host: stands for the machine: the same in every process on it, unlike elsewhere.
    """

    threads: tuple[Thread, ...]
    quota: float | None = None
    model: str = "CPU"
    host: str = "host"

    @property
    def cores(self) -> dict[int, tuple[int, ...]]:
        """Each physical core's usable threads, in the order of the cores."""
        cores: dict[int, list[int]] = {}
        for thread in sorted(self.threads, key=lambda thread: (thread.core, thread.number)):
            cores.setdefault(thread.core, []).append(thread.number)
        return {core: tuple(threads) for core, threads in cores.items()}

    @property
    def node_of(self) -> dict[int, int]:
        """Each physical core's NUMA node."""
        return {thread.core: thread.node for thread in self.threads}


def discover_topology(root: Path = Path("/"), allowed: Iterable[int] | None = None) -> Topology:
    """The machine as Linux describes it, within this process's affinity and control group.

    What the kernel does not tell is taken to be simple: a core per thread, a single node, no limit.

    Args:
        root: where /sys, /proc and /etc are.
        allowed: the threads that may be used; None: this process's affinity.
    """
    numbers = sorted(os.sched_getaffinity(0) if allowed is None else allowed)
    nodes = _find_nodes(root)
    threads = []
    for number in numbers:
        siblings = parse_cpu_list(
            _read(root / f"sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
        )
        threads.append(Thread(number, min(siblings, default=number), nodes.get(number, 0)))
    return Topology(tuple(threads), _find_quota(root), _find_model(root), _find_host(root))


def parse_cpu_list(text: str) -> list[int]:
    """The numbers in the kernel's notation: `0-3,8` is 0, 1, 2, 3, 8."""
    numbers: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdecimal():
            numbers += range(int(first), int(last or first) + 1)
    return numbers


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _find_nodes(root: Path) -> dict[int, int]:
    nodes = {}
    for folder in (root / "sys/devices/system/node").glob("node[0-9]*"):
        for number in parse_cpu_list(_read(folder / "cpulist")):
            nodes[number] = int(folder.name.removeprefix("node"))
    return nodes


def _find_quota(root: Path) -> float | None:
    """The tightest CPU limit of this process's control group and of those above it."""
    quotas = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        names = controllers.split(",")
        if controllers == "":
            base, read = root / "sys/fs/cgroup", _read_quota_v2
        elif "cpu" in names:
            base, read = root / "sys/fs/cgroup" / controllers, _read_quota_v1
        else:
            continue
        group = base / path.lstrip("/")
        # In a container the path may be the host's, which is not mounted: then only `base` counts.
        for folder in {
            base,
            group,
            *(parent for parent in group.parents if base in parent.parents),
        }:
            quota = read(folder)
            if quota is not None:
                quotas.append(quota)
    return min(quotas, default=None)


def _read_quota_v2(folder: Path) -> float | None:
    limit, _, period = _read(folder / "cpu.max").strip().partition(" ")
    return int(limit) / int(period) if limit.isdecimal() and period.isdecimal() else None


def _read_quota_v1(folder: Path) -> float | None:
    limit = _read(folder / "cpu.cfs_quota_us").strip()  # -1: no limit
    period = _read(folder / "cpu.cfs_period_us").strip()
    return int(limit) / int(period) if limit.isdecimal() and period.isdecimal() else None


def _find_model(root: Path) -> str:
    for line in _read(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Processor", "cpu model", "cpu"):
            return " ".join(value.split())
    return platform.machine() or "CPU"


def _find_host(root: Path) -> str:
    """A hash, since a machine's id is not to be shown to others."""
    identity = _read(root / "etc/machine-id").strip()
    text = f"gpu-harness {platform.node()} {identity}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]
