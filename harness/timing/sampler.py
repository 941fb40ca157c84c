"""Takes samples of a kernel until its rule has enough.

Cold: before every sample twice the size of the L2 cache is written, so that the kernel finds none
of its data there; the writing also keeps the stream busy until start mark, kernel and end mark are
queued, so that the time between the marks holds no latency of the host. Hot: so many launches per
sample that their time is far above what the marks resolve.
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
    """

    samples_s: list[float] = field(default_factory=list)
    starts_s: list[float] = field(default_factory=list)
    launches: int = 1


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
    taken = Samples()
    began_s = last_beat_s = now_s()
    beat()
    if mode == "hot":
        taken.launches = max(1, math.ceil(sample_s / max(_time(driver, work, 1), 1e-9)))
    while not rule.is_finished:
        at_s = now_s()
        if at_s - last_beat_s > BEAT_S:
            beat()
            last_beat_s = at_s
        work.restore()
        if mode == "cold":
            driver.set_bytes(work.flush[0], 0, work.flush[1])
        total_s = _time(driver, work, taken.launches)
        taken.samples_s.append(total_s / taken.launches)
        taken.starts_s.append(at_s - began_s)
        rule.add(taken.samples_s[-1], total_s)
    return taken


def _time(driver: Driver, work: Work, launches: int) -> float:
    driver.mark(0)
    for _ in range(launches):
        driver.launch(work.kernel, work.launch, work.parameters)
    driver.mark(1)
    return driver.elapsed_s()
