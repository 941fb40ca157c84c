"""Reads T1 files, the auto-tuning community's JSON definition of a tuning problem.

A T1 file lists `ConfigurationSpace.TuningParameters`, whose `Values` is a string that holds a
Python list (`[1, 2]`, `list(range(1, 9))`, `[2**i for i in range(5)]`, sums of these), and
`Conditions`, whose `Expression` is Python over the parameters. Nothing of it is ever executed.

`KernelSpecification` describes a kernel without the program around it, so the commands of the Spec
are a proposal: compile the kernel's file with the parameters as macros, run what comes out.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from harness.config.spec import Spec
from harness.config.substitute import ESCAPED_PERCENT
from harness.config.t1_values import parse_values
from harness.config.toml import make_spec
from harness.configuration import Value
from harness.errors import ConfigError
from harness.space.constraints import Constraint, parse_constraint
from harness.space.parameters import Parameter

T = TypeVar("T")

_TYPES: dict[str, type[float] | type[str]] = {"float": float, "string": str, "str": str}
"""Types that say more than the values; the others are what the values already are."""

_AXES = ("x", "y", "z")


def load_t1(path: Path) -> Spec:
    """The Spec that a T1 file says.

    Raises:
        ConfigError: unreadable, or not T1; every problem that was found.
    """
    return spec_of_t1(_load(path), path)


def spec_of_t1(content: Mapping[str, Any], path: Path) -> Spec:
    """The same of a file's content, as `json.load` returns it.

    Args:
        path: how messages call it; its name up to the first dot is the Spec's.
    """
    parameters, constraints = _read_space(content, str(path))
    name = path.name.partition(".")[0]
    names = [parameter.name for parameter in parameters]
    kernel = content.get("KernelSpecification")
    kernel = kernel if isinstance(kernel, Mapping) else {}
    data: dict[str, object] = {
        "name": name,
        "parameters": {p.name: list(p.values) for p in parameters},
        "command": _propose_command(kernel, name, names),
    }
    if constraints:
        data["space"] = {"constraints": [constraint.text for constraint in constraints]}
    sizes = _read_sizes(kernel.get("ProblemSize"))
    if sizes and sizes.keys().isdisjoint(names):
        data["problem"] = sizes
    return make_spec(data, path)


def _read_space(content: Mapping[str, Any], place: str) -> tuple[list[Parameter], list[Constraint]]:
    space = content.get("ConfigurationSpace")
    if not isinstance(space, Mapping):
        raise ConfigError(f"{place}: no ConfigurationSpace; expected a T1 file")
    problems: list[str] = []
    parameters = _read_list(space, "TuningParameters", place, problems, _parameter)
    constraints: list[Constraint] = []
    if not problems:  # else every constraint on a parameter that failed would be a problem, too
        names = [parameter.name for parameter in parameters]
        constraints = _read_list(
            space, "Conditions", place, problems, lambda entry: _condition(entry, names)
        )
    if problems:
        raise ConfigError(problems)
    return parameters, constraints


def _load(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give the path of a T1 file") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: no JSON: {error}; give a T1 file, which is JSON") from error
    return content if isinstance(content, Mapping) else {}


def _read_list(
    space: Mapping[str, Any],
    key: str,
    place: str,
    problems: list[str],
    read: Callable[[Any], T],
) -> list[T]:
    """What `read` makes of each entry; what it raises is added to the problems."""
    entries = space.get(key, [])
    if not isinstance(entries, list):
        problems.append(f"{place}: {key} = {entries!r}; expected a list")
        return []
    found = []
    for at, entry in enumerate(entries):
        try:
            found.append(read(entry))
        except ConfigError as error:
            problems.extend(f"{place}: {key}[{at}]: {problem}" for problem in error.problems)
    return found


def _parameter(entry: Any) -> Parameter:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("Name"), str):
        raise ConfigError("no Name; expected an object with Name, Type and Values")
    name, kind, text = entry["Name"], entry.get("Type", ""), entry.get("Values")
    if isinstance(text, list):
        values = [_check_value(name, value) for value in text]
    elif isinstance(text, str):
        values = parse_values(text)
    else:
        raise ConfigError(f"{name}: Values = {text!r}; expected a list, or a string holding one")
    expected = _TYPES.get(kind)
    if expected is not None:
        try:
            values = [expected(value) for value in values]
        except (ValueError, OverflowError) as error:
            raise ConfigError(f"{name}: Type {kind}: {error}; correct Values") from error
    return Parameter(name, tuple(values))


def _check_value(name: str, value: Any) -> Value:
    if not isinstance(value, (bool, int, float, str)):
        raise ConfigError(f"{name}: the value {value!r}; expected a number, string or boolean")
    return value


def _condition(entry: Any, names: Sequence[str]) -> Constraint:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("Expression"), str):
        raise ConfigError("no Expression; expected an object with Expression and Parameters")
    return parse_constraint(entry["Expression"], names)


def _read_sizes(size: Any) -> dict[str, int]:
    """`ProblemSize` by the names that kernels of this community know: problem_size_x and so on."""
    sizes = size if isinstance(size, list) else [size]
    if not 1 <= len(sizes) <= len(_AXES) or not all(type(number) is int for number in sizes):
        return {}  # an expression, or not given
    return {f"problem_size_{axis}": number for axis, number in zip(_AXES, sizes, strict=False)}


def _propose_command(kernel: Mapping[str, Any], name: str, parameters: list[str]) -> dict[str, str]:
    """Commands that fit a kernel's file, or, without one, a program that takes NAME=VALUE."""
    source, language = kernel.get("KernelFile"), kernel.get("Language")
    program = _quote(name)
    if not isinstance(source, str) or language != "CUDA":
        return {"test": " ".join([f"./{program}", *(f"{p}=%{p}%" for p in parameters)])}
    options = kernel.get("CompilerOptions")
    words = ["nvcc", *map(_quote, options if isinstance(options, list) else ())]
    words += [f"-D{parameter}=%{parameter}%" for parameter in parameters]
    return {
        "compile": " ".join([*words, "-o", f"{program}_%%ID%%", _quote(source)]),
        "test": f"./{program}_%%ID%%",
        "clean": f"rm -f {program}_%%ID%%",
    }


def _quote(word: object) -> str:
    """A word for the shell that holds no placeholder."""
    return shlex.quote(str(word)).replace("%", ESCAPED_PERCENT)
