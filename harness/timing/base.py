"""What measures one run of a test on its lane."""

from __future__ import annotations

from typing import Protocol

from harness.model import Run, Test


class Timer(Protocol):
    """Measures runs on one lane, one at a time; lives as long as its lane."""

    def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
        """Run `test` once; `index` counts the runs of this test from 0.

        Args:
            best: the best run so far on devices of this model, for timers to which it matters.

        Never raises for a test's failure: that is the run's `kind`. `device_lost` means that the
        lane can do no more.
        """

    def cancel(self) -> None:
        """Stop what runs now, or is about to, from any thread; it returns as `interrupted`."""

    def close(self) -> None:
        """Let go of processes and of the device."""
