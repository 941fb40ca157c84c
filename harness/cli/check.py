"""`harness check`: what tuning a config would do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from harness.app.emulation import describe_size
from harness.app.kernel_measures import KernelMeasures
from harness.app.setup import Setup, prepare
from harness.app.spaces import add_counts
from harness.app.suspects import setup_warnings
from harness.app.toolchain import identify_toolchain
from harness.cli.options import (
    json_option,
    lane_options,
    load_spec,
    own_journal_option,
    size_option,
)
from harness.cli.output import write_json, write_lines
from harness.cli.standing import describe_standing, look_up
from harness.compile.versions import name_compilers
from harness.configuration import Configuration, Value, name_best, show_value
from harness.errors import CompileError
from harness.measurement import ENERGY_S
from harness.model import Phase, Test
from harness.search.node_by_node import plan_round
from harness.search.tree import count_tests
from harness.space.space import Space
from harness.space.tree import draw_tree
from harness.units import format_count, format_path, format_word

MAX_VALUES = 20
"""More values of a parameter than this are not all shown."""


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@size_option
@lane_options
@own_journal_option
@json_option
def check(config: Path, as_json: bool, **lanes: Any) -> None:
    """Read CONFIG and say what tuning it would do: tests, tree, lanes, first commands.

    The last lines say whether the last complete session is up to date, or what changed since.
    """
    setup = prepare(load_spec(config, **lanes))
    standing = look_up(setup.spec)
    if as_json:
        stale = None if standing is None else list(standing.changes)
        write_json({**plan_object(setup), "stale": stale})
    else:
        write_lines([*describe(setup), *describe_standing(standing)])


def _count_tests(setup: Setup, space: Space) -> int | None:
    """Tests of one search; a tree's count is an upper bound when there are constraints.

    None: the space is too large to count, and nothing else bounds the search.
    """
    tests = space.size
    if setup.strategy == "tree" and space.tree is not None:
        sizes = {p.name: len(p.values) for p in space.parameters}
        bound = count_tests(space.tree, sizes)
        tests = bound if tests is None else min(bound, tests)
    limit = setup.spec.search.max_tests
    return tests if limit is None or tests is None else min(tests, limit)


def _plan_round(setup: Setup) -> list[tuple[tuple[str, ...], int, int]]:
    """How a strategy inside the tree's nodes shares its first round; empty for others."""
    if not setup.strategy.startswith("tree/"):
        return []
    return plan_round(setup.space, setup.spec.search.max_tests)


def _first_commands(setup: Setup) -> dict[str, str]:
    """The first test's commands, on the first lane."""
    first: Configuration | None = next(iter(setup.space), None)
    if first is None:
        return {}
    test = Test(1, first, "", setup.lanes[0].name)
    if setup.kernel is not None:
        described = setup.kernel.describe(test, setup.lanes[0])
        if setup.spec.mock.emulate and setup.simulated:
            described["emulation"] = describe_size(setup.kernel, test, setup.lanes[0])
        return described
    return {
        phase.value: setup.commands.expand(phase, test, setup.lanes[0]).text
        for phase in Phase
        if phase in setup.commands
    }


def plan_object(setup: Setup) -> dict[str, Any]:
    """What tuning would do, for `--json`."""
    return {
        "name": setup.spec.name,
        "config": str(setup.spec.path),
        "combinations": setup.space.cartesian_size,
        "configurations": setup.space.size,
        "spaces": [
            {"lanes": part.lanes, "devices": part.models, "configurations": part.space.size}
            for part in setup.spaces
        ],
        "tests": add_counts(_count_tests(setup, space) for space in setup.searched),
        "first_round": [
            {"parameters": names, "combinations": size, "tests": tries}
            for names, size, tries in _plan_round(setup)
        ],
        "runs_per_test": setup.runs_per_test,
        "strategy": setup.strategy,
        "distribution": setup.distribution,
        "backend": setup.devices.backend,
        "simulated": setup.simulated,
        "lanes": [
            {
                "name": lane.name,
                "device": lane.device.name,
                "uuid": lane.device.uuid,
                "environment": dict(lane.environment),
            }
            for lane in setup.lanes
        ],
        "compiler": _find_compiler(setup)[0] or None,
        "first_test": _first_commands(setup),
        "journal": str(setup.spec.journal_path),
        "warnings": _list_warnings(setup),
    }


