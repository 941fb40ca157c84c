from __future__ import annotations

import pytest

from harness.model import Command, ProcessResult
from harness.procs.explain import describe_end, describe_failure, make_evidence, name_signal

COMMAND = Command(("./app", "1"), "./app 1", "/home/me", timeout_s=2.0)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (ProcessResult(0, 1.0, exit_code=0), ""),
        (ProcessResult(0, 1.0, exit_code=3), "exit status 3"),
        (ProcessResult(0, 1.0, exit_code=139), "exit status 139: SIGSEGV (11)"),
        (ProcessResult(0, 1.0, exit_code=255), "exit status 255"),
        (ProcessResult(0, 1.0, signal=9), "killed by SIGKILL (9)"),
        (ProcessResult(0, 1.0, signal=15, timed_out=True), "took longer than 2.00 s"),
        (ProcessResult(0, 1.0, signal=15, cancelled=True), "cancelled"),
        (ProcessResult(0, 1.0, exit_code=0, error="wrote too much"), "wrote too much"),
        (ProcessResult(0, 1.0, timed_out=True, stuck=True, error="stuck"), "stuck"),
    ],
)
def test_end_in_words(result: ProcessResult, words: str) -> None:
    assert describe_end(COMMAND, result) == words


@pytest.mark.parametrize(
    ("stdout", "stderr", "told"),
    [
        ("", "", ""),
        ("step 1\nstep 2\n", "", ": step 2"),
        ("step 1\n", "warning\nat the end\n\n", ": at the end"),
        ("step 1\n", "In file:\napp.cu(3): Error: no N\n1 error\n", ": app.cu(3): Error: no N"),
        ("an ERROR here\n", "bye\n", ": an ERROR here"),
        ("", "\x1b[31merror\x1b[0m\tx", r": \x1b[31merror\x1b[0m x"),
        ("", "e" * 500, ": " + "e" * 99 + "…"),
    ],
)
def test_a_failure_quotes_what_says_why(stdout: str, stderr: str, told: str) -> None:
    result = ProcessResult(0, 1.0, exit_code=1, stdout=stdout, stderr=stderr)
    assert describe_failure(COMMAND, result) == f"exit status 1{told}"


def test_what_the_harness_ended_is_not_blamed_on_the_output() -> None:
    result = ProcessResult(0, 1.0, signal=15, timed_out=True, stderr="error")
    assert describe_failure(COMMAND, result) == "took longer than 2.00 s"
    assert describe_failure(COMMAND, ProcessResult(0, 1.0, exit_code=0, stdout="error")) == ""


def test_signal_without_a_name() -> None:
    assert name_signal(40) == "signal 40"


def test_evidence_holds_the_last_forty_lines_with_stderr_last() -> None:
    stdout = "".join(f"out {i}\n" for i in range(100))
    evidence = make_evidence(COMMAND, ProcessResult(0, 1.0, 3, stdout=stdout, stderr="bad\nworse"))
    assert (evidence.command, evidence.directory) == ("./app 1", "/home/me")
    assert (evidence.exit_code, evidence.signal) == (3, None)
    lines = evidence.output.splitlines()
    assert len(lines) == 40
    assert lines[0] == "out 62"
    assert lines[-3:] == ["out 99", "bad", "worse"]


def test_evidence_of_endless_lines_is_bounded() -> None:
    result = ProcessResult(0, 1.0, 1, stdout="x" * 50_000, stderr="the error")
    output = make_evidence(COMMAND, result).output
    assert len(output) == 8192
    assert output.endswith("x\nthe error")
