"""Times commands: the wall clock around them, or the figure of merit that they print.

What a test's exit status means:

    0            it worked
    65           it ran, but its result is wrong (EX_DATAERR of sysexits.h)
    69           its device is lost: the lane is given up (EX_UNAVAILABLE)
    other        it failed
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from harness.clock import SystemClock
from harness.lane import Lane
from harness.measurement import ENERGY_S
from harness.model import Command, OutcomeKind, ProcessResult, Run, Test
from harness.procs.explain import describe_end, describe_failure, make_evidence
from harness.procs.worker import Worker
from harness.units import format_seconds

EXIT_WRONG_RESULT = 65
EXIT_DEVICE_LOST = 69
OUTPUT_CHARACTERS = 4096
"""How much of the end of stdout and of stderr a run keeps."""

_QUOTED_CHARACTERS = 100
_STATUS_MEANINGS = {
    EXIT_WRONG_RESULT: (OutcomeKind.WRONG_RESULT, "the test says that its result is wrong"),
    EXIT_DEVICE_LOST: (OutcomeKind.DEVICE_LOST, "the test says that its device is lost"),
}


class CommandTimer:
    """Measures commands on one lane by means of its worker.

    Args:
        make_command: the command that runs a test on this lane.
        measured: a sample is the elapsed `time` in seconds; the `energy` in joules, by the
            device's counter; or the `figure` of merit: the number that ends the last line of
            standard output that is not blank.
        clock: turns the worker's monotonic instants into the session's.
        read_energy: joules that the device has taken so far; None where it does not tell.
    """

    def __init__(
        self,
        worker: Worker,
        lane: Lane,
        make_command: Callable[[Test], Command],
        *,
        measured: Literal["time", "energy", "figure"],
        clock: SystemClock,
        read_energy: Callable[[], float | None] | None = None,
    ) -> None:
        self._worker = worker
        self._lane = lane
        self._make_command = make_command
        self._measured = measured
        self._clock = clock
        self._read_energy = read_energy or (lambda: None)
        self._cancelled = threading.Event()

    def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
        """Run `test` once; see `timing.base.Timer`.

        Raises:
            RunError: no worker can be started, so no test can be run.
        """
        command = self._make_command(test)
        before_j = self._read_energy()
        result = self._worker.run(command, unless=self._cancelled.is_set)
        after_j = self._read_energy()
        kind, reason = judge(command, result)
        sample: float | None = None
        if kind is OutcomeKind.OK:
            sample = result.elapsed_s
            if self._measured == "figure":
                sample, reason = parse_figure(result.stdout)
            elif self._measured == "energy":
                sample, reason = find_energy(result.elapsed_s, before_j, after_j)
            kind = OutcomeKind.NO_SCORE if sample is None else kind
        run = Run(
            index=index,
            kind=kind,
            lane=self._lane.name,
            device_uuid=self._lane.device.uuid,
            started_s=self._clock.at_s(result.started_ns),
            elapsed_s=result.elapsed_s,
            sample=sample,
            reason=reason,
            exit_code=result.exit_code,
            signal=result.signal,
            user_s=result.user_s,
            system_s=result.system_s,
            max_rss_bytes=result.max_rss_bytes,
            involuntary_switches=result.involuntary_switches,
            stdout=result.stdout[-OUTPUT_CHARACTERS:],
            stderr=result.stderr[-OUTPUT_CHARACTERS:],
            environment=self._lane.environment,
        )
        return run if sample is not None else replace(run, evidence=make_evidence(command, result))

    def cancel(self) -> None:
        """Stop what runs now, or is about to; see `timing.base.Timer`."""
        self._cancelled.set()
        self._worker.cancel()

    def close(self) -> None:
        """End the worker."""
        self._worker.close()


def judge(command: Command, result: ProcessResult) -> tuple[OutcomeKind, str]:
    """How a run went as far as its process tells, and why it failed."""
    reason = describe_end(command, result)
    if result.stuck:  # whatever runs next on this device would be disturbed
        return OutcomeKind.DEVICE_LOST, reason
    if result.cancelled:
        return OutcomeKind.INTERRUPTED, reason
    if result.timed_out:
        return OutcomeKind.TIMEOUT, reason
    if not result.error and result.exit_code in _STATUS_MEANINGS:
        kind, meaning = _STATUS_MEANINGS[result.exit_code]
        return kind, f"{reason}: {meaning}"
    if not reason:
        return OutcomeKind.OK, ""
    return OutcomeKind.RUN_FAILED, describe_failure(command, result)


def find_energy(
    elapsed_s: float, before_j: float | None, after_j: float | None
) -> tuple[float | None, str]:
    """The joules that a run took, or None and why they cannot be told.

    Args:
        before_j, after_j: what the device's counter said.
    """
    if elapsed_s < ENERGY_S:
        return None, (
            f"it ran for {format_seconds(elapsed_s)}; counters of energy move in steps of up to "
            f"0.1 s, so let the test repeat its work for {ENERGY_S:g} s or more"
        )
    if before_j is None or after_j is None or after_j <= before_j:
        return None, "the device's counter of energy told nothing"
    return after_j - before_j, ""


def parse_figure(stdout: str) -> tuple[float | None, str]:
    """The figure of merit, or None and why there is none.

    It is the last word of the last line that is not blank: `1.5e3`, `score: 12`. It must be finite.
    """
    lines = stdout.split("\n")
    line = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if not line:
        return None, "printed nothing; expected a number at the end of the last line of stdout"
    word = line.split()[-1]
    try:
        figure = math.nan if "_" in word else float(word)  # Python alone reads 1_000 as a number
    except ValueError:
        figure = math.nan
    if math.isfinite(figure):
        return figure, ""
    shown = line if len(line) <= _QUOTED_CHARACTERS else f"...{line[-_QUOTED_CHARACTERS:]}"
    return None, f"the last line of stdout is {shown!r}; expected it to end with a finite number"
