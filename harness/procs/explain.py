"""How a process ended, in words, and what is kept of one that failed."""

from __future__ import annotations

import signal

from harness.model import Command, Evidence, ProcessResult
from harness.units import format_seconds

EVIDENCE_LINES = 40
EVIDENCE_CHARACTERS = 8192
"""Bounds of what evidence holds: forty lines can be any length."""


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
