"""What types cannot say: the checks of a Spec as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.config.kernel_checks import check_kernel
from harness.config.parallel import find_parallel_problems
from harness.config.problems import Key, Problem, format_key, format_value_of, suggest
from harness.config.spec import STRATEGIES, CommandTable, Spec
from harness.config.substitute import NAME_PATTERN, CommandTemplate
from harness.config.tables import ENTRY_PATTERN
from harness.config.targets import contradicts, name_owner
from harness.config.view import View
from harness.configuration import Value, format_value
from harness.errors import ConfigError
from harness.limits import LIMITS, PREFIX
from harness.space.constraints import parse_constraint
from harness.space.tree import parse_tree


def find_problems(spec: Spec, broken: frozenset[Key] = frozenset()) -> list[Problem]:
    """Everything that is wrong with `spec`.

    Args:
        broken: keys whose values are stand-ins, because theirs could not be read; what depends
            on them is not checked.
    """
    view = View(spec, broken)
    return [problem for check in _CHECKS for problem in check(view)]


def _check_parameters(view: View) -> Iterator[Problem]:
    if not view.names and view.is_whole("parameters"):
        yield Problem(("parameters",), "no parameters; add at least one, such as N = [1, 2, 4]")
    for name, values in view.spec.parameters.items():
        key = ("parameters", name)
        if not re.fullmatch(NAME_PATTERN, name):
            text = "not a parameter name; use letters, digits and _, not starting with a digit"
            yield Problem(key, text)
        if not values and view.is_whole(*key):
            yield Problem(key, "no values; list at least one, or remove the parameter", "[]")
        if view.is_read(*key):
            yield from _check_values(view, key, values)


def _check_problem(view: View) -> Iterator[Problem]:
    for name, value in view.spec.problem.items():
        key = ("problem", name)
        if not re.fullmatch(NAME_PATTERN, name):
            yield Problem(key, "not a name; use letters, digits and _, not starting with a digit")
        elif name in view.names:
            text = "a parameter has this name; rename one of the two"
            yield Problem(key, text, format_value_of(value))


def _check_values(view: View, key: Key, values: Sequence[Value]) -> Iterator[Problem]:
    """Values that are equal, or the same once they are substituted into a command."""
    first: dict[object, Value] = {}
    for index, value in enumerate(values):
        if not view.is_read(*key, index):
            continue
        spellings = (value, ("as text", format_value(value)))
        same = next((first[spelling] for spelling in spellings if spelling in first), None)
        if same is not None:
            text = f"the same as {format_value_of(same)} before it; remove one of the two"
            yield Problem((*key, index), text, format_value_of(value))
        for spelling in spellings:
            first.setdefault(spelling, value)


def _check_commands(view: View) -> Iterator[Problem]:
    command = view.spec.command
    if command.test is None and view.spec.kernel is None and view.is_read("kernel"):
        yield from _say_nothing_to_run(view)
    for phase in ("compile", "test", "clean"):
        line = getattr(command, phase)
        key: Key = ("command", phase)
        if line is None or not view.is_whole(*key):
            continue
        program = line if isinstance(line, str) else "".join(line[:1])
        if not program.strip():
            remedy = "write a command" if phase == "test" else "write a command or remove the key"
            yield Problem(key, f"no command; {remedy}", format_value_of(line))
        else:
            yield from _check_template(view, key, line)
    for name, text in command.environment.items():
        key_of_name = ("command", "environment", name)
        if not name or "=" in name or "\0" in name:
            yield Problem(key_of_name, "not a variable's name; use letters, digits and _")
        if view.is_read(*key_of_name):
            yield from _check_template(view, key_of_name, text)
    if view.is_read("command", "directory") and not view.spec.directory.is_dir():
        text = f"there is no folder {view.spec.directory}; create it or name another"
        yield Problem(("command", "directory"), text, format_value_of(command.directory))


def _say_nothing_to_run(view: View) -> Iterator[Problem]:
    if view.spec.command != CommandTable():
        if view.is_read("command", "test"):
            text = 'missing; add test = "./app_%%ID%%" (Runs it; this is what is timed)'
            yield Problem(("command", "test"), text)
    elif view.is_read("command"):
        text = "missing; add a table (what is compiled, run and cleaned), or a table [kernel]"
        yield Problem(("command",), text)


def _check_template(view: View, key: Key, line: str | list[str]) -> Iterator[Problem]:
    if view.is_read("parameters") and view.is_read("problem"):
        try:
            CommandTemplate.parse(line, view.names, view.spec.problem)
        except ConfigError as error:
            yield from (Problem(key, text) for text in error.problems)


def _check_space(view: View) -> Iterator[Problem]:
    if not view.is_read("parameters"):
        return
    # What a limit is depends on the device; that there is one of the name does not.
    constants = {**view.spec.problem, **{PREFIX + name: 1 for name in LIMITS}}
    for index, text in enumerate(view.spec.space.constraints):
        key = ("space", "constraints", index)
        if view.is_read(*key) and view.is_read("problem"):
            try:
                parse_constraint(text, view.names, constants)
            except ConfigError as error:
                yield from (Problem(key, problem) for problem in error.problems)
    if view.spec.space.tree is not None and view.is_read("space", "tree"):
        yield from _check_tree(view, view.spec.space.tree)


def _check_tree(view: View, text: str) -> Iterator[Problem]:
    key = ("space", "tree")
    try:
        found = parse_tree(text).all_variables()
    except ConfigError as error:
        yield from (Problem(key, problem) for problem in error.problems)
        return
    for name in found:
        if name not in view.names:
            yield Problem(key, f"{name} is no parameter; {suggest(name, view.names, 'parameters')}")
    for name in view.names:
        if name not in found:
            yield Problem(key, f"the parameter {name} is missing; every parameter has its place")


def _check_scoring(view: View) -> Iterator[Problem]:
    scoring = view.spec.scoring
    timed = scoring.optimal.endswith(("_time", "_energy"))
    if scoring.metric is not None and view.spec.kernel is None and view.is_read("kernel"):
        text = "there is no [kernel] whose metric it could be; remove it"
        yield Problem(("scoring", "metric"), text, format_value_of(scoring.metric))
    if scoring.unit and timed and view.is_read("scoring", "optimal"):
        figure, _, what = scoring.optimal.partition("_")
        own = "energies is J" if what == "energy" else "times is s"
        text = f'the unit of {own}; remove it, or score a figure of merit: optimal = "{figure}"'
        yield Problem(("scoring", "unit"), text, format_value_of(scoring.unit))
    if timed and scoring.reference is not None and scoring.reference <= 0:
        text = "a time must be > 0; write the seconds to compare with"
        if scoring.optimal.endswith("_energy"):
            text = "an energy must be > 0; write the joules to compare with"
        if view.is_read("scoring", "reference") and view.is_read("scoring", "optimal"):
            yield Problem(("scoring", "reference"), text, format_value_of(scoring.reference))


def _check_search(view: View) -> Iterator[Problem]:
    strategy = view.spec.search.strategy
    if strategy not in STRATEGIES and not re.fullmatch(ENTRY_PATTERN, strategy):
        known = suggest(strategy, STRATEGIES, "strategies")
        text = f"unknown; {known}{'' if known.endswith('?') else ', or module:Class'}"
        yield Problem(("search", "strategy"), text, format_value_of(strategy))
    kind, _, inside = strategy.partition("/")
    needs_tree = kind == "tree" and view.spec.space.tree is None
    if needs_tree and view.is_read("search", "strategy") and view.is_read("space", "tree"):
        text = (
            'there is no tree; add space.tree, such as "{A, B, {C}, {D}}", or write '
            f'"{inside or "auto"}"'
        )
        yield Problem(("search", "strategy"), text, f'"{strategy}"')
    if view.spec.search.start and view.is_whole("search", "start"):
        yield from _check_start(view)


def _check_start(view: View) -> Iterator[Problem]:
    """Names and values; whether the constraints hold is seen when the space is made."""
    start = view.spec.search.start
    for name, value in start.items():
        key = ("search", "start", name)
        values = view.spec.parameters.get(name)
        if values is None:
            yield Problem(key, f"no parameter; {suggest(name, view.names, 'parameters')}")
        elif value not in values and view.is_whole("parameters", name):
            listed = ", ".join(map(format_value_of, values))
            yield Problem(key, f"not one of its values: {listed}", format_value_of(value))
    for name in view.names:
        if name not in start:
            text = f"no value of {name}; give each parameter one, or remove the table"
            yield Problem(("search", "start"), text)


def _check_parallel(view: View) -> Iterator[Problem]:
    if not view.is_whole("parallel"):
        return
    parallel = view.spec.parallel
    for part, text in find_parallel_problems(parallel):
        shown: object = parallel
        if part is not None:
            shown = parallel[part]  # type: ignore[index] # only names and tables have parts
        key: Key = ("parallel",) if part is None else ("parallel", part)
        yield Problem(key, text, format_value_of(shown))


def _check_output(view: View) -> Iterator[Problem]:
    output = view.spec.output
    names = ("log", "script", "importance", "journal")
    paths: dict[Key, str | None] = {("output", name): getattr(output, name) for name in names}
    forms: dict[Key, str] = {}
    for index, emit in enumerate(output.emit):
        paths["output", "emit", index, "path"] = emit.path
        forms["output", "emit", index, "path"] = emit.format
        if emit.prefix and not re.fullmatch(NAME_PATTERN, emit.prefix):
            text = "cannot begin a name; use letters, digits and _, not starting with a digit"
            yield Problem(("output", "emit", index, "prefix"), text, format_value_of(emit.prefix))
    taken = {view.spec.path.resolve(): "the config itself"}
    if output.journal is None:  # else it is one of the paths below
        taken[view.spec.journal_path] = "the journal"
    seen: dict[str, Key] = {}
    for key, path in paths.items():
        if path is None or not view.is_read(*key):
            continue
        if not path.strip():
            yield Problem(key, "no file; name one or remove the key", '""')
        elif what := taken.get((view.spec.base / path).resolve()):
            yield Problem(key, f"this is {what}; name another", format_value_of(path))
        elif key != ("output", "journal") and (
            what := name_owner(view.spec.base / path, forms.get(key, ""))
        ):
            text = f"there is {what} of this name; name another, or move that away"
            yield Problem(key, text, format_value_of(path))
        elif key in forms and (said := contradicts(Path(path), forms[key])):
            text = f"its ending says {said}, but format is {forms[key]}; change one of the two"
            yield Problem(key, text, format_value_of(path))
        elif path in seen:
            text = f"the same file as {format_key(seen[path])}; name another"
            yield Problem(key, text, format_value_of(path))
        seen.setdefault(path, key)


def _check_mock(view: View) -> Iterator[Problem]:
    if view.spec.mock.devices == () and view.is_read("mock", "devices"):
        yield Problem(("mock", "devices"), "no devices; name models or remove the key", "[]")
    yield from _check_emulation(view)


def _check_emulation(view: View) -> Iterator[Problem]:
    """There must be a kernel, and something to compare its results with."""
    mock, kernel = view.spec.mock, view.spec.kernel
    if not (view.is_whole("mock") and view.is_read("kernel")):
        return
    if mock.emulate and kernel is None:
        text = "only kernels are emulated, and there is no [kernel]; remove it"
        yield Problem(("mock", "emulate"), text, "true")
    elif mock.emulate and kernel is not None and kernel.reference is None:
        text = "nothing to compare with; add a table kernel.reference"
        yield Problem(("mock", "emulate"), text, "true")
    for name in mock.problem:
        if name not in view.spec.problem and view.is_whole("problem"):
            text = f"no size in problem; {suggest(name, view.spec.problem, 'sizes')}"
            yield Problem(("mock", "problem", name), text)


def _check_replay(view: View) -> Iterator[Problem]:
    file = view.spec.replay.file
    if view.spec.backend == "replay" and view.is_read("backend") and view.is_read("replay", "file"):
        if file is None:
            text = 'backend "replay" needs recorded results; name a file, or use --replay FILE'
            yield Problem(("replay", "file"), text)
        elif not file.strip():
            yield Problem(("replay", "file"), "no file; name recorded results", '""')


_CHECKS: tuple[Callable[[View], Iterator[Problem]], ...] = (
    _check_parallel,
    _check_parameters,
    _check_problem,
    _check_space,
    _check_commands,
    check_kernel,
    _check_scoring,
    _check_search,
    _check_mock,
    _check_replay,
    _check_output,
)
