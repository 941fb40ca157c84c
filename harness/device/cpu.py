"""CPU lanes: disjoint sets of whole physical cores, so that lanes do not share one."""

from __future__ import annotations

from collections.abc import Iterable

from harness.device.base import DeviceProcess
from harness.device.topology import Topology, discover_topology
from harness.lane import DeviceInfo

MAX_DEFAULT_LANES = 8
"""More lanes than this are made only when asked for: lanes share caches and memory bandwidth,
so the more there are, the less the time of one tells."""


class CpuBackend:
    """Divides the physical cores among as many lanes as are asked for.

    Args:
        topology: the machine; None: this one, within affinity and control group.
    """

    remarks = ()

    def __init__(self, topology: Topology | None = None) -> None:
        self._topology = topology

    def discover(self, count: int | None = None) -> list[DeviceInfo]:
        """One device per set of cores; see `assign_cores`. All sets are equally large."""
        topology = self._topology or discover_topology()
        sets = assign_cores(topology, count)
        return [_make_device(topology, index, cores) for index, cores in enumerate(sets)]

    def processes(self, device: DeviceInfo) -> list[DeviceProcess]:
        """None are told: any process may run on any core."""
        return []


def assign_cores(topology: Topology, count: int | None = None) -> list[tuple[int, ...]]:
    """Disjoint, equally large sets of physical cores for `count` lanes. Pure.

    One core, the lowest, is left to the harness and the compilers as long as the lanes do not need
    it; so are cores that remain over. A lane's cores are on one NUMA node, as long as there are at
    least as many lanes as nodes; the next lane goes to the node with the most free cores.

    Args:
        count: lanes; when there are fewer cores, each core is a set. None: one per physical core
            but one, at least 1 and at most `MAX_DEFAULT_LANES`, and of one core each.

    Returns:
        For each lane the physical cores, by their lowest thread, in the order of the first ones.
    """
    cores = list(topology.cores)
    if topology.quota is not None:
        cores = cores[: max(1, int(topology.quota))]
    if count is None:
        count = min(MAX_DEFAULT_LANES, max(1, len(cores) - 1))
        largest = 1
    else:
        count = min(count, len(cores))
        largest = len(cores)
    usable = cores[1:] if len(cores) > count else cores
    nodes: dict[int, list[int]] = {}
    for core in usable:
        nodes.setdefault(topology.node_of[core], []).append(core)
    if count < len(nodes):
        nodes = {0: usable}  # too few lanes to give each node one: lanes may span nodes
    size = min(largest, len(usable) // count)
    while sum(len(free) // size for free in nodes.values()) < count:
        size -= 1
    sets = []
    for _ in range(count):
        free = max(nodes.values(), key=len)
        sets.append(tuple(free[:size]))
        del free[:size]
    return sorted(sets)


def spare_cores(devices: Iterable[DeviceInfo], topology: Topology | None = None) -> tuple[int, ...]:
    """The hardware threads that no device owns, for compile workers; all if every one is owned."""
    topology = topology or discover_topology()
    owned = {thread for device in devices for thread in device.cores}
    everything = sorted(thread.number for thread in topology.threads)
    return tuple(thread for thread in everything if thread not in owned) or tuple(everything)


def _make_device(topology: Topology, index: int, cores: tuple[int, ...]) -> DeviceInfo:
    threads = tuple(thread for core in cores for thread in topology.cores[core])
    return DeviceInfo(
        kind="cpu",
        index=index,
        uuid=f"CPU-{topology.host}-{cores[0]}",
        name=f"{topology.model}, {len(cores)} core{'s' if len(cores) > 1 else ''}",
        cores=threads,
        locks=tuple((f"CPU-{topology.host}-core-{core}", True) for core in cores),
    )