def describe(setup: Setup) -> list[str]:
    """The same for people."""
    spec, space = setup.spec, setup.space
    lines = [f"{spec.name} ({format_path(spec.path)})", ""]
    sizes = {parameter.name: len(parameter.values) for parameter in space.parameters}
    for parameter in space.parameters:
        lines.append(f"  {parameter.name} = {_list_values(parameter.values)}")
    lines += [
        f"  {name} = {format_word(show_value(value))} (problem)"
        for name, value in spec.problem.items()
    ]
    lines += [f"  constraint: {text}" for text in spec.space.constraints]
    if space.tree is not None and space.tree.children:
        lines += ["", *("  " + line for line in draw_tree(space.tree, sizes).splitlines())]
    if rounds := _plan_round(setup):
        planned = [f"{tries} of {size} for {', '.join(names)}" for names, size, tries in rounds]
        lines += ["", f"first round, node by node: {'; '.join(planned)}"]
    lines += ["", *_tests_lines(setup), f"goal: {_goal_line(setup)}"]
    lines.append(f"lanes: {len(setup.lanes)} on {setup.devices.backend}, {setup.distribution}")
    for lane in setup.lanes:
        device = f"{lane.device.name} {lane.device.uuid}".strip() or "no device"
        simulated = " (simulated)" if lane.device.simulated else ""
        lines.append(f"  {lane.name}: {device}{simulated}")
    if compiler := _find_compiler(setup)[0]:
        lines.append(f"compiler: {compiler}")
    lines += ["", f"first test, in {setup.commands.directory}:"]
    lines += [f"  {phase}: {command}" for phase, command in _first_commands(setup).items()]
    lines += [f"journal: {format_path(spec.journal_path)}"]
    lines += [f"warning: {text}" for text in _list_warnings(setup)]
    return lines


def _find_compiler(setup: Setup) -> tuple[str, str]:
    """What compiles kernels, or why nothing does; both are empty where commands do."""
    if setup.kernel is None:
        return "", ""
    try:
        found = identify_toolchain(setup.spec, virtual=setup.virtual)
        return name_compilers(found), ""
    except CompileError as error:
        return "", str(error)


def _list_warnings(setup: Setup) -> list[str]:
    missing = [problem for problem in _find_compiler(setup)[1:] if problem]
    return [*missing, *setup_warnings(setup), *setup.devices.describe_holders()]


def _list_values(values: Sequence[Value]) -> str:
    """All of them; of very many the first and the last, and how many."""
    shown = [format_word(show_value(value)) for value in values]
    if len(shown) > MAX_VALUES:
        half = MAX_VALUES // 2
        shown[half:-half] = [f"… {len(shown) - 2 * half} more …"]
    return " ".join(shown)


def _tests_lines(setup: Setup) -> list[str]:
    """What is tested, for each space that is searched."""
    runs = f"{format_count(setup.spec.scoring.repeat, 'run')} each"
    if setup.kernel is not None:
        runs = f"samples by rule {KernelMeasures(setup.kernel).rule}"
    if len(setup.spaces) == 1:
        text = _tests_text(setup, setup.space)
        if len(setup.searched) > 1:
            text += f", on each of {len(setup.lanes)} lanes"
        return [f"tests: {text}, {runs}"]
    return [
        f"tests on each lane of {', '.join(part.models)} ({', '.join(part.lanes)}): "
        f"{_tests_text(setup, part.space)}, {runs}"
        for part in setup.spaces
    ]


def _tests_text(setup: Setup, space: Space) -> str:
    tests, size = _count_tests(setup, space), space.size
    text = f"{'?' if tests is None else tests} by strategy {setup.strategy}"
    if size is None:
        return f"{text} ({space.cartesian_size} combinations, too many to count the valid ones)"
    if tests is not None and tests < size:
        text += f" instead of {size}"
    if size < space.cartesian_size:
        text += f" ({space.cartesian_size} combinations, {size} valid)"
    return text


def _goal_line(setup: Setup) -> str:
    kinds = {"time": "time of a run", "energy": "energy of a run"}
    what, over = kinds.get(setup.measured, "number the test prints"), "a test's runs"
    if setup.kernel is not None:
        what = setup.spec.scoring.metric or what.replace("a run", "a launch")
        over = "the times of a test's samples"
    unit = f" in {setup.unit}" if setup.measured != "time" and setup.unit else ""
    least = name_best(setup.goal)
    if setup.kernel is not None and setup.measured == "energy":
        return f"{least} {what}{unit}, by the device's counter over {ENERGY_S:g} s"
    how = "from the " if setup.spec.scoring.metric else ""
    return f"{least} {what}{unit}, {how}{setup.spec.scoring.aggregate} of {over}"
