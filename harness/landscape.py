"""The answers of simulated devices: made up, but always the same for the same seed.

A configuration's time on a device is

    run_s / speed * (product of f over parameters) * (product of g over pairs of neighbours)

with f = (0.8 + w (x - c)^2, at most 2) (1 + 0.02 u) for numbers, where x = log2(1 + |v|), the
weight w in [0.02, 0.08] is the parameter's and the centre c in [2, 8] is the parameter's, moved by
up to 0.5 for the model of device; f = 0.8 + 0.5 u for words and truth values; and
g = 0.98 + 0.04 u. Each u in [0, 1) is a hash of the seed, the names and the values. So there is a
valley with some roughness, slightly different on each model, and no parameter is quite independent
of the next. Samples scatter around that time, log-normally.
"""

from __future__ import annotations

import hashlib
import math
import threading
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from harness.clock import Clock, SystemClock
from harness.configuration import Configuration, Value
from harness.lane import DeviceInfo


@dataclass(frozen=True, slots=True)
class Landscape:
    """What simulated compiles and runs of any configuration do.

    Attributes:
        noise: relative standard deviation of samples.
        run_s: typical time of a run on a device of speed 1.
        compile_s: median time of a compile.
        compile_failures, run_failures, hangs, wrong_results: shares of the configurations.
        throttling: share of a device's minutes in which its clocks are held back (kernel tests).
    """

    seed: int = 1
    noise: float = 0.005
    run_s: float = 0.02
    compile_s: float = 1.0
    compile_failures: float = 0.0
    run_failures: float = 0.0
    hangs: float = 0.0
    wrong_results: float = 0.0
    throttling: float = 0.0

    def mean_s(self, configuration: Configuration, device: DeviceInfo) -> float:
        """Seconds that a run takes without noise."""
        effects = [self._effect(name, value, device.name) for name, value in configuration.items()]
        effects += [
            0.98 + 0.04 * self.uniform("pair", _spell(*first), _spell(*second))
            for first, second in pairwise(configuration.items())
        ]
        return self.run_s / device.speed * math.prod(effects)

    def sample(self, configuration: Configuration, device: DeviceInfo, index: int) -> float:
        """Seconds that run number `index` takes."""
        key = ("sample", _spell_all(configuration), device.uuid, str(index))
        return self.mean_s(configuration, device) * math.exp(self.noise * self.normal(*key))

    def power_w(self, configuration: Configuration, device: DeviceInfo) -> float:
        """Watts that a device takes while it runs this: 110 to 190, whatever the model."""
        return 110 + 80 * self.uniform("power", device.name, _spell_all(configuration))

    def compile_time_s(self, configuration: Configuration) -> float:
        """Seconds that compiling takes: log-normal, sigma 0.3."""
        return self.compile_s * math.exp(
            0.3 * self.normal("compile time", _spell_all(configuration))
        )

    def fails(
        self, configuration: Configuration, what: Literal["compile", "run", "hang", "wrong"]
    ) -> bool:
        """Whether it fails to compile or run, hangs, or computes what is wrong; on any device."""
        share = {
            "compile": self.compile_failures,
            "run": self.run_failures,
            "hang": self.hangs,
            "wrong": self.wrong_results,
        }
        return self.uniform("fails", what, _spell_all(configuration)) < share[what]

    def uniform(self, *key: str) -> float:
        """A number in [0, 1) that only the seed and `key` decide, on any machine."""
        text = "\0".join((str(self.seed), *key))
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2**53

    def normal(self, *key: str) -> float:
        """A standard normal deviate, by Box and Muller's method."""
        radius = math.sqrt(-2 * math.log(1 - self.uniform("radius", *key)))
        return radius * math.cos(2 * math.pi * self.uniform("angle", *key))

    def _effect(self, name: str, value: Value, model: str) -> float:
        u = self.uniform("value", _spell(name, value))
        if isinstance(value, bool | str):
            return 0.8 + 0.5 * u
        centre = 2 + 6 * self.uniform("centre", name) + self.uniform("model", name, model) - 0.5
        weight = 0.02 + 0.06 * self.uniform("weight", name)
        distance = math.log2(1 + abs(value)) - centre
        return min(2.0, 0.8 + weight * distance**2) * (1 + 0.02 * u)


class SimulatedWork:
    """Lets the time of simulated work pass on a clock; can be cut short from another thread.

    A cancel counts for what is going on or, if nothing is, for what comes next: one that arrives
    just before the work begins is not lost.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Cut short what goes on now, or else what comes next."""
        self._cancelled.set()

    def do(self, duration_s: float) -> bool:
        """Let `duration_s` pass; whether it passed without a cancel."""
        if isinstance(self._clock, SystemClock):
            cancelled = self._cancelled.wait(duration_s)
        else:
            cancelled = self._cancelled.is_set()
            if not cancelled:
                self._clock.sleep(duration_s)
        self._cancelled.clear()
        return not cancelled


def _spell(name: str, value: Value) -> str:
    """Tells 1 from 1.0, True and "1"."""
    return f"{name}={value!r}"


def _spell_all(configuration: Configuration) -> str:
    return ", ".join(_spell(name, value) for name, value in configuration.items())
