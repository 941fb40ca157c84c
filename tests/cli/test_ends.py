"""How commands end that cannot go on: a message, an exit code, and an object for programs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import harness.cli
from harness.device.cpu import CpuBackend
from harness.device.locks import hold_devices

from .helpers import SLEEPERS, Cli


def run(folder: Path, *arguments: str | Path, stdout: int = subprocess.PIPE) -> tuple[int, str]:
    """A command in a process of its own: exit code and stderr."""
    ended = subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("word", ["--lanes", "--jobs"])
def test_other_words_for_an_option(cli: Cli, config: Path, word: str) -> None:
    config.write_text(SLEEPERS)
    ended = cli("tune", config, word, "2")
    assert ended.code == 2
    assert f"No such option '{word}'. Did you mean '--parallel'?" in ended.err
    assert "'--parallel'" not in cli("history", config, word).err  # which has no such option


def test_output_that_cannot_be_written_is_said(config: Path) -> None:
    config.write_text(SLEEPERS)
    with Path("/dev/full").open("w") as full:
        code, said = run(config.parent, "check", config, stdout=full.fileno())
    assert code == 1
    assert said.startswith("error: the output cannot be written: No space left on device")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("command", ["sessions", "show", "tune"])
def test_a_folder_that_is_gone_is_said(tmp_path: Path, config: Path, command: str) -> None:
    config.write_text(SLEEPERS)
    script = f"mkdir gone && cd gone && rmdir ../gone && exec {sys.executable} -m harness {command}"
    if command == "tune":
        script += f" {config} --dry-run"
    ended = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ended.stderr
    if command != "tune":
        assert ended.returncode == 1
        assert "the current folder is not there any more" in ended.stderr


def test_sigterm_is_as_ctrl_c_from_the_start(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(**_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(harness.cli.cli, "main", end)
    before = signal.getsignal(signal.SIGTERM)
    ended = cli("tune", "--json")
    assert (ended.code, ended.err) == (130, "error: interrupted\n")
    assert ended.json == {"error": "interrupted", "exit_code": 130}
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_waiting_for_a_device_can_be_interrupted(config: Path, number: signal.Signals) -> None:
    config.write_text(SLEEPERS.replace('"none"', '"cpu"').replace("parallel = 2", "parallel = 1"))
    command = [sys.executable, "-m", "harness", "tune", str(config), "--wait"]
    with (
        hold_devices(CpuBackend().discover(1)),
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        assert "in use" in process.stderr.readline()
        process.send_signal(number)
        assert process.stderr.readlines()[-1] == "error: interrupted\n"
    assert process.returncode == 130


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("tune", "none.toml"), 2),
        (("check", "none.toml"), 2),
        (("show", "--journal", "none.sqlite"), 1),
        (("sessions", "--nothing"), 2),
    ],
)
def test_programs_are_told_of_errors(cli: Cli, arguments: tuple[str, ...], code: int) -> None:
    ended = cli(*arguments, "--json")
    assert ended.code == code
    assert ended.json["exit_code"] == code
    assert ended.json["error"] in ended.err
    assert cli(*arguments).out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "--top", "1" * 30),
        ("show", "--top", "1000001"),
        ("tune", "--repeat", "1" * 5000),
        ("tune", "--repeat", "1000001"),
        ("tune", "--budget", "٣"),
        ("tune", "--seed", "1_000"),
        ("tune", "--time", "٣.5"),
        ("tune", "--target", "nan"),
        ("compare", "1", "1", "--top=-1"),
        ("compare", "1", "1", "--threshold=0"),
        ("space", "x.toml", "--seed", "-1"),
        ("simulate", "x.json", "--seeds", "1" * 15),
    ],
)
def test_numbers_beyond_all_reason_are_refused(cli: Cli, arguments: tuple[str, ...]) -> None:
    ended = cli(*arguments)
    assert ended.code == 2
    assert "Invalid value for '--" in ended.err
    assert re.search("is not (in the range|above 0|a (whole|finite) number)", ended.err)


def test_a_session_of_any_number_can_be_asked_for(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    cli("tune", config)
    journal = config.parent / ".harness/journal.sqlite"
    ended = cli("show", "1" * 30, "--journal", journal)
    assert ended.code == 2
    assert "there is no session" in ended.err


def test_who_holds_a_device_is_shown(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS.replace('"none"', '"cpu"').replace("parallel = 2", "parallel = 1"))
    lanes = ("--backend", "cpu", "--parallel", "1")
    said = f"held by harness process {os.getpid()}"
    with hold_devices(CpuBackend().discover(1)):
        assert said in cli("devices", *lanes).out
        assert cli("devices", *lanes, "--json").json["devices"][0]["held_by"] == [os.getpid()]
        assert "warning: lane 0: device " in cli("check", config).out
        assert said in cli("check", config).out
        assert said in cli("tune", config, "--dry-run").out
        assert any(said in text for text in cli("check", config, "--json").json["warnings"])
    assert "held by" not in cli("devices", *lanes).out + cli("check", config).out
