"""How a process ended, in words, and what is kept of one that failed."""

from __future__ import annotations

import signal

from harness.model import Command, Evidence, ProcessResult
from harness.units import format_seconds, format_text, shorten

EVIDENCE_LINES = 40
EVIDENCE_CHARACTERS = 8192
"""Bounds of what evidence holds: forty lines can be any length."""

TOLD_CHARACTERS = 100
"""How much of its output the reason of a failure quotes."""


def name_signal(number: int) -> str:
    """`SIGSEGV (11)`; for numbers without a name, `signal 40`."""
    try:
        return f"{signal.Signals(number).name} ({number})"
    except ValueError:
        return f"signal {number}"


def describe_end(command: Command, result: ProcessResult) -> str:
    """Why `result` is not a success, in one line; empty if it is one."""
    if result.cancelled and not result.stuck:
        return "cancelled"
    if result.timed_out and not result.stuck:
        limit = "its limit" if command.timeout_s is None else format_seconds(command.timeout_s)
        return f"took longer than {limit}"
    if result.error:
        return result.error
    if result.signal is not None:
        return f"killed by {name_signal(result.signal)}"
    return _describe_status(result.exit_code or 0)


def _describe_status(exit_code: int) -> str:
    if exit_code > 128 and exit_code - 128 in set(signal.Signals):
        # how shells report that what they ran was killed
        return f"exit status {exit_code}: {name_signal(exit_code - 128)}"
    return f"exit status {exit_code}" if exit_code else ""


def describe_failure(command: Command, result: ProcessResult) -> str:
    """`describe_end`, with what the process itself said last, or first called an error."""
    end = describe_end(command, result)
    ended_itself = not (result.error or result.timed_out or result.cancelled)
    told = _find_telling_line(result) if end and ended_itself else ""
    return f"{end}: {told}" if told else end


def _find_telling_line(result: ProcessResult) -> str:
    """The line of its output that most likely says why; empty if it wrote nothing."""
    lines = [[line for line in text.splitlines() if line.strip()]
             for text in (result.stderr, result.stdout)]  # fmt: skip
    errors = (line for text in lines for line in text if "error" in line.lower())
    last = (text[-1] for text in lines if text)
    line = next(errors, None) or next(last, "")
    return shorten(format_text(line.strip().expandtabs(1)), TOLD_CHARACTERS)


def make_evidence(command: Command, result: ProcessResult) -> Evidence:
    """What to keep of a run or build that failed."""
    lines = [*result.stdout.splitlines(), *result.stderr.splitlines()][-EVIDENCE_LINES:]
    return Evidence(
        command=command.text,
        directory=command.directory,
        exit_code=result.exit_code,
        signal=result.signal,
        output="\n".join(lines)[-EVIDENCE_CHARACTERS:],
    )
