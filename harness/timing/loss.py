"""Runs that fail since their device is gone, which programs seldom know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.model import OutcomeKind, Run, Test
from harness.timing.base import Timer

_DOUBTFUL = (OutcomeKind.RUN_FAILED, OutcomeKind.TIMEOUT, OutcomeKind.WRONG_RESULT)
_FIRST_TRIAL = 3


class LossAwareTimer:
    """Measures with another timer; after a run that failed it asks whether the device is there.

    On a GPU that is lost every test fails: without this, one after the other would. Asking takes
    milliseconds, trying the device may take a second: that is done where three runs in a row have
    failed, then six, twelve and so on, since there are also spaces in which most tests fail.

    Args:
        find_loss: why the device is gone, by who knows of it; empty if it is not.
        try_device: why nothing can begin on it, by trying; empty if something can.
    """

    def __init__(
        self, timer: Timer, find_loss: Callable[[], str], try_device: Callable[[], str]
    ) -> None:
        self._timer = timer
        self._find_loss = find_loss
        self._try_device = try_device
        self._failed, self._trial = 0, _FIRST_TRIAL

    def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
        """Run `test` once; see `timing.base.Timer`."""
        run = self._timer.measure(test, index, best)
        if run.kind not in _DOUBTFUL:
            self._failed, self._trial = 0, _FIRST_TRIAL
            return run
        self._failed += 1
        loss = self._find_loss()
        if not loss and self._failed == self._trial:
            self._trial *= 2
            loss = self._try_device()
        if not loss:
            return run
        return replace(run, kind=OutcomeKind.DEVICE_LOST, reason=f"{run.reason}; {loss}")

    def cancel(self) -> None:
        """Stop what runs now, or is about to."""
        self._timer.cancel()

    def close(self) -> None:
        """Let go of the device."""
        self._timer.close()
