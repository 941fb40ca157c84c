"""Problems of a config: found all at once, told one line each, in the order of the file."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import ConfigError

Key = tuple[str | int, ...]
"""Where something stands: `("parameters", "BLOCK_X", 2)`."""

MAX_SHOWN = 70


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one key.

    Attributes:
        key: where; empty for the file as a whole.
        text: what is wrong, what was expected, what to do.
        shown: the value as the user wrote it; empty where the text says it or there is none.
    """

    key: Key
    text: str
    shown: str = ""


def format_value_of(value: object) -> str:
    """`value` as it is written in TOML, cut after some 70 characters."""
    if isinstance(value, float):
        return str(value)  # TOML's inf and nan, not JSON's
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = str(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def format_key(key: Key) -> str:
    """`parameters.BLOCK_X[2]`."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


_SYNONYMS = {
    "int": "int32",
    "unsigned": "uint32",
    "uint": "uint32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "gpu": "cuda",
    "median": "med",
    "mean": "avg",
    "average": "avg",
}
"""What other languages and tools call ours; looked at before spellings are."""


def find_nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` most likely stands for; None if none is close."""
    names = list(known)
    if (meant := _SYNONYMS.get(name.lower())) in names:
        return meant
    by_lower = {candidate.lower(): candidate for candidate in reversed(names)}
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    close = difflib.get_close_matches(name.lower(), near, cutoff=0.8)
    shortened = [known for known in by_lower if len(known) > 2 and name.lower().startswith(known)]
    longer = [known for known in by_lower if len(name) > 2 and known.startswith(name.lower())]
    found = [*close, *shortened, *near, *longer]  # median is rather med than min
    return by_lower[found[0]] if found else None


def suggest(name: str, known: Collection[str], what: str) -> str:
    """The remedy for an unknown name: the nearest known one, or all of them."""
    nearest = find_nearest(name, known)
    if nearest is not None:
        return f"did you mean {nearest}?"
    return f"{what}: {', '.join(known)}" if known else f"there are no {what}"


def raise_problems(
    problems: Sequence[Problem],
    file: str,
    data: Mapping[str, object],
    format_place: Callable[[Key], str] = format_key,
) -> None:
    """Raise all problems as one error; return if there are none.

    Args:
        file: how messages call the file.
        data: what was read from it, whose order is the order of the messages.
        format_place: how messages call a key.

    Raises:
        ConfigError: there are problems.
    """
    if not problems:
        return
    lines = []
    for problem in sorted(problems, key=lambda problem: _position(problem.key, data)):
        place = format_place(problem.key)
        shown = f" = {problem.shown}" if problem.shown else ""
        lines.append(
            f"{file}: {place}{shown}: {problem.text}" if place else f"{file}: {problem.text}"
        )
    raise ConfigError(dict.fromkeys(" ".join(line.splitlines()) for line in lines))


def _position(key: Key, data: object) -> tuple[int, ...]:
    """Where `key` stands in `data`; what is missing comes after what is there."""
    position = []
    for part in key:
        if isinstance(data, Mapping):
            names = [str(name).lower() for name in data]  # options of .conf files know no case
            name = str(part).lower()
            position.append(names.index(name) if name in names else len(names))
            data = data.get(part)
        elif isinstance(part, int):
            position.append(part)
            data = data[part] if isinstance(data, list) and part < len(data) else None
    return tuple(position)
