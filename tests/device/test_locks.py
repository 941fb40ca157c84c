from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.device import lock_folders, locks
from harness.device.lock_folders import find_lock_directories
from harness.device.locks import DeviceLocks, find_holders, hold_devices
from harness.errors import DeviceError
from harness.lane import DeviceInfo

GPU = DeviceInfo("cuda", 0, "GPU-a", "RTX A4000", locks=(("GPU-a", True),))
OTHER = DeviceInfo("cuda", 1, "GPU-b", "RTX A4000", locks=(("GPU-b", True),))
SLICE = DeviceInfo("cuda", 2, "MIG-c", "MIG 1g", locks=(("MIG-c", True), ("GPU-a", False)))
SLICE_2 = DeviceInfo("cuda", 3, "MIG-d", "MIG 1g", locks=(("MIG-d", True), ("GPU-a", False)))
MOCK = DeviceInfo("mock", 0, "MOCK-a", "H100")

HOLDER = """
import os, subprocess, sys
from harness.device.locks import hold_devices
from harness.lane import DeviceInfo
held = hold_devices([DeviceInfo("cuda", 0, "GPU-a", "RTX A4000", locks=(("GPU-a", True),))])
{more}
print("held", flush=True)
sys.stdin.read()
"""
ORPHAN = """
child = subprocess.Popen(["sleep", "600"], pass_fds=held.fds_of(
    DeviceInfo("cuda", 0, "", "", locks=(("GPU-a", True),))), stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_LOCK_DIR", str(tmp_path / "locks"))
    return tmp_path / "locks"


class Holder:
    """Another harness process that holds GPU-a."""

    def __init__(self, more: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER.format(more=more)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        while not self.said or self.said[-1] != "held":
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
            assert line, "the holder died"
            self.said.append(line.strip())

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        self.process.communicate()


@pytest.fixture
def holder() -> Iterator[Holder]:
    holder = Holder()
    yield holder
    holder.close()


def test_a_held_device_is_refused_naming_it_the_holder_and_the_remedy(holder: Holder) -> None:
    with pytest.raises(DeviceError) as caught:
        hold_devices([OTHER, GPU])
    message = str(caught.value)
    assert "RTX A4000 (GPU-a)" in message
    assert f"in use by process {holder.process.pid}," in message
    assert "--wait" in message
    assert caught.value.exit_code == 3
    hold_devices([OTHER]).close()  # what was taken before the failure was let go


def test_sigkill_of_the_holder_releases(holder: Holder) -> None:
    holder.kill()
    with hold_devices([GPU]) as held:
        assert len(held.fds_of(GPU)) == 1


def test_waiting_ends_when_the_holder_does(holder: Holder) -> None:
    told: list[str] = []

    def end_holder(message: str) -> None:
        told.append(message)
        holder.process.kill()

    with hold_devices([GPU], wait=True, on_wait=end_holder):
        assert len(told) == 1
        assert f"process {holder.process.pid}" in told[0]


def test_ctrl_c_ends_the_waiting(holder: Holder) -> None:
    main = threading.main_thread()
    assert main.ident is not None
    ident, waits = main.ident, f"-> FLOCK  ADVISORY  WRITE {os.getpid()} "

    def interrupt_when_blocked() -> None:
        while waits not in Path("/proc/locks").read_text():
            os.sched_yield()
        signal.pthread_kill(ident, signal.SIGINT)

    interrupter = threading.Thread(target=interrupt_when_blocked)
    with pytest.raises(KeyboardInterrupt):
        hold_devices([GPU], wait=True, on_wait=lambda _: interrupter.start())
    interrupter.join()


def test_a_child_that_inherited_the_lock_keeps_it() -> None:
    holder = Holder(ORPHAN)
    orphan = int(holder.said[0])
    holder.kill()
    try:
        with pytest.raises(DeviceError, match=f"process {holder.process.pid}, which has ended"):
            hold_devices([GPU])
    finally:
        os.kill(orphan, signal.SIGKILL)
    hold_devices([GPU], wait=True).close()


def test_closing_does_not_take_the_lock_from_a_child() -> None:
    held = hold_devices([GPU])
    child = subprocess.Popen(
        ["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=held.fds_of(GPU)
    )
    held.close()
    with pytest.raises(DeviceError, match="in use"):
        hold_devices([GPU])
    child.communicate()
    hold_devices([GPU]).close()


def test_descriptors_are_inherited_only_on_request() -> None:
    with hold_devices([GPU]) as held:
        assert not os.get_inheritable(*held.fds_of(GPU))
    with hold_devices([GPU], inheritable=True) as held:
        assert os.get_inheritable(*held.fds_of(GPU))


def test_lanes_of_one_session_share_its_locks() -> None:
    with hold_devices([GPU, GPU, OTHER]) as held:
        assert held.fds_of(GPU) != held.fds_of(OTHER)


def test_slices_of_one_gpu_are_independent_but_exclude_the_whole() -> None:
    with hold_devices([SLICE]) as held:
        assert len(held.fds_of(SLICE)) == 2
        hold_devices([SLICE_2]).close()
        with pytest.raises(DeviceError, match="GPU-a"):
            hold_devices([GPU])
        with pytest.raises(DeviceError, match="MIG-c"):
            hold_devices([SLICE])
    with hold_devices([GPU]), pytest.raises(DeviceError, match="MIG-c"):
        hold_devices([SLICE])


def test_locks_are_taken_in_sorted_order(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    take = locks._take

    def spy(path: Path, *arguments: object, **options: object) -> int | None:
        taken.append(path.name)
        return take(path, *arguments, **options)  # type: ignore[arg-type] # as it was called

    monkeypatch.setattr(locks, "_take", spy)
    hold_devices([SLICE_2, OTHER, SLICE]).close()
    assert taken == sorted(taken)
    assert len(taken) == 4


def test_files_are_everyones_and_stay(directory: Path) -> None:
    before = os.umask(0o077)
    try:
        hold_devices([GPU]).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o1777
    assert stat.S_IMODE((directory / "GPU-a.lock").stat().st_mode) == 0o666
    assert list(directory.parent.iterdir()) == [directory]  # no draft of it was left


def test_the_holder_is_noted_and_shared_holders_are_not(directory: Path) -> None:
    with hold_devices([SLICE]):
        assert (directory / "MIG-c.lock").read_text().split()[0] == str(os.getpid())
        assert (directory / "GPU-a.lock").read_text() == ""


@pytest.mark.parametrize(
    ("note", "holder"),
    [
        ("", "another process"),
        ("garbage", "another process"),
        ("12 elsewhere", "process 12 of elsewhere"),
        ("99999999999999999999 elsewhere", "of elsewhere"),
        ("\xff\xfe", "another process"),
    ],
)
def test_notes_that_tell_little(directory: Path, note: str, holder: str) -> None:
    with hold_devices([GPU]):
        (directory / "GPU-a.lock").write_text(note, encoding="latin-1")
        with pytest.raises(DeviceError, match=f"in use by .*{holder}"):
            hold_devices([GPU])


def test_a_file_that_was_replaced_while_waiting_is_not_the_lock(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = directory / "GPU-a.lock"
    hold_devices([GPU]).close()
    flock = fcntl.flock
    calls = []

    def replace_then_lock(fd: int, how: int) -> None:
        flock(fd, how)
        calls.append(how)
        if len(calls) == 1:
            path.unlink()
        elif len(calls) == 2:
            path.rename(path.with_suffix(".old"))
            path.touch()

    monkeypatch.setattr(fcntl, "flock", replace_then_lock)
    with hold_devices([GPU]) as held:
        assert len(calls) == 3
        assert os.path.samestat(os.fstat(held.fds_of(GPU)[0]), path.stat())


def test_another_users_file_will_do_read_only(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_devices([GPU]).close()
    real_open = os.open

    def no_writing(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, flags, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", no_writing)
        held = hold_devices([GPU])
    with held, pytest.raises(DeviceError, match="in use"):
        hold_devices([GPU])


def test_a_lock_file_that_is_a_link_is_refused(directory: Path, tmp_path: Path) -> None:
    hold_devices([OTHER]).close()
    (directory / "GPU-a.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeviceError, match=r"GPU-a\.lock.*HARNESS_LOCK_DIR"):
        hold_devices([GPU])
    assert not (tmp_path / "elsewhere").exists()


def test_names_with_slashes(directory: Path) -> None:
    device = DeviceInfo("cuda", 0, "MIG-GPU-a/1/0", "MIG", locks=(("MIG-GPU-a/1/0", True),))
    with hold_devices([device]):
        assert (directory / "MIG-GPU-a_1_0.lock").exists()


def test_devices_without_locks_touch_nothing(directory: Path) -> None:
    with hold_devices([MOCK, MOCK]) as held:
        assert held.fds_of(MOCK) == ()
        assert held.directory == directory
    assert not directory.exists()


def test_closing_twice_does_no_harm() -> None:
    held = hold_devices([GPU])
    held.close()
    held.close()
    assert isinstance(hold_devices([GPU]), DeviceLocks)


@pytest.fixture
def candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    found = tmp_path / "a" / "gpu-harness", tmp_path / "b" / "gpu-harness-locks"
    monkeypatch.setattr(lock_folders, "_CANDIDATES", found)
    return found


def test_directories_in_order(candidates: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = candidates
    assert find_lock_directories({}) == (first,)
    first.rmdir()
    first.touch()  # in the way
    assert find_lock_directories({}) == (second,)
    assert find_lock_directories({}) == (second,)  # which exists now
    second.rmdir()
    second.symlink_to(tmp_path)
    with pytest.raises(DeviceError, match="set HARNESS_LOCK_DIR"):
        find_lock_directories({})


def test_users_of_unlike_directories_exclude_each_other(
    candidates: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a user who may not write to /run/lock, and of one who may and comes later."""
    first, second = candidates
    with monkeypatch.context() as patch:
        patch.setattr(lock_folders, "_CANDIDATES", (second,))
        held = hold_devices([GPU], environment={})
    with held:
        with pytest.raises(DeviceError, match=f"which holds {second}"):
            hold_devices([GPU], environment={})
        with hold_devices([OTHER], environment={}) as other:
            assert other.directory == first
            assert len(other.fds_of(OTHER)) == 2
    hold_devices([GPU], environment={}).close()


