"""What a kernel test launches and what was measured of it, as frozen data."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["cold", "hot"]
"""Whether the L2 cache is flushed before every sample, or filled by a launch."""

Role = Literal["in", "out", "inout", "constant"]
"""What a kernel does with an argument: reads it, writes all of it, or both; `constant`: reads it as
a variable of its source."""

Extent = tuple[int, int, int]
"""Along x, y and z."""

Convention = Literal["c", "numba"]
"""How a kernel takes an array: as a pointer, or as the words that Numba makes of it."""


def item_bytes(dtype: str) -> int:
    """Bytes of one value of a type, whose name ends with its bits."""
    return int(re.sub(r"\D", "", dtype)) // 8


def numba_words(pointer: int, shape: Sequence[int], item_bytes: int) -> tuple[int, ...]:
    """The 64-bit parameters that a Numba kernel takes for an array whose last axis is contiguous.

    Memory info and parent object (there are none on the device), number of elements, bytes of
    each, pointer, extents, strides in bytes.

    Source: `_prepare_args` in numba-cuda's dispatcher.py, and its array model.
    """
    strides = [item_bytes * math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return (0, 0, math.prod(shape), item_bytes, pointer, *shape, *strides)


ENERGY_S = 2.0
"""Counters of energy move in steps of 10 to 100 ms, so what takes less than this cannot be told."""


SUSPECT = frozenset({"throttled", "shared", "drifted"})
"""Flags of a measurement that is made again; `power_capped` is how some devices always are."""


@dataclass(frozen=True, slots=True)
class Launch:
    """The shape of a launch.

    Attributes:
        shared_bytes: dynamic shared memory per block.
        cooperative: whether all blocks run at once, so that the grid can be synchronised.
    """

    grid: Extent
    block: Extent
    shared_bytes: int = 0
    cooperative: bool = False

    @property
    def blocks(self) -> int:
        """Blocks of the whole grid."""
        return self.grid[0] * self.grid[1] * self.grid[2]

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.block[0] * self.block[1] * self.block[2]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a kernel, with everything about it resolved for one configuration.

    Attributes:
        role: whether the kernel reads it, writes it, or changes it; `constant`: it is no parameter,
            but a variable of the kernel's source.
        dtype: as NumPy names it; `bfloat16` besides.
        shape: of an array; None: a scalar.
        value: of a scalar.
        fill: how an array begins: `random`, `zeros`, `ones`, `arange`, the path of a `.npy` file,
            or `module:function`, which is called with the shape and the seed.
        seed: of `random`.
        low, high: the range of `random`, from `low` to below `high`.
    """

    name: str
    role: Role
    dtype: str
    shape: tuple[int, ...] | None = None
    value: int | float = 0
    fill: str = "random"
    seed: int = 0
    low: float = 0.0
    high: float = 1.0

    @property
    def size_bytes(self) -> int:
        """Bytes of an array; of a scalar, which takes no memory of its own, 0."""
        if self.shape is None:
            return 0
        return math.prod(self.shape) * item_bytes(self.dtype)

    @property
    def is_output(self) -> bool:
        """Whether it comes out of the kernel."""
        return self.role in ("out", "inout")


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device at one moment, as far as its driver tells.

    Attributes:
        reasons: why its clocks are held back just now, as NVML's bits.
        held_ns: for each reason that is counted, for how long in total so far.
        processes: how many processes compute on it, the lane's kernel worker among them.
    """

    at_s: float
    sm_mhz: int | None = None
    memory_mhz: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    energy_j: float | None = None
    reasons: int = 0
    held_ns: tuple[tuple[str, int], ...] = ()
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of a kernel on one lane: raw samples, and under what circumstances.

    Attributes:
        samples_s: seconds per launch, in the order they were taken.
        starts_s: when each began, in seconds after the first.
        worths: what each is worth in the session's unit; empty where that is seconds.
        launches: launches per sample; a sample is their mean.
        stop: why sampling ended: `repeat`, `precision`, `samples`, `time`, `slower` or `far`
            (the race was lost); empty if it did not begin.
        verified: whether the result was compared with a reference.
        error: the greatest difference from the reference, absolute; None: not compared.
        energy_j: per launch; None: not measured.
        metrics: the config's metrics, computed from the score's time.
        sentinel_s: what the sentinel last took on the lane; None: it was not timed.
        flags: what makes it suspect, such as `throttled`.
        retake: whether it was made anew since an earlier one of the test was suspect.
    """

    launch: Launch
    mode: Mode
    samples_s: tuple[float, ...] = ()
    starts_s: tuple[float, ...] = ()
    worths: tuple[float, ...] = ()
    launches: int = 1
    stop: str = ""
    verified: bool = False
    error: float | None = None
    energy_j: float | None = None
    metrics: tuple[tuple[str, float], ...] = ()
    before: DeviceState | None = None
    after: DeviceState | None = None
    sentinel_s: float | None = None
    flags: tuple[str, ...] = field(default=())
    retake: bool = False
