from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.device.cpu import CpuBackend, assign_cores, spare_cores
from harness.device.topology import Thread, Topology, discover_topology, parse_cpu_list


def machine(
    cores: int, *, threads_per_core: int = 1, nodes: int = 1, quota: float | None = None
) -> Topology:
    """An invented machine, numbered as Linux does: all first threads, then all second ones."""
    threads = [
        Thread(number, number % cores, (number % cores) * nodes // cores)
        for number in range(cores * threads_per_core)
    ]
    return Topology(tuple(threads), quota, "Invented 9000", "cafe")


@pytest.mark.parametrize(
    ("cores", "lanes"), [(1, 1), (2, 1), (3, 2), (4, 3), (8, 7), (9, 8), (16, 8), (128, 8)]
)
def test_by_default_one_core_is_left_and_lanes_are_few(cores: int, lanes: int) -> None:
    sets = assign_cores(machine(cores))
    assert len(sets) == lanes
    assert all(len(cores) == 1 for cores in sets)


@pytest.mark.parametrize("nodes", [1, 2, 4])
@pytest.mark.parametrize("cores", [1, 2, 3, 4, 6, 7, 8, 16, 24, 64])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 15, 16, 17, 64, 100])
def test_sets_are_disjoint_equal_and_as_many_as_can_be(cores: int, nodes: int, count: int) -> None:
    topology = machine(cores, nodes=nodes)
    sets = assign_cores(topology, count)
    used = [core for cores in sets for core in cores]
    assert len(sets) == min(count, cores)
    assert len(used) == len(set(used))
    assert len({len(cores) for cores in sets}) == 1
    assert set(used) <= set(topology.cores)
    assert (0 in used) == (count >= cores)  # the lowest core is left as long as it can be
    if count >= nodes and cores > count:
        assert all(len({topology.node_of[core] for core in cores}) == 1 for cores in sets)


def test_all_cores_but_one_are_divided() -> None:
    assert assign_cores(machine(8), 2) == [(1, 2, 3), (4, 5, 6)]
    assert assign_cores(machine(8), 1) == [(1, 2, 3, 4, 5, 6, 7)]
    assert assign_cores(machine(8), 8) == [(core,) for core in range(8)]


def test_lanes_are_spread_over_nodes() -> None:
    assert assign_cores(machine(8, nodes=2), 4) == [(1,), (2,), (4,), (5,)]
    assert assign_cores(machine(8, nodes=2), 1) == [(1, 2, 3, 4, 5, 6, 7)]
    assert assign_cores(machine(16, nodes=2)) == [
        (1,), (2,), (3,), (4,), (8,), (9,), (10,), (11,)
    ]  # fmt: skip


def test_nodes_of_unequal_size() -> None:
    threads = [Thread(number, number, 0 if number < 2 else 1) for number in range(10)]
    assert assign_cores(Topology(tuple(threads)), 2) == [(2, 3, 4, 5), (6, 7, 8, 9)]


def test_a_quota_is_obeyed() -> None:
    assert len(assign_cores(machine(64, quota=3.5))) == 2
    assert assign_cores(machine(64, quota=0.5)) == [(0,)]


def test_a_lane_owns_both_threads_of_its_cores() -> None:
    topology = machine(4, threads_per_core=2)
    devices = CpuBackend(topology).discover(3)
    assert [device.cores for device in devices] == [(1, 5), (2, 6), (3, 7)]
    assert spare_cores(devices, topology) == (0, 4)


def test_devices_are_described() -> None:
    first, second = CpuBackend(machine(5)).discover(2)
    assert (first.kind, first.index, first.uuid) == ("cpu", 0, "CPU-cafe-1")
    assert second.uuid == "CPU-cafe-3"
    assert first.name == second.name == "Invented 9000, 2 cores"
    assert first.locks == (("CPU-cafe-core-1", True), ("CPU-cafe-core-2", True))
    assert not first.simulated
    assert CpuBackend(machine(2)).discover()[0].name == "Invented 9000, 1 core"
    assert CpuBackend(machine(2)).processes(first) == []


def test_when_lanes_own_everything_compilers_share_it() -> None:
    topology = machine(2)
    assert spare_cores(CpuBackend(topology).discover(2), topology) == (0, 1)
    assert spare_cores([], topology) == (0, 1)


def test_locks_do_not_depend_on_which_threads_may_be_used() -> None:
    only_second = Topology((Thread(4, 0), Thread(5, 1)), host="cafe")
    (device,) = CpuBackend(only_second).discover(1)
    assert device.cores == (5,)
    assert device.locks == (("CPU-cafe-core-1", True),)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0-3,8\n", [0, 1, 2, 3, 8]), ("5", [5]), ("", []), ("\n", []), ("0,64", [0, 64])],
)
def test_cpu_lists(text: str, numbers: list[int]) -> None:
    assert parse_cpu_list(text) == numbers


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_topology_is_read_from_linux(tmp_path: Path) -> None:
    cpu = "sys/devices/system/cpu"
    siblings = {
        f"{cpu}/cpu{n}/topology/thread_siblings_list": f"{n % 2},{n % 2 + 2}" for n in range(4)
    }
    write(
        tmp_path,
        {
            **siblings,
            "sys/devices/system/node/node0/cpulist": "0,2\n",
            "sys/devices/system/node/node1/cpulist": "1,3\n",
            "proc/cpuinfo": "processor\t: 0\nmodel name\t: Some  CPU @ 3GHz\n",
            "etc/machine-id": "0123456789abcdef\n",
        },
    )
    topology = discover_topology(tmp_path, [0, 1, 3])
    assert topology.threads == (Thread(0, 0, 0), Thread(1, 1, 1), Thread(3, 1, 1))
    assert topology.cores == {0: (0,), 1: (1, 3)}
    assert topology.model == "Some CPU @ 3GHz"
    assert topology.quota is None
    assert "0123" not in topology.host


def test_a_kernel_that_tells_nothing(tmp_path: Path) -> None:
    topology = discover_topology(tmp_path, [2, 5])
    assert topology.threads == (Thread(2, 2, 0), Thread(5, 5, 0))
    assert topology.model


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                "sys/fs/cgroup/a/cpu.max": "250000 100000\n",
            },
            2.5,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4.0),
        ({"proc/self/cgroup": "0::/host/path\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5),
        (
            {
                "proc/self/cgroup": "4:memory:/x\n2:cpu,cpuacct:/job\n0::/\n",
                "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3.0,
        ),
        ({"proc/self/cgroup": "1:cpuset:/\n"}, None),
    ],
    ids=["v2 inherited", "v2 root", "v2 in a container", "v1", "none"],
)
def test_limits_of_control_groups(
    tmp_path: Path, files: dict[str, str], quota: float | None
) -> None:
    write(tmp_path, files)
    assert discover_topology(tmp_path, [0]).quota == quota


def test_the_real_machine() -> None:
    devices = CpuBackend().discover()
    cores = [core for device in devices for core in device.cores]
    assert devices
    assert set(cores) <= os.sched_getaffinity(0)
    assert set(spare_cores(devices)) <= os.sched_getaffinity(0)