def test_a_directory_of_others_that_holds_no_such_lock_is_no_obstacle(
    candidates: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates[1].mkdir(parents=True)
    access = os.access

    def not_there(path: Path, mode: int) -> bool:
        return access(path, mode) and not (path == candidates[1] and mode & os.W_OK)

    monkeypatch.setattr(os, "access", not_there)
    with hold_devices([GPU], environment={}) as held:
        assert len(held.fds_of(GPU)) == 1
    (candidates[1] / "GPU-a.lock").touch()
    with hold_devices([GPU], environment={}) as held:
        assert len(held.fds_of(GPU)) == 2


def test_a_directory_made_meanwhile_is_used(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.mkdir()
    (directory / "GPU-z.lock").touch()
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    assert find_lock_directories() == (directory,)
    assert list(directory.parent.iterdir()) == [directory]
    assert (directory / "GPU-z.lock").exists()


def test_a_folder_is_held_like_a_device(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    with hold_devices([GPU], one) as held:
        assert len(held.fds_of(GPU)) == 2, "tests inherit both"
        with pytest.raises(DeviceError, match=r"folder .*one.* in use by .*command\.directory"):
            hold_devices([OTHER], one / ".." / "one")
        hold_devices([OTHER], other).close()
    hold_devices([], one).close()


def test_a_folder_that_machines_share_is_held_against_other_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = ({"HARNESS_LOCK_DIR": str(tmp_path / name)} for name in ("here", "there"))
    folder = tmp_path / "project"
    folder.mkdir()
    with hold_devices([], folder, environment=here):
        hold_devices([], folder, environment=there).close()  # a disk of each machine's own
        assert list(folder.iterdir()) == []
    monkeypatch.setattr(locks, "find_shared", lambda path: "nfs4")
    with hold_devices([GPU], folder, environment=here) as held:
        assert len(held.fds_of(GPU)) == 3
        with pytest.raises(DeviceError, match=r"folder .*which holds .*\.harness/folder\.lock"):
            hold_devices([], folder, environment=there)
    hold_devices([], folder, environment=there).close()


def test_a_shared_folder_without_locks_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "find_shared", lambda path: "lustre")
    flock = fcntl.flock

    def refuse(fd: int, how: int) -> None:
        if Path(f"/proc/self/fd/{fd}").readlink().name == "folder.lock":
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", refuse)
    with hold_devices([], tmp_path) as held:
        assert len(held.fds_of(MOCK)) == 1


def test_holders_are_found_without_locking(directory: Path, tmp_path: Path) -> None:
    assert find_holders(GPU) == ()
    assert not directory.exists(), "nothing was made to find out"
    with hold_devices([SLICE]):
        assert find_holders(SLICE) == find_holders(GPU) == (os.getpid(),)
        assert find_holders(OTHER) == ()
        assert find_holders(SLICE_2) == ()  # another slice of that GPU
        assert find_holders(GPU, table=tmp_path / "none") == ()
    assert find_holders(SLICE) == ()
