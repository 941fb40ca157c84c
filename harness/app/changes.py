"""What differs between the premises of two sessions, for people: a line for each thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from harness.compile.versions import name_compilers
from harness.configuration import format_value
from harness.units import format_text, shorten

MAX_SHOWN = 60
"""Characters of a value; longer ones are cut."""

MAX_LISTED = 8
"""Files, keys or values of one kind that are named."""

_PLACES: Mapping[str, tuple[str, ...]] = {
    "aggregate": ("scoring.aggregate",),
    "clocks": ("lock_clocks",),
    "commands": ("command.compile", "command.test", "command.clean", "parameters", "problem"),
    "constraints": ("space.constraints",),
    "directory": ("command.directory",),
    "environment": ("command.environment",),
    "goal": ("scoring.optimal",),
    "importance": ("output.importance",),
    "kernel": ("kernel", "problem"),
    "measure": ("kernel.measure",),
    "measured": ("scoring.optimal", "scoring.metric"),
    "name": ("name",),
    "order": ("parameters",),
    "parameters": ("parameters",),
    "problem": ("problem",),
    "repeat": ("scoring.repeat",),
    "replicate": ("distribution", "parallel"),
    "search": ("search",),
    "simulation": ("mock", "replay", "backend"),
    "timeouts": ("command.timeout_s",),
    "tree": ("space.tree",),
    "unit": ("scoring.unit", "scoring.optimal"),
}
"""The places of a config that decide about each premise."""


_WHOLE: Mapping[str, str] = {
    "functions": "the constraints in Python changed",
    "identity": "this harness tells tests apart by other things than the one that recorded them",
}
"""What to say of premises of which no part can be named."""


def describe_changes(
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    config_before: Mapping[str, Any],
    config_now: Mapping[str, Any],
) -> list[str]:
    """What changed.

    Args:
        before, now: premises as JSON holds them, not equal.
        config_before, config_now: the configs' tables.
    """
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    lines = [
        line
        for name in names
        for line in _describe(name, (before, now), (config_before, config_now))
    ]
    lines = lines or [_WHOLE.get(name, f"{name} changed") for name in names]
    return [format_text(line) for line in dict.fromkeys(lines)]


def _describe(
    name: str,
    premises: tuple[Mapping[str, Any], Mapping[str, Any]],
    configs: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> Iterator[str]:
    """What there is to say of one premise, in which both differ; maybe nothing."""
    before, now = (each.get(name) for each in premises)
    if name in _FACTS:
        yield from _FACTS[name](before, now)
        return
    for place in _PLACES.get(name, ()):
        yield from _compare(place, *(_find(config, place) for config in configs))
    if name == "kernel":  # the table, and the files that it names
        yield from _compare_files(*((kernel or {}).get("files") for kernel in (before, now)))


def _find(config: Mapping[str, Any], place: str) -> Any:
    found: Any = config
    for key in place.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _compare(place: str, before: Any, now: Any) -> Iterator[str]:
    """The keys at and below a place whose values differ."""
    if before == now:
        return
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        shared = [key for key in before if key in now]
        if shared == [key for key in now if key in before]:
            for key in dict.fromkeys((*before, *now)):
                yield from _compare(f"{place}.{key}", before.get(key), now.get(key))
            return
        yield f"{place}: another order"
    elif before is None:
        yield f"{place}: {_show(now)} is new"
    elif now is None:
        yield f"{place}: {_show(before)} is gone"
    elif (
        isinstance(before, list)
        and isinstance(now, list)
        and max(len(before), len(now)) > MAX_LISTED
    ):
        yield f"{place}: {_compare_lists(before, now)}"
    else:
        yield f"{place}: {_show(before)} -> {_show(now)}"


def _show(value: Any) -> str:
    if isinstance(value, list):
        text = ", ".join(map(_show, value)) or "nothing"
    elif isinstance(value, Mapping):
        text = ", ".join(f"{key} = {_show(each)}" for key, each in value.items()) or "nothing"
    elif isinstance(value, bool) or value is None:
        text = str(value).lower()
    else:
        text = format_value(value) or '""'
    return shorten(text, MAX_SHOWN)


def _compare_lists(before: list[Any], now: list[Any]) -> str:
    known, kept = ({repr(value) for value in values} for values in (before, now))
    added = [value for value in now if repr(value) not in known]
    removed = [value for value in before if repr(value) not in kept]
    parts = [f"{_list(added)} added"] if added else []
    parts += [f"{_list(removed)} removed"] if removed else []
    return ", ".join(parts) or "another order"


def _list(values: list[Any]) -> str:
    shown = ", ".join(map(_show, values[:MAX_LISTED]))
    return f"{shown} and {len(values) - MAX_LISTED} more" if len(values) > MAX_LISTED else shown


def _compare_files(before: Any, now: Any) -> Iterator[str]:
    """The files whose content differs; of very many the first."""
    before, now = before or {}, now or {}
    changed = sorted(name for name in {**before, **now} if before.get(name) != now.get(name))
    for name in changed[:MAX_LISTED]:
        if name not in before:
            yield f"{name} is a new source"
        elif name not in now:
            yield f"{name} is no source any more"
        else:
            yield f"{name} changed"
    if len(changed) > MAX_LISTED:
        yield f"{len(changed) - MAX_LISTED} more sources changed"


def _compare_compilers(before: Any, now: Any) -> Iterator[str]:
    before, now = before or {}, now or {}
    for name in dict.fromkeys((*before, *now)):
        first, second = before.get(name), now.get(name)
        if first == second:
            continue
        if first is None or second is None:
            yield f"compiler {name} is {'new' if first is None else 'gone'}"
            continue
        lines = zip_longest(first.splitlines(), second.splitlines(), fillvalue="nothing")
        # Not the first line: nvcc's names its maker only.
        old, new = next((pair for pair in lines if pair[0] != pair[1]), ("one", "another"))
        yield f"compiler {name}: {shorten(old, MAX_SHOWN)} -> {shorten(new, MAX_SHOWN)}"


def _compare_toolchain(before: Any, now: Any) -> Iterator[str]:
    """The compilers of kernels."""
    old, new = (name_compilers(text or "none") for text in (before, now))
    yield f"compiler {old} -> {new}" if old != new else f"compiler: another build of {new}"


def _compare_words(what: str, before: Any, now: Any) -> Iterator[str]:
    old, new = (", ".join(words or ["none"]) for words in (before, now))
    yield f"{what} {old or 'none'} -> {new or 'none'}"


_FACTS: Mapping[str, Callable[[Any, Any], Iterator[str]]] = {
    "sources": _compare_files,
    "compilers": _compare_compilers,
    "compiler": _compare_toolchain,
    "models": lambda before, now: _compare_words("device", before, now),
    "drivers": lambda before, now: _compare_words("driver", before, now),
}
"""How differences of premises that no config states are told."""
