"""Checks of the table `[kernel]`, and of what stands elsewhere and concerns it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from harness.config.formula import Formula
from harness.config.kernel_tables import ArgumentTable, KernelTable, ReferenceTable
from harness.config.launch import as_list
from harness.config.option_checks import check_options
from harness.config.problems import Key, Problem, format_value_of, suggest
from harness.config.python_checks import check_python
from harness.config.signature_checks import check_signature
from harness.config.spec import CommandTable
from harness.config.substitute import NAME_PATTERN, Template
from harness.config.tables import ENTRY_PATTERN, Expression
from harness.config.view import View
from harness.errors import ConfigError
from harness.limits import LIMITS, PREFIX

FILLS = ("random", "zeros", "ones", "arange")
TIME_NAMES = ("time_s",)
"""What metrics may name besides."""

_REFERENCES = ("function", "kernel", "file")
_ARCHITECTURE = r"sm_\d{2,3}[a-z]?"


def formula_names(view_names: Sequence[str], problem: Sequence[str]) -> list[str]:
    """What launches and arguments may name."""
    return [*view_names, *problem, *(PREFIX + name for name in LIMITS)]


def check_kernel(view: View) -> Iterator[Problem]:
    """Everything that is wrong with the kernel of a Spec that has one."""
    kernel = view.spec.kernel
    if kernel is None or not view.is_read("kernel"):
        return
    if view.spec.command != CommandTable() and view.is_read("command"):
        yield Problem(("command",), "there is a [kernel] too; keep one of the two tables")
    for check in _CHECKS:
        yield from check(view, kernel)


def _check_source(view: View, kernel: KernelTable) -> Iterator[Problem]:
    key: Key = ("kernel", "source")
    if kernel.source is None and kernel.code is None and view.is_read(*key):
        text = 'missing; add source = "kernel.cu", the file, or its text as code'
        yield Problem(key, text)
    elif kernel.source is not None and kernel.code is not None:
        yield Problem(("kernel", "code"), "there is a source, too; keep one of the two")
    elif kernel.source is not None and not (view.spec.base / kernel.source).is_file():
        text = f"there is no file {view.spec.base / kernel.source}; name the source"
        yield Problem(key, text, format_value_of(kernel.source))
    texts: list[tuple[Key, str]] = [(("kernel", "function"), kernel.function)]
    texts += [(("kernel", "options", n), text) for n, text in enumerate(kernel.options)]
    for place, text in texts:
        if view.is_read(*place) and view.is_read("parameters") and view.is_read("problem"):
            yield from _check_template(view, place, text)
    for n, name in enumerate(kernel.include_directories):
        if view.is_read("kernel", "include_directories", n):
            folder = view.spec.base / name
            if not folder.is_dir():
                text = f"there is no folder {folder}; create it or name another"
                yield Problem(("kernel", "include_directories", n), text, format_value_of(name))
    for n, name in enumerate(kernel.architectures):
        if not re.fullmatch(_ARCHITECTURE, name):
            text = "not an architecture; write one such as sm_80"
            yield Problem(("kernel", "architectures", n), text, format_value_of(name))


def _check_template(view: View, key: Key, text: str) -> Iterator[Problem]:
    try:
        template = Template.parse(text, view.names, view.spec.problem)
    except ConfigError as error:
        yield from (Problem(key, problem) for problem in error.problems)
        return
    if template.builtins:
        name = min(template.builtins)
        said = f"%%{name}%% is of commands; a kernel is compiled for any lane of its device"
        yield Problem(key, f"{said}; remove it", format_value_of(text))
    if not text.strip():
        yield Problem(key, "empty; write something or remove it", format_value_of(text))


def _check_launch(view: View, kernel: KernelTable) -> Iterator[Problem]:
    yield from _check_extents(view, ("kernel", "grid"), kernel.grid)
    yield from _check_extents(view, ("kernel", "block"), kernel.block)
    yield from _check_formula(view, ("kernel", "shared_bytes"), kernel.shared_bytes)


def _check_extents(
    view: View,
    key: Key,
    extents: Expression | Sequence[Expression],
    most: int | None = 3,
    names: Sequence[str] | None = None,
) -> Iterator[Problem]:
    if not view.is_read(*key):
        return
    several = as_list(extents)
    if not several and view.is_whole(*key):
        yield Problem(key, "empty; give at least one extent", "[]")
    if most is not None and len(several) > most:
        text = f"{len(several)} extents; there are x, y and z"
        yield Problem(key, text, format_value_of(list(several)))
    for n, extent in enumerate(several):
        place = key if isinstance(extents, (int, str)) else (*key, n)
        yield from _check_formula(view, place, extent, names=names)


def _check_formula(
    view: View,
    key: Key,
    text: str | float,
    more: Sequence[str] = (),
    names: Sequence[str] | None = None,
) -> Iterator[Problem]:
    if not (view.is_read(*key) and view.is_read("parameters") and view.is_read("problem")):
        return
    try:
        parameters = view.names if names is None else names
        Formula.parse(text, [*formula_names(parameters, list(view.spec.problem)), *more])
    except ConfigError as error:
        yield from (Problem(key, problem) for problem in error.problems)


def _check_arguments(view: View, kernel: KernelTable) -> Iterator[Problem]:
    seen: set[str] = set()
    for n, argument in enumerate(kernel.arguments):
        key: Key = ("kernel", "arguments", n)
        if not view.is_read(*key):
            continue
        if view.is_read(*key, "name") and not re.fullmatch(NAME_PATTERN, argument.name):
            text = "not a name; use letters, digits and _, not starting with a digit"
            yield Problem((*key, "name"), text, format_value_of(argument.name))
        elif view.is_read(*key, "name") and argument.name in seen:
            text = "another argument has this name; rename one of the two"
            yield Problem((*key, "name"), text, format_value_of(argument.name))
        seen.add(argument.name)
        check = _check_scalar if argument.shape is None else _check_array
        if view.is_read(*key, "shape"):
            yield from check(view, key, argument)


def _check_scalar(view: View, key: Key, argument: ArgumentTable) -> Iterator[Problem]:
    if argument.value is None:
        if view.is_read(*key, "value"):
            text = 'neither array nor scalar; add shape = ["N"], or value = "N"'
            named = view.is_read(*key, "name")
            yield Problem(key, text, format_value_of(argument.name) if named else "")
        return
    if argument.role not in ("in", "constant"):
        text = "a scalar is passed by value; only arrays come out of a kernel"
        yield Problem((*key, "role"), text, format_value_of(argument.role))
    yield from _check_formula(view, (*key, "value"), argument.value)


def _check_array(view: View, key: Key, argument: ArgumentTable) -> Iterator[Problem]:
    assert argument.shape is not None
    yield from _check_extents(view, (*key, "shape"), argument.shape, most=None)
    if argument.value is not None:
        text = "an array has no value; remove it, or the shape"
        yield Problem((*key, "value"), text, format_value_of(argument.value))
    fill = argument.fill
    if view.is_read(*key, "fill") and not _is_fill(fill):
        remedy = suggest(fill, FILLS, "fillings")
        files = "a file ends in .npy, a function is module:function"
        text = f"no filling; {remedy}{'' if remedy.endswith('?') else ';'} {files}"
        yield Problem((*key, "fill"), text, format_value_of(fill))
    if fill.endswith(".npy") and not (view.spec.base / fill).is_file():
        text = f"there is no file {view.spec.base / fill}; name one that numpy.save wrote"
        yield Problem((*key, "fill"), text, format_value_of(fill))
    if argument.high is not None and argument.high <= argument.low:
        text = f"must be above low = {argument.low:g}"
        yield Problem((*key, "high"), text, format_value_of(argument.high))


def _is_fill(text: str) -> bool:
    return text in FILLS or text.endswith(".npy") or bool(re.fullmatch(ENTRY_PATTERN, text))


def _check_reference(view: View, kernel: KernelTable) -> Iterator[Problem]:
    reference = kernel.reference
    key: Key = ("kernel", "reference")
    if reference is None or not view.is_read(*key):
        return
    given = [name for name in _REFERENCES if getattr(reference, name) is not None]
    if len(given) != 1 and view.is_whole(*key):
        said = " and ".join(given) if given else "nothing to compare with"
        yield Problem(key, f"{said}; give one of {', '.join(_REFERENCES)}")
    yield from _check_simple_kernel(view, reference)
    function, file = reference.function, reference.file
    if function is not None and not re.fullmatch(ENTRY_PATTERN, function):
        text = "not module:function; write one such as reference:matmul"
        yield Problem((*key, "function"), text, format_value_of(function))
    if file is not None and not (view.spec.base / file).is_file():
        text = f"there is no file {view.spec.base / file}; name a .npy or .npz file"
        yield Problem((*key, "file"), text, format_value_of(file))
    elif file is not None and not file.endswith((".npy", ".npz")):
        text = "must end in .npy or .npz, as numpy.save and numpy.savez write them"
        yield Problem((*key, "file"), text, format_value_of(file))
    only_read = all(argument.role in ("in", "constant") for argument in kernel.arguments)
    if only_read and view.is_whole("kernel", "arguments"):
        text = 'no argument comes out of the kernel; set role = "out" or "inout" of one'
        yield Problem(key, text)


def _check_simple_kernel(view: View, reference: ReferenceTable) -> Iterator[Problem]:
    for name in ("grid", "block", "source"):
        key: Key = ("kernel", "reference", name)
        value = getattr(reference, name)
        if reference.kernel is None and value is not None and view.is_read(*key):
            yield Problem(key, "there is no kernel that it would be of; remove it")
        elif reference.kernel is not None and value is None and name != "source":
            if view.is_read(*key):
                yield Problem(key, f"missing; the reference's kernel needs one, as {name} = 256")
        elif value is not None and name != "source":
            yield from _check_extents(view, key, value, names=())
    if reference.source is not None and not (view.spec.base / reference.source).is_file():
        text = f"there is no file {view.spec.base / reference.source}; name the CUDA C++ source"
        yield Problem(("kernel", "reference", "source"), text, format_value_of(reference.source))


def _check_metrics(view: View, kernel: KernelTable) -> Iterator[Problem]:
    for name, text in kernel.metrics.items():
        key: Key = ("kernel", "metrics", name)
        if not re.fullmatch(NAME_PATTERN, name):
            yield Problem(key, "not a name; use letters, digits and _, not starting with a digit")
        yield from _check_formula(view, key, text, TIME_NAMES)
    scoring = view.spec.scoring
    if not (view.is_read("scoring", "metric") and view.is_read("scoring", "optimal")):
        return
    timed = scoring.optimal.endswith(("_time", "_energy"))
    if scoring.metric is not None and timed:
        what = "the energy" if scoring.optimal.endswith("_energy") else "the time"
        remedy = 'optimal = "max", or "min"'
        text = f"{scoring.optimal} scores {what}; remove it, or write {remedy}"
        yield Problem(("scoring", "metric"), text, format_value_of(scoring.metric))
    elif scoring.metric is None and not timed:
        text = "which metric? add scoring.metric, the name of one of kernel.metrics"
        yield Problem(("scoring", "optimal"), text, format_value_of(scoring.optimal))
    elif (
        scoring.metric is not None
        and scoring.metric not in kernel.metrics
        and view.is_whole("kernel", "metrics")
    ):
        text = f"no such metric; {suggest(scoring.metric, kernel.metrics, 'metrics')}"
        yield Problem(("scoring", "metric"), text, format_value_of(scoring.metric))


def _check_measure(view: View, kernel: KernelTable) -> Iterator[Problem]:
    measure, repeat = kernel.measure, view.spec.scoring.repeat
    if not (view.is_whole("kernel", "measure") and view.is_read("scoring", "repeat")):
        return
    if view.spec.scoring.optimal == "min_energy" and view.is_read("scoring", "optimal"):
        text = "an energy is one reading of a launch repeated for 2 s; remove it"
        if repeat > 1:
            yield Problem(("scoring", "repeat"), text, format_value_of(repeat))
        if measure.stop != "auto":
            yield Problem(("kernel", "measure", "stop"), text, format_value_of(measure.stop))
    elif repeat > 1 and measure.stop in ("precision", "race"):
        text = f'"{measure.stop}" decides how many samples; remove repeat, or stop'
        yield Problem(("scoring", "repeat"), text, format_value_of(repeat))


_CHECKS: tuple[Callable[[View, KernelTable], Iterator[Problem]], ...] = (
    _check_source,
    check_options,
    _check_launch,
    _check_arguments,
    _check_reference,
    _check_metrics,
    _check_measure,
    check_python,
    check_signature,
)
