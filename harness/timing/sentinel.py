"""A fixed kernel that is timed now and then: whether the device is still as fast as it was.

Its time depends on the device's clocks and on nothing that is tuned. Drift by more than `TOLERANCE`
from its first time on the lane makes the tests that follow suspect.
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
TOLERANCE = 0.02

_BLOCKS, _THREADS = 1024, 256

SOURCE = """\
extern "C" __global__ void sentinel(float *out, float factor)
{
    float sum = threadIdx.x;
    for (int i = 0; i < 10000; ++i)
        sum = fmaf(sum, factor, 1.0f);
    out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}
"""
FUNCTION = "sentinel"

_ARGUMENTS = (
    Argument("out", "out", "float32", (_BLOCKS * _THREADS,)),
    Argument("factor", "in", "float32", None, 0.5),
)


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
        simulation=Simulation(("sentinel",), (0,), sound=True) if simulated else None,
    )


class Sentinel:
    """When to look, and what the looks say.

    Attributes:
        first_s, last_s: its time on this lane; None before the first look.
    """

    def __init__(self) -> None:
        self.first_s: float | None = None
        self.last_s: float | None = None
        self._tests = 0

    def is_due(self) -> bool:
        """Whether to look now; asked once before each test."""
        self._tests += 1
        return self._tests % EVERY == 1

    def take(self, answer: Measured | Refused) -> None:
        """What a look found; one that failed says nothing."""
        if isinstance(answer, Measured) and answer.kind is OutcomeKind.OK:
            self.last_s = statistics.median(answer.samples_s)
            self.first_s = self.first_s or self.last_s

    @property
    def has_drifted(self) -> bool:
        """Whether the last look is further from the first than noise explains."""
        if self.first_s is None or self.last_s is None:
            return False
        return abs(self.last_s / self.first_s - 1) > TOLERANCE
