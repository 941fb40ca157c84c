"""Runs on a simulated device: the landscape says how they go, the clock lets their time pass."""

from __future__ import annotations

from harness.clock import Clock
from harness.landscape import Landscape
from harness.lane import Lane
from harness.model import Evidence, OutcomeKind, Test
from harness.timing.simulated import ForeseenRun, SimulatedTimer

HANG_FACTOR = 20
"""A run that hangs without a timeout is cut off after so many typical runs."""


class MockTimer(SimulatedTimer):
    """Answers for a lane's simulated device, in real or virtual time.

    The sample is the simulated time, also where a figure of merit is asked for: it is a number of
    which the least is best, or the greatest, as the user wishes.

    Args:
        energy: whether a sample is the joules of the run instead.
        timeout_s: when a run is cut off; None: only those that hang are.
        lost: whether the device is lost during the session, after one to eight runs.
    """

    def __init__(
        self,
        landscape: Landscape,
        lane: Lane,
        *,
        clock: Clock,
        energy: bool = False,
        timeout_s: float | None = None,
        lost: bool = False,
    ) -> None:
        super().__init__(lane, clock)
        self._landscape = landscape
        self._energy = energy
        self._timeout_s = timeout_s
        self._runs_left = 1 + int(8 * landscape.uniform("lost", lane.name)) if lost else None

    def foresee(self, test: Test, index: int) -> ForeseenRun:
        """What the landscape says."""
        landscape, device = self._landscape, self._lane.device
        if self._runs_left is not None:
            if self._runs_left == 0:
                reason = f"simulated: {device.name} is lost"
                return ForeseenRun(0.0, OutcomeKind.DEVICE_LOST, reason=reason)
            self._runs_left -= 1
        if landscape.fails(test.configuration, "hang"):
            hang_s = self._timeout_s or HANG_FACTOR * landscape.run_s
            reason = f"simulated hang, cut off after {hang_s:g} s"
            return ForeseenRun(hang_s, OutcomeKind.TIMEOUT, reason=reason)
        duration_s = landscape.sample(test.configuration, device, index)
        if self._timeout_s is not None and duration_s > self._timeout_s:
            reason = f"simulated run longer than the timeout of {self._timeout_s:g} s"
            return ForeseenRun(self._timeout_s, OutcomeKind.TIMEOUT, reason=reason)
        if landscape.fails(test.configuration, "run"):
            reason = "simulated failure of the run"
            return ForeseenRun(
                duration_s,
                OutcomeKind.RUN_FAILED,
                reason=reason,
                evidence=_make_evidence(test, reason),
                exit_code=1,
            )
        sample = duration_s
        if self._energy:
            sample *= landscape.power_w(test.configuration, device)
        return ForeseenRun(duration_s, sample=sample, exit_code=0)


def _make_evidence(test: Test, reason: str) -> Evidence:
    return Evidence(
        command=f"(simulated run of test {test.id})", directory="", exit_code=1, output=reason
    )
