"""The forms of `parallel`, and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from harness.errors import ConfigError
from harness.lane import MAX_LANES
from harness.units import NO_WHOLE_NUMBER, WHOLE_NUMBER, is_number_like

LANE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")


def parse_parallel(text: str) -> str | int | tuple[str, ...]:
    """What `parallel` is set to by a text: `auto`, a number, or names.

    Names are separated by commas or spaces.

    Raises:
        ConfigError: none of these.
    """
    words = split_names(text)
    value: int | tuple[str, ...] = tuple(words)
    if len(words) == 1:
        if words[0].lower() == "auto":
            return "auto"
        if WHOLE_NUMBER.fullmatch(words[0]):
            value = int(words[0])
        elif is_number_like(words[0]):
            raise ConfigError(f"parallel = {text.strip()}: {NO_WHOLE_NUMBER}")
    problems = [problem for _, problem in find_parallel_problems(value)]
    if problems:
        raise ConfigError(f"parallel = {text.strip()}: {problem}" for problem in problems)
    return value


def split_names(text: str) -> list[str]:
    """The words of a text, which commas or spaces separate."""
    return [word for word in re.split(r"[,\s]+", text) if word]


def find_parallel_problems(parallel: object) -> Iterator[tuple[str | int | None, str]]:
    """What is wrong with a value of `parallel` that has the right type.

    Yields:
        The name or index it concerns (None: all of it), and the problem.
    """
    if isinstance(parallel, str):
        if parallel != "auto":
            yield None, f'neither "auto" nor a number nor a list; {_say_meant(parallel)}'
    elif isinstance(parallel, int):
        if parallel < 1:
            yield None, "must be at least 1"
        elif parallel > MAX_LANES:
            yield None, f"must be at most {MAX_LANES}"
    elif isinstance(parallel, (Mapping, tuple)) and len(parallel) > MAX_LANES:
        yield None, f"{len(parallel)} lanes; name at most {MAX_LANES}"
    elif isinstance(parallel, Mapping):
        yield from _find_table_problems(parallel)
    elif isinstance(parallel, tuple):
        yield from _find_name_problems(parallel)


def _find_name_problems(names: tuple[str, ...]) -> Iterator[tuple[str | int | None, str]]:
    if not names:
        yield None, "no lanes; name at least one, or write a number"
    for index, name in enumerate(names):
        if name in names[:index]:
            yield index, f"the lane {name} is named twice; give each lane its own name"
        elif not LANE_NAME.fullmatch(name):
            yield index, _say_bad_name(name)


def _find_table_problems(
    table: Mapping[str, object],
) -> Iterator[tuple[str | int | None, str]]:
    if not table:
        yield None, "no lanes; name at least one with its device, or write a number"
    for name, selector in table.items():
        if not LANE_NAME.fullmatch(name):
            yield name, _say_bad_name(name)
        if isinstance(selector, int) and selector < 0:
            yield name, f"there is no device {selector}; devices are counted from 0"
        elif isinstance(selector, str) and not selector.strip():
            yield name, "no device; write an index, a UUID, a PCI bus id or name:MODEL"


def _say_meant(text: str) -> str:
    """What to write in place of a text that is none of the forms."""
    words = split_names(text)
    if len(words) == 1 and words[0].lower() == "auto":
        return 'write "auto"'
    if len(words) == 1 and WHOLE_NUMBER.fullmatch(words[0]):
        return f"write {int(words[0])} without quotes"
    if words and all(map(LANE_NAME.fullmatch, words)) and not is_number_like(words[0]):
        names = ", ".join(f'"{word}"' for word in words)
        return f"for {'one lane' if len(words) == 1 else 'lanes of these names'} write [{names}]"
    return 'write a number such as 2, or names such as ["left", "right"]'


def _say_bad_name(name: str) -> str:
    return f'"{name}" cannot name a lane; use letters, digits and _ . : -, without spaces'
