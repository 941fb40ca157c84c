"""Ctrl-C, SIGTERM and kill -9 with real processes: nothing measured is lost, nothing runs on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.device.cpu import CpuBackend
from harness.device.locks import hold_devices
from harness.store.sessions import load_session

COUNT = 6

# Unless RELEASED is set, a run says that it is there in one FIFO and waits for the other. `alive`
# stays open as long as the run does: reading it to its end is waiting for the end of the run.
CONFIG = """\
name = "interrupted"
backend = "cpu"
parallel = 1

[parameters]
N = [0, 1, 2, 3, 4, 5]

[command]
compile = "touch made_%%ID%%"
test = "[ $RELEASED ] || { exec 3> alive; echo $$ >&3; read line < hold; }; echo %N%"
clean = "rm made_%%ID%%"

[scoring]
optimal = "min"
"""


class Tuning:
    """A `harness tune` in a folder of its own, stopped in the middle of its first run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tune.toml").write_text(CONFIG)
        for name in ("alive", "hold"):
            os.mkfifo(folder / name)

    @contextmanager
    def start(self, released: str = "") -> Iterator[subprocess.Popen[str]]:
        """The process; what is left of it is killed at the end."""
        with subprocess.Popen(
            [sys.executable, "-m", "harness", "tune", "tune.toml", "--json"],
            cwd=self.folder,
            env={**os.environ, "RELEASED": released},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def resume(self) -> dict[str, object]:
        """The same command again, with nothing to wait for: what it says."""
        with self.start(released="yes") as process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        made: dict[str, object] = json.loads(out)
        return made

    def check_resumed(self, measured: int) -> None:
        """The session goes on where it was, and then nothing is left."""
        made = self.resume()
        assert (made["session"], made["tests"], made["measured"]) == (1, COUNT, measured)
        assert not list(self.folder.glob("made_*"))


@pytest.fixture
def tuning(tmp_path: Path) -> Tuning:
    return Tuning(tmp_path)


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    assert any(text in line for line in process.stderr), f"it ended without saying {text!r}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_lets_the_run_end_and_cleans(tuning: Tuning, number: signal.Signals) -> None:
    with tuning.start() as process, (tuning.folder / "alive").open() as alive:
        assert alive.readline().strip().isdecimal()
        process.send_signal(number)
        wait_for_line(process, "interrupted: finishing what runs")
        (tuning.folder / "hold").write_text("go on\n")
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    made = json.loads(out)
    assert made["state"] == "interrupted"
    assert made["best"]["score"] == 0
    assert not list(tuning.folder.glob("made_*"))
    tuning.check_resumed(measured=COUNT - 1)
    stored = load_session(tuning.folder / ".harness" / "journal.sqlite")
    assert stored.state == "complete"
    assert not [note for note in stored.notes if "interrupted" in note.text]


def test_twice_kills_the_run(tuning: Tuning) -> None:
    with tuning.start() as process, (tuning.folder / "alive").open() as alive:
        assert alive.readline().strip().isdecimal()
        process.send_signal(signal.SIGINT)
        wait_for_line(process, "interrupted: finishing what runs")
        process.send_signal(signal.SIGINT)
        assert alive.read() == "", "the run was killed and nothing else was started"
        process.communicate(timeout=60)
    assert process.returncode == 130
    tuning.check_resumed(measured=COUNT)


def test_kill_9_leaves_no_process_and_no_lock(tuning: Tuning) -> None:
    with tuning.start() as process, (tuning.folder / "alive").open() as alive:
        assert alive.readline().strip().isdecimal()
        process.kill()
        assert alive.read() == "", "what ran was killed by its worker"
        process.communicate(timeout=60)
    with hold_devices(CpuBackend().discover(1), wait=True, on_wait=lambda _: None):
        pass  # the lock went with the last process that held it
    tuning.check_resumed(measured=COUNT)
