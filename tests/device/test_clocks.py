"""Locked clocks are restored, whatever happens. Stand-ins only: no driver is touched."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.app.clocks import hold_clocks
from harness.device.clocks import ClockLock
from harness.lane import DeviceInfo, Lane
from harness.testing.nvml import make_gpus
from tests.device.fake_clocks import LOG

FAKE = "tests.device.fake_clocks:"
UUIDS = [gpu.uuid for gpu in make_gpus(2)]
LOCKED = {uuid: [1410, 1410] for uuid in UUIDS}


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "locked"
    monkeypatch.setenv(LOG, str(path))
    return path


def read(log: Path) -> list[dict[str, Any]]:
    """What was locked, after each change."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_clocks_are_locked_and_restored(log: Path) -> None:
    held = ClockLock(UUIDS, 1410, f"{FAKE}two")
    assert held.locked == dict.fromkeys(UUIDS, 1410)
    assert read(log)[-1] == LOCKED
    held.close()
    assert read(log)[-1] == {}


def test_base_is_what_the_driver_says(log: Path) -> None:
    held = ClockLock(UUIDS[:1], "base", f"{FAKE}two")
    assert held.locked == {UUIDS[0]: 1170}
    held.close()
    assert read(log) == [{UUIDS[0]: [1170, 1170]}, {}]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_the_keeper_restores_them(log: Path, number: signal.Signals) -> None:
    held = ClockLock(UUIDS, 1410, f"{FAKE}two")
    os.kill(held.pid, number)
    held.close()  # which also ends one that takes no notice of Ctrl-C
    assert read(log)[-1] == {}


HARNESS = """\
import os, sys
from harness.device.clocks import ClockLock
held = ClockLock(sys.argv[2:], 1410, sys.argv[1])
print(held.pid, flush=True)
sys.stdin.read()
"""


def test_a_harness_that_is_killed_leaves_nothing_locked(log: Path) -> None:
    argv = [sys.executable, "-c", HARNESS, f"{FAKE}two", *UUIDS]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as harness:
        assert harness.stdout is not None
        keeper = int(harness.stdout.readline())
        assert read(log)[-1] == LOCKED
        descriptor = os.pidfd_open(keeper)
        harness.kill()
        harness.wait()
    wait_for_end(descriptor)
    assert read(log)[-1] == {}


def wait_for_end(descriptor: int) -> None:
    assert select.select([descriptor], [], [], 30)[0]
    os.close(descriptor)


@pytest.mark.parametrize(
    ("fake", "why"),
    [
        ("forbidden", "Insufficient Permissions"),
        ("driverless", "NVML Shared Library Not Found"),
        ("unimportable", "nvidia-ml-py is missing"),
        ("no_such_function", "the process that locks clocks does not answer"),
    ],
)
def test_a_refusal_is_told_and_nothing_is_restored(log: Path, fake: str, why: str) -> None:
    held = ClockLock(UUIDS, 1410, FAKE + fake)
    assert held.locked == {}
    assert all(why in said for said in held.refused.values())
    assert set(held.refused) == set(UUIDS)
    held.close()
    assert not log.exists()


def test_a_gpu_that_is_gone_keeps_no_other_from_being_restored(log: Path) -> None:
    held = ClockLock([UUIDS[0], "GPU-gone"], 1410, f"{FAKE}two")
    assert held.locked == {UUIDS[0]: 1410}
    assert held.refused == {"GPU-gone": "Not Found"}
    held.close()
    assert read(log)[-1] == {}


def make_lane(number: int, kind: str = "cuda", **fields: Any) -> Lane:
    return Lane(str(number), number, DeviceInfo(kind, number, UUIDS[number], "RTX", **fields))


def test_a_session_says_what_is_locked(log: Path) -> None:
    lanes = [make_lane(0), make_lane(1)]
    with hold_clocks(lanes, 1410, f"{FAKE}two") as remarks:
        assert read(log)[-1] == LOCKED
        assert remarks[0] == (
            "info",
            f"clocks of {UUIDS[0]} are locked at 1410 MHz until the session ends",
        )
    assert read(log)[-1] == {}


def test_a_session_that_fails_restores_them(log: Path) -> None:
    with pytest.raises(KeyboardInterrupt), hold_clocks([make_lane(0)], 1410, f"{FAKE}two"):
        raise KeyboardInterrupt
    assert read(log)[-1] == {}


def test_a_refusal_is_a_warning(log: Path) -> None:
    with hold_clocks([make_lane(0)], "base", f"{FAKE}forbidden") as remarks:
        ((level, text),) = remarks
    assert level == "warning"
    assert "are not locked: Insufficient Permissions; locking takes root" in text


def test_what_is_no_whole_gpu_is_left_alone(log: Path) -> None:
    lanes = [make_lane(0, "mock"), make_lane(1, parent_uuid="GPU-0")]
    with hold_clocks(lanes, 1410, f"{FAKE}two") as remarks:
        assert [level for level, _ in remarks] == ["warning", "info"]
    with hold_clocks([make_lane(0)], None, f"{FAKE}two") as remarks:
        assert remarks == []
    assert not log.exists()
