"""`harness check`: what tuning a config would do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from harness.app.session import comparability_warnings
from harness.app.setup import Setup, prepare
from harness.cli.options import json_option, lane_options, load_spec
from harness.model import Configuration, Phase, Test
from harness.search.tree import count_tests
from harness.space.tree import draw_tree
from harness.units import format_path


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@lane_options
@json_option
def check(config: Path, as_json: bool, **lanes: Any) -> None:
    """Read CONFIG and say what tuning it would do: tests, tree, lanes, first commands."""
    setup = prepare(load_spec(config, **lanes))
    if as_json:
        click.echo(json.dumps(_to_object(setup), indent=2))
    else:
        click.echo(describe(setup))


def _count_tests(setup: Setup) -> int:
    """Tests of one search; a tree's count is an upper bound when there are constraints."""
    if setup.strategy == "tree" and setup.space.tree is not None:
        sizes = {p.name: len(p.values) for p in setup.space.parameters}
        tests = min(count_tests(setup.space.tree, sizes), len(setup.space))
    else:
        tests = len(setup.space)
    return min(tests, setup.spec.search.max_tests or tests)


def _first_commands(setup: Setup) -> dict[str, str]:
    """The first test's commands, on the first lane."""
    first: Configuration | None = next(iter(setup.space), None)
    if first is None:
        return {}
    test = Test(1, first, "", setup.lanes[0].name)
    return {
        phase.value: setup.commands.expand(phase, test, setup.lanes[0]).text
        for phase in Phase
        if phase in setup.commands
    }


def _to_object(setup: Setup) -> dict[str, Any]:
    return {
        "name": setup.spec.name,
        "config": str(setup.spec.path),
        "combinations": setup.space.cartesian_size,
        "configurations": len(setup.space),
        "tests": _count_tests(setup) * _searches(setup),
        "runs_per_test": setup.spec.scoring.repeat,
        "strategy": setup.strategy,
        "distribution": setup.spec.distribution,
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
        "first_test": _first_commands(setup),
        "journal": str(setup.spec.journal_path),
        "warnings": comparability_warnings(setup),
    }


def _searches(setup: Setup) -> int:
    return len(setup.lanes) if setup.spec.distribution == "replicate" else 1


def describe(setup: Setup) -> str:
    """The same for people."""
    spec, space = setup.spec, setup.space
    tests = _count_tests(setup)
    lines = [f"{spec.name} ({format_path(spec.path)})", ""]
    sizes = {parameter.name: len(parameter.values) for parameter in space.parameters}
    for parameter in space.parameters:
        values = " ".join(str(value) for value in parameter.values)
        lines.append(f"  {parameter.name} = {values}")
    lines += [f"  constraint: {text}" for text in spec.space.constraints]
    if space.tree is not None and space.tree.children:
        lines += ["", *("  " + line for line in draw_tree(space.tree, sizes).splitlines())]
    lines += ["", f"tests: {_tests_line(setup, tests)}", f"goal: {_goal_line(setup)}"]
    lines.append(f"lanes: {len(setup.lanes)} on {setup.devices.backend}, {spec.distribution}")
    for lane in setup.lanes:
        device = f"{lane.device.name} {lane.device.uuid}".strip() or "no device"
        simulated = " (simulated)" if lane.device.simulated else ""
        lines.append(f"  {lane.name}: {device}{simulated}")
    lines += ["", f"first test, in {setup.commands.directory}:"]
    lines += [f"  {phase}: {command}" for phase, command in _first_commands(setup).items()]
    lines += [f"journal: {format_path(spec.journal_path)}"]
    lines += [f"warning: {text}" for text in comparability_warnings(setup)]
    return "\n".join(lines)


def _tests_line(setup: Setup, tests: int) -> str:
    space = setup.space
    text = f"{tests} by strategy {setup.strategy}"
    if tests < len(space):
        text += f" instead of {len(space)}"
    if len(space) < space.cartesian_size:
        text += f" ({space.cartesian_size} combinations, {len(space)} valid)"
    if _searches(setup) > 1:
        text += f", on each of {len(setup.lanes)} lanes"
    return f"{text}, {setup.spec.scoring.repeat} run(s) each"


def _goal_line(setup: Setup) -> str:
    what = "time of a run" if setup.measured == "time" else "number the test prints"
    unit = f" in {setup.unit}" if setup.measured == "figure" and setup.unit else ""
    least = "least" if setup.goal == "min" else "greatest"
    return f"{least} {what}{unit}, {setup.spec.scoring.aggregate} of a test's runs"
