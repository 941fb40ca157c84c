"""At which size a kernel is emulated: small, yet with all that the whole problem has.

All sizes of 64 and more are divided by the same power of two and rounded so that the greatest power
of two that divides a size is that of the small one too: ratios stay, and so does whether tiles end
where the data does. The smallest sizes are taken that keep what a kernel may rely on: what divides
a size divides the small one. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from harness.configuration import Value

SHRUNK = 64
"""Sizes from this on are divided; smaller ones, such as a filter's width, stay as they are."""
MOST_PRODUCT = 4096

Problem = Mapping[str, Value]


def shrink(problem: Problem) -> Iterator[dict[str, Value]]:
    """The problem at all sizes that there are, the smallest first, itself last."""
    sizes = [int(value) for value in problem.values() if _is_divided(value)]
    for power in range(max(sizes, default=1).bit_length() - 1, -1, -1):
        divisor = 1 << power
        made = {
            name: _divide(int(value), divisor) if _is_divided(value) else value
            for name, value in problem.items()
        }
        if all(made.values()) or divisor == 1:
            yield made


def _divide(size: int, divisor: int) -> int:
    """About `size / divisor`: an odd number times the power of two in `size`, if there is room."""
    about = size // divisor
    if about == 0 or divisor == 1:
        return about
    power = min(size & -size, 1 << (about.bit_length() - 1))
    times = about // power
    return power * (times if times % 2 else times - 1)


def _is_divided(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= SHRUNK


def list_factors(numbers: Sequence[int], *, products: bool) -> set[int]:
    """What sizes may have to be multiples of: parameters and blocks, and products of two."""
    singles = {number for number in numbers if number > 1}
    if not products:
        return singles
    pairs = {a * b for a, b in combinations(sorted(numbers), 2) if 1 < a * b <= MOST_PRODUCT}
    return singles | pairs


def keeps_factors(small: Problem, whole: Problem, factors: set[int]) -> bool:
    """Whether what divides a size of the whole problem divides that of the small one."""
    return all(
        int(small[name]) % factor == 0
        for name, value in whole.items()
        if _is_divided(value)
        for factor in factors
        if int(value) % factor == 0
    )
