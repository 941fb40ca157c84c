"""Runs on a simulated device: the landscape says how they go, the clock lets their time pass."""

from __future__ import annotations

from harness.clock import Clock
from harness.landscape import Landscape, SimulatedWork
from harness.model import Evidence, Lane, OutcomeKind, Run, Test

HANG_FACTOR = 20
"""A run that hangs without a timeout is cut off after so many typical runs."""


class MockTimer:
    """Answers for a lane's simulated device, in real or virtual time.

    The sample is the simulated time, also where a figure of merit is asked for: it is a number of
    which the least is best, or the greatest, as the user wishes.

    Args:
        timeout_s: when a run is cut off; None: only those that hang are.
        lost: whether the device is lost during the session, after one to eight runs.
    """

    def __init__(
        self,
        landscape: Landscape,
        lane: Lane,
        *,
        clock: Clock,
        timeout_s: float | None = None,
        lost: bool = False,
    ) -> None:
        self._landscape = landscape
        self._lane = lane
        self._clock = clock
        self._timeout_s = timeout_s
        self._work = SimulatedWork(clock)
        self._runs_left = 1 + int(8 * landscape.uniform("lost", lane.name)) if lost else None

    def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
        """Let the time of the run pass and say how it went."""
        kind, duration_s, reason = self._foresee(test, index)
        started_s = self._clock.now_s()
        if not self._work.do(duration_s):
            kind, reason = OutcomeKind.INTERRUPTED, "interrupted"
            duration_s = self._clock.now_s() - started_s
        failed = kind is OutcomeKind.RUN_FAILED
        return Run(
            index=index,
            kind=kind,
            lane=self._lane.name,
            device_uuid=self._lane.device.uuid,
            started_s=started_s,
            elapsed_s=duration_s,
            sample=duration_s if kind is OutcomeKind.OK else None,
            reason=reason,
            evidence=_make_evidence(test, reason) if failed else None,
            exit_code={OutcomeKind.OK: 0, OutcomeKind.RUN_FAILED: 1}.get(kind),
            environment=self._lane.environment,
        )

    def _foresee(self, test: Test, index: int) -> tuple[OutcomeKind, float, str]:
        """How the run goes if nobody interrupts it: kind, seconds, reason."""
        landscape, device = self._landscape, self._lane.device
        if self._runs_left is not None:
            if self._runs_left == 0:
                return OutcomeKind.DEVICE_LOST, 0.0, f"simulated: {device.name} is lost"
            self._runs_left -= 1
        if landscape.fails(test.configuration, "hang"):
            hang_s = self._timeout_s or HANG_FACTOR * landscape.run_s
            return OutcomeKind.TIMEOUT, hang_s, f"simulated hang, cut off after {hang_s:g} s"
        duration_s = landscape.sample(test.configuration, device, index)
        if self._timeout_s is not None and duration_s > self._timeout_s:
            reason = f"simulated run longer than the timeout of {self._timeout_s:g} s"
            return OutcomeKind.TIMEOUT, self._timeout_s, reason
        if landscape.fails(test.configuration, "run"):
            return OutcomeKind.RUN_FAILED, duration_s, "simulated failure of the run"
        return OutcomeKind.OK, duration_s, ""

    def cancel(self) -> None:
        """End the run that goes on, or else the next, as `interrupted`."""
        self._work.cancel()

    def close(self) -> None:
        """Interrupt what runs; nothing else is held."""
        self._work.cancel()


def _make_evidence(test: Test, reason: str) -> Evidence:
    return Evidence(
        command=f"(simulated run of test {test.id})", directory="", exit_code=1, output=reason
    )
