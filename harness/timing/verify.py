"""Whether the outputs of a kernel are right: compared with what they should hold.

This is done for every configuration, while its device waits, so it has to be quick with gigabytes:
by pieces that stay in the processor's cache, and not at all for what has the same bytes as what was
right before, as the outputs of configurations of one kernel mostly have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.measurement import Argument
from harness.timing.data import Array, decode, size_bytes
from harness.units import format_count

_PIECE = 1 << 15
"""How many values are compared at a time."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far a result is from what is expected.

    Attributes:
        error: the greatest absolute difference; inf where one of them is not a number.
        wrong: how many values are beyond the tolerance.
        example: the first of these, in words.
    """

    error: float
    wrong: int
    example: str = ""


def compare(name: str, found: Array, expected: Array, atol: float, rtol: float) -> Comparison:
    """Compare a result: right is a finite value within atol + rtol * |expected|.

    A value that is expected to be infinite or not a number must be just that.

    Args:
        found, expected: of the same shape.
    """
    exact = found.dtype.kind in "iu" and expected.dtype.kind in "iu" and atol == rtol == 0
    flat, wanted = found.reshape(-1), expected.reshape(-1)
    room = np.empty((3, _PIECE))
    error, wrong, example = 0.0, 0, ""
    for start in range(0, flat.size, _PIECE):
        got, want = flat[start : start + _PIECE], wanted[start : start + _PIECE]
        greatest, far = _judge_exactly(got, want) if exact else _judge(got, want, atol, rtol, room)
        error = max(error, greatest)
        if far is None:
            continue
        if not wrong:
            place = np.unravel_index(start + int(np.argmax(far)), found.shape)
            at = ", ".join(str(index) for index in place)
            example = f"{name}[{at}] is {found[place]}, expected {expected[place]}"
        wrong += int(np.count_nonzero(far))
    return Comparison(error, wrong, example)


def _judge_exactly(found: Array, expected: Array) -> tuple[float, Array | None]:
    """The same for integers that must be equal."""
    far = found != expected
    if not far.any():
        return 0.0, None
    distance = found[far].astype("float64") - expected[far].astype("float64")
    return float(np.abs(distance).max()), far


def _judge(
    found: Array, expected: Array, atol: float, rtol: float, room: Array
) -> tuple[float, Array | None]:
    """The greatest distance of some values, and which are beyond the tolerance (None: none).

    Args:
        room: three rows for numbers, used again and again: fresh memory costs more than all else.
    """
    want, distance, bound = room[:, : found.size]
    want[:] = expected
    with np.errstate(invalid="ignore", over="ignore"):
        np.subtract(found, want, out=distance)
        np.abs(distance, out=distance)
        np.abs(want, out=bound)
        bound *= rtol
        bound += atol
        near = distance <= bound
        greatest = float(distance.max(initial=0.0))
        if greatest < np.inf and near.all():  # so that none is infinite or not a number
            return greatest, None
        same = (found == want) | (np.isnan(found) & np.isnan(want))
        distance = np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))
        return float(distance.max()), ~same & ~(near & (distance < np.inf))


class Checker:
    """Checks the outputs of kernels that should all give the same; keeps what was right last.

    Args:
        outputs: those that are checked, in order.
        expected: by name.
        atol, rtol: for floating-point numbers; integers must be equal.
    """

    def __init__(
        self,
        outputs: Sequence[Argument],
        expected: Mapping[str, Array],
        atol: float,
        rtol: float,
    ) -> None:
        self.outputs = tuple(outputs)
        self._expected = expected
        self._tolerance = (atol, rtol)
        self._spare = {output.name: bytearray(size_bytes(output)) for output in outputs}
        self._right: dict[str, tuple[bytearray, float]] = {}  # with its error

    def check(self, read: Callable[[Argument, memoryview], None]) -> tuple[str, float]:
        """What is wrong (empty: nothing), and the greatest error, up to the first wrong output.

        Args:
            read: writes an output's bytes into a buffer.
        """
        greatest = 0.0
        for output in self.outputs:
            wrong, error = self.check_one(output, read)
            greatest = max(greatest, error)
            if wrong:
                return wrong, greatest
        return "", greatest

    def check_one(
        self, output: Argument, read: Callable[[Argument, memoryview], None]
    ) -> tuple[str, float]:
        """The same of one output."""
        read(output, memoryview(self._spare[output.name]))
        data, known = self._spare[output.name], self._right.get(output.name)
        if known is not None and known[0] == data:
            return "", known[1]
        found = decode(data, output)
        near, far = (0.0, 0.0) if found.dtype.kind in "iu" else self._tolerance
        result = compare(output.name, found, self._expected[output.name], near, far)
        if result.wrong:
            return (
                f"{_describe_wrong(result, found.size)} (atol {near:g}, rtol {far:g})",
                result.error,
            )
        self._right[output.name] = (data, result.error)
        self._spare[output.name] = known[0] if known else bytearray(len(data))
        return "", result.error


def _describe_wrong(result: Comparison, size: int) -> str:
    if result.wrong == 1:
        return f"1 of {format_count(size, 'value')} is wrong: {result.example}"
    return f"{result.wrong} of {size} values are wrong, such as {result.example}"
