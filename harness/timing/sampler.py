"""Takes samples of a kernel until its rule has enough.

Cold: before every sample twice the size of the L2 cache is written, so that the kernel finds none
of its data there. Hot: so many launches per sample that their time is far above what the marks
resolve, after one that is not timed.

The writing also holds the stream until start mark, launches and end mark are queued behind it: else
the device would wait for the host between the marks, for as long as a short kernel takes. A sample
whose start was reached before its end was queued is taken again, and held for longer.

Long samples are not held: at their start the host's latency is nothing. But of many short launches
each may wait for the host, for seconds where energy is measured. Then the device has no work left
when the end has been queued, which is looked for, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.measurement import Launch, Mode
from harness.timing.driver import Driver, Parameter, Pointer
from harness.timing.stopping import Rule

BEAT_S = 0.25
"""How often sampling that goes on says so."""
MOST_HOLDS = 8
"""How often the cache is overwritten before a sample, at most."""
TRIES = 5
"""How often a sample is taken until the host was in time."""
LOOKS = 16
"""How often a device is asked whether it has no work left: for some 20 us, in which one that is
behind the host, as it should be, does not come to the end."""
LEAST_S = 1e-9
"""What a sample counts as between whose marks no time passed: rules take logarithms."""
LONG_S = 5e-3
"""Beside a sample of this length the host's latency, some 10 us, is nothing."""


@dataclass(frozen=True, slots=True)
class Work:
    """A kernel, ready to be launched.

    Attributes:
        restore: puts back the arrays that the kernel changes, in the order of the launches.
        flush: memory to write before a cold sample, and its size in bytes.
    """

    kernel: int
    launch: Launch
    parameters: tuple[Parameter, ...]
    restore: Callable[[], None]
    flush: tuple[Pointer, int]


@dataclass(slots=True)
class Samples:
    """What was taken, in order.

    Attributes:
        samples_s: per launch.
        starts_s: after the first.
        launches: per sample.
        late: how many may hold the host's latency.
    """

    samples_s: list[float] = field(default_factory=list)
    starts_s: list[float] = field(default_factory=list)
    launches: int = 1
    late: int = 0


def keep_busy(driver: Driver, work: Work, now_s: Callable[[], float], duration_s: float) -> None:
    """Let the device write and run the kernel for so long.

    Raises:
        DriverError: the kernel failed.
    """
    end_s = now_s() + duration_s
    while now_s() < end_s:
        work.restore()
        driver.set_bytes(work.flush[0], 0, work.flush[1])
        driver.launch(work.kernel, work.launch, work.parameters)
        driver.synchronize()


def take_samples(
    driver: Driver,
    work: Work,
    mode: Mode,
    rule: Rule,
    *,
    sample_s: float,
    now_s: Callable[[], float],
    beat: Callable[[], None],
) -> Samples:
    """Sample `work` until `rule` is finished.

    A kernel that changes its arrays has them restored before every sample, outside of the timed
    part; in hot mode its launches within a sample see what the one before left.

    Args:
        sample_s: in hot mode, the least time between two marks.
        beat: called before the first sample, and about every `BEAT_S`.

    Raises:
        DriverError: the kernel failed.
    """
    taken, stream = Samples(), _Stream(driver, work, mode)
    began_s = last_beat_s = now_s()
    beat()
    if mode == "hot":
        once_s, _ = stream.time(1)
        taken.launches = max(1, math.ceil(sample_s / once_s))
        stream.is_held = taken.launches * once_s < LONG_S
    while not rule.is_finished:
        at_s = now_s()
        if at_s - last_beat_s > BEAT_S:
            beat()
            last_beat_s = at_s
        total_s, late = stream.time(taken.launches)
        taken.samples_s.append(total_s / taken.launches)
        taken.starts_s.append(at_s - began_s)
        taken.late += late
        rule.add(taken.samples_s[-1], total_s)
    return taken


class _Stream:
    """Times launches without the host's latency.

    Attributes:
        is_held: whether it is held for the host; only hot samples that are long do without.
    """

    def __init__(self, driver: Driver, work: Work, mode: Mode) -> None:
        self.is_held = True
        self._driver = driver
        self._work = work
        self._mode = mode
        self._holds = 1

    def time(self, launches: int) -> tuple[float, bool]:
        """Seconds between the marks, and whether the host was late all the same."""
        total_s, late = self._try(launches)
        for _ in range(TRIES - 1):
            if not (late and self.is_held):
                break
            self._holds = min(2 * self._holds, MOST_HOLDS)
            total_s, late = self._try(launches)
        return total_s, late

    def _try(self, launches: int) -> tuple[float, bool]:
        driver, work = self._driver, self._work
        if self._mode == "cold":
            work.restore()
        if self.is_held:
            for _ in range(self._holds):
                driver.set_bytes(work.flush[0], 0, work.flush[1])
        if self._mode == "hot":
            if self.is_held:
                work.restore()
                self._launch()  # so that its data are in the cache again
            work.restore()
        driver.mark(0)
        for _ in range(launches):
            self._launch()
        driver.mark(1)
        if not self.is_held:
            late = any(driver.has_reached(1) for _ in range(LOOKS))
            return max(LEAST_S, driver.elapsed_s()), late
        late = driver.has_reached(0)
        total_s = max(LEAST_S, driver.elapsed_s())
        return total_s, late and total_s < LONG_S

    def _launch(self) -> None:
        self._driver.launch(self._work.kernel, self._work.launch, self._work.parameters)
