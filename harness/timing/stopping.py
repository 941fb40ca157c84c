"""When enough samples of a kernel were taken: rules that are fed samples one by one. Pure.

All reason about y = ln t, in which noise is additive and a half-width of h is a relative one of
about h. The spread of y is never taken to be less than the clock can tell: events resolve about
0.5 us, and 0.5 us / sqrt(12) is the standard deviation of rounding to that; nor less than 0.2 %,
since a few samples that happen to agree prove nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from harness.stats import student_t_quantile

TICK_S = 0.5e-6
"""What CUDA events resolve."""
LEAST_SPREAD = 0.002
FAR = 3.0
"""A test whose best of two samples is this many times slower than the best so far is given up."""

RuleName = Literal["repeat", "precision", "race"]


@dataclass(frozen=True, slots=True)
class Rival:
    """What a test races against, in seconds that would make it as good as the best so far.

    Attributes:
        best_s: the best's own estimate.
        upper_s: the pessimistic end of the best's confidence interval.
    """

    best_s: float
    upper_s: float


@dataclass(frozen=True, slots=True)
class Stopping:
    """Which rule, and its numbers; what is sent to the lane's worker.

    Attributes:
        repeat: for `repeat`: the number of samples.
        precision: for the others: enough when the half-width of the 95 % confidence interval of
            the mean is this fraction of it.
        max_samples, max_s: enough in any case, in samples and in seconds of device time.
        risk: in a race, the chance of a wrong discard that one comparison may take.
        rival: in a race, what to beat; None: nothing yet.
    """

    rule: RuleName
    repeat: int = 1
    precision: float = 0.005
    max_samples: int = 50
    max_s: float = 0.1
    risk: float = 1e-6
    rival: Rival | None = None


class Rule(Protocol):
    """Decides when to stop.

    Attributes:
        stop: why there are enough samples; empty as long as there are not.
    """

    stop: str

    def add(self, sample_s: float, device_s: float) -> None:
        """Take in a sample and the device time that it took, all launches of it."""

    @property
    def is_finished(self) -> bool:
        """Whether no more samples are wanted."""


class Spread:
    """Mean and variance of ln t, updated as samples come (Welford's method)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0

    def add(self, sample_s: float) -> None:
        """Take in a sample, in seconds, > 0."""
        y = math.log(sample_s)
        self.count += 1
        delta = y - self.mean
        self.mean += delta / self.count
        self._squares += delta * (y - self.mean)

    @property
    def deviation(self) -> float:
        """Standard deviation of ln t, not below what the clock can tell; needs 2 samples."""
        found = math.sqrt(self._squares / (self.count - 1))
        return max(found, LEAST_SPREAD, TICK_S / (math.sqrt(12) * math.exp(self.mean)))

    def half_width(self, risk: float) -> float:
        """Half the two-sided Student-t confidence interval of the mean of ln t at 1 - `risk`."""
        quantile = student_t_quantile(1 - risk / 2, self.count - 1)
        return quantile * self.deviation / math.sqrt(self.count)


class Repeat:
    """Exactly `count` samples."""

    def __init__(self, count: int) -> None:
        self.stop = ""
        self._left = count

    def add(self, sample_s: float, device_s: float) -> None:
        """Count the sample; its value does not matter."""
        self._left -= 1
        if self._left <= 0:
            self.stop = "repeat"

    @property
    def is_finished(self) -> bool:
        """Whether all were taken."""
        return bool(self.stop)


class Precision:
    """Until the mean is known to a fraction, or samples or device time run out.

    The interval is looked at after every sample from the fifth on. Looking often makes it miss the
    mean a little more often than 5 %; tests/timing/test_stopping.py holds how often.
    """

    FIRST = 5

    def __init__(self, settings: Stopping) -> None:
        self.stop = ""
        self.spread = Spread()
        self._settings = settings
        self._device_s = 0.0

    def add(self, sample_s: float, device_s: float) -> None:
        """Take in the sample and look whether it was the last."""
        self.spread.add(sample_s)
        self._device_s += device_s
        self.stop = self._judge()

    def _judge(self) -> str:
        settings, count = self._settings, self.spread.count
        if count >= self.FIRST and self.spread.half_width(0.05) < settings.precision:
            return "precision"
        if count >= settings.max_samples:
            return "samples"
        if count >= 3 and self._device_s >= settings.max_s:
            return "time"
        return ""

    @property
    def is_finished(self) -> bool:
        """Whether no more samples are wanted."""
        return bool(self.stop)


class Race(Precision):
    """As `Precision`, but a test that cannot be the best is given up early.

    After two samples: `far` if the lesser is more than `FAR` times the rival's estimate. From the
    third on: `slower` if the lower end of the confidence interval is above the upper end of the
    rival's.
    """

    def _judge(self) -> str:
        rival, spread = self._settings.rival, self.spread
        if rival is not None and spread.count == 2:
            least = spread.mean - spread.deviation / math.sqrt(2)  # of two: mean - distance / 2
            if least > math.log(FAR * rival.best_s):
                return "far"
        if rival is not None and spread.count >= 3:
            lower = spread.mean - spread.half_width(self._settings.risk)
            if lower > math.log(rival.upper_s):
                return "slower"
        return super()._judge()


LOST = frozenset({"far", "slower"})
"""Reasons to stop that mean that the race is lost: the test is censored."""


def make_rule(settings: Stopping) -> Rule:
    """A fresh rule for one test."""
    if settings.rule == "repeat":
        return Repeat(settings.repeat)
    return Race(settings) if settings.rule == "race" else Precision(settings)


def find_rival(samples_s: list[float] | tuple[float, ...], risk: float) -> Rival | None:
    """What the samples of the best test so far set for the others to beat; None below 2 samples."""
    if len(samples_s) < 2:
        return None
    spread = Spread()
    for sample_s in samples_s:
        spread.add(sample_s)
    best = math.exp(spread.mean)
    return Rival(best, best * math.exp(spread.half_width(risk)))


def share_risk(tests: int, max_samples: int, risk: float = 0.05) -> float:
    """What each comparison of a race may risk so that all of a session together risk `risk`.

    Bonferroni: the comparisons are one per sample from the third on, of each test.
    """
    return risk / (max(1, tests) * max(1, max_samples - 2))
