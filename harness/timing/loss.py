"""Runs that fail since their device is gone, which programs seldom know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.model import OutcomeKind, Run, Test
from harness.timing.base import Timer

_DOUBTFUL = (OutcomeKind.RUN_FAILED, OutcomeKind.TIMEOUT, OutcomeKind.WRONG_RESULT)


class LossAwareTimer:
    """Measures with another timer; after a run that failed it asks whether the device is there.

    On a GPU that is lost every test fails: without this, one after the other would.

    Args:
        find_loss: why the device is gone; empty if it is not.
    """

    def __init__(self, timer: Timer, find_loss: Callable[[], str]) -> None:
        self._timer = timer
        self._find_loss = find_loss

    def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
        """Run `test` once; see `timing.base.Timer`."""
        run = self._timer.measure(test, index, best)
        if run.kind not in _DOUBTFUL or not (loss := self._find_loss()):
            return run
        return replace(run, kind=OutcomeKind.DEVICE_LOST, reason=f"{run.reason}; {loss}")

    def cancel(self) -> None:
        """Stop what runs now, or is about to."""
        self._timer.cancel()

    def close(self) -> None:
        """Let go of the device."""
        self._timer.close()
