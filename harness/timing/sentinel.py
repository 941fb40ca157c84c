"""A kernel of our own that is timed now and then: whether the device is as fast as it was.

Its time depends on the device's clocks and on nothing that is tuned. Before the first test on a
lane it warms the device up: it is run until its time settles. Drift by more than `TOLERANCE` from
its first settled time makes the tests that follow suspect.
"""

from __future__ import annotations

import statistics

from harness.measurement import Argument, Launch
from harness.model import OutcomeKind
from harness.timing.launch_model import Simulation
from harness.timing.protocol import Measure, Measured, Refused
from harness.timing.stopping import Stopping

EVERY = 50
"""Tests between two looks."""
LOOK_INDEX = -1
"""Of a run that is a look at the sentinel and nothing else, such as at the end of a session."""
REST_INDEX, REST_S = -2, 5.0
"""Of a run that leaves the device alone for so long before the look."""
TOLERANCE = 0.02
SETTLED, WINDOWS, WARM_UP_S = 0.01, 3, 3.0
"""Warm is when so many looks in a row differ by less than this, or after so many seconds."""

_BLOCKS, _THREADS, _STEPS = 1024, 256, 10_000

_ARGUMENTS = (
    Argument("out", "out", "float32", (_BLOCKS * _THREADS,)),
    Argument("factor", "in", "float32", None, 0.5),
)
_SIMULATION = Simulation(("sentinel",), (0,), flops=2.0 * _STEPS * _BLOCKS * _THREADS, sound=True)


def make_sentinel(module: str, function: str, *, simulated: bool) -> Measure:
    """The request that times it: seven samples, hot."""
    return Measure(
        number=0,
        module=module,
        function=function,
        launch=Launch((_BLOCKS, 1, 1), (_THREADS, 1, 1)),
        arguments=_ARGUMENTS,
        mode="hot",
        stopping=Stopping("repeat", repeat=7),
        folders=("/",),
        data=not simulated,
        simulation=_SIMULATION if simulated else None,
    )


class Sentinel:
    """When to look, and what the looks say.

    Attributes:
        first_s, last_s: its time on this lane; None before the first look.
        settling: whether the looks are still those before the first test: the last of them is the
            first that counts.
    """

    def __init__(self) -> None:
        self.first_s: float | None = None
        self.last_s: float | None = None
        self.settling = True
        self._tests = 0
        self._recent: list[float] = []

    def is_due(self) -> bool:
        """Whether to look now; asked once before each test."""
        self._tests += 1
        self.settling = self._tests <= 1
        return self._tests % EVERY == 1

    def take(self, answer: Measured | Refused) -> None:
        """What a look found; one that failed says nothing."""
        if isinstance(answer, Measured) and answer.kind is OutcomeKind.OK:
            self.last_s = statistics.median(answer.samples_s)
            if self.settling:
                self.first_s = self.last_s
                self._recent = [*self._recent[1 - WINDOWS :], self.last_s]

    @property
    def is_warm(self) -> bool:
        """Whether the looks so far have settled."""
        recent = self._recent
        return len(recent) == WINDOWS and max(recent) < (1 + SETTLED) * min(recent)

    @property
    def has_drifted(self) -> bool:
        """Whether the last look is further from the first than noise explains."""
        if self.first_s is None or self.last_s is None:
            return False
        return abs(self.last_s / self.first_s - 1) > TOLERANCE
