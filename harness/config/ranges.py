"""Values of a parameter that are told by the first and the last of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Annotated

from harness.config.problems import Key, Problem, format_value_of
from harness.config.tables import Table, doc
from harness.config.walk import Walker

MOST_VALUES = 100_000

Number = int | float


class Range(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{ first = 32, last = 1024, factor = 2 }`."""

    first: Annotated[Number, doc("The first value.", 32)]
    last: Annotated[Number, doc("No value is beyond this one.", 1024)]
    step: Annotated[Number | None, doc("From one value to the next; 1 if there is no factor.")] = (
        None
    )
    factor: Annotated[Number | None, doc("Each value is so many times the one before it.")] = None


def write_out_ranges(data: Mapping[str, object], walker: Walker) -> Mapping[str, object]:
    """The same config with lists in the place of ranges.

    Args:
        walker: is told what is wrong with them.
    """
    parameters = data.get("parameters")
    if not isinstance(parameters, Mapping):
        return data
    written = dict(parameters)
    for name, values in parameters.items():
        if isinstance(values, Mapping):
            key: Key = ("parameters", str(name))
            before = len(walker.problems)
            read = walker.read_table(Range, values, key)
            if len(walker.problems) == before:
                walker.problems += _find_problems(read, key)
            sound = len(walker.problems) == before
            written[name] = list(_values(read)) if sound else []
    return {**data, "parameters": written}


def _find_problems(told: Range, key: Key) -> Iterator[Problem]:
    if told.step is not None and told.factor is not None:
        yield Problem(key, "has a step and a factor; remove one of the two")
    elif told.step is not None and told.step <= 0:
        text = f"must be more than 0; {_turn_step(told)}"
        yield Problem((*key, "step"), text, format_value_of(told.step))
    elif told.factor is not None and told.factor <= 1:
        text = f"must be more than 1; {_turn_factor(told)}"
        yield Problem((*key, "factor"), text, format_value_of(told.factor))
    elif told.factor is not None and told.first <= 0:
        text = "must be more than 0 where a factor is given"
        yield Problem((*key, "first"), text, format_value_of(told.first))
    elif told.first > told.last:
        text = f"is below first = {format_value_of(told.first)}; exchange the two"
        yield Problem((*key, "last"), text, format_value_of(told.last))
    elif len(list(islice(_values(told), MOST_VALUES + 1))) > MOST_VALUES:
        yield Problem(key, f"has more than {MOST_VALUES} values; take a larger step, or a factor")


def _turn_step(told: Range) -> str:
    """What to write instead of a step that is not upwards."""
    assert told.step is not None
    if told.step == 0 or told.first <= told.last:
        return f"write step = {format_value_of(abs(told.step) or 1)}"
    first, last, step = (Decimal(str(end)) for end in (told.first, told.last, -told.step))
    if (first - last) / step > MOST_VALUES:
        return f"values go up: exchange first and last, and write step = {step}"
    lowest = first - (first - last) // step * step
    return f"values go up: write first = {lowest}, last = {first}, step = {step}"


def _turn_factor(told: Range) -> str:
    """What to write instead of a factor that is not upwards."""
    assert told.factor is not None
    if not 0 < told.factor < 1 or told.first <= told.last:
        return "write factor = 2"
    first, last = format_value_of(told.first), format_value_of(told.last)
    return f"values go up: write first = {last}, last = {first}, factor = {1 / told.factor:g}"


def _values(told: Range) -> Iterator[Number]:
    """Its values, reckoned in decimals: 0.1, 0.2, 0.3."""
    numbers = (told.first, told.last, told.step, told.factor)
    is_whole = not any(isinstance(number, float) for number in numbers)
    value, last = (Decimal(str(end)) for end in (told.first, told.last))
    step = Decimal(str(1 if told.step is None else told.step))
    while value <= last:
        yield int(value) if is_whole else float(value)
        value = value + step if told.factor is None else value * Decimal(str(told.factor))
