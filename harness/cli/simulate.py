"""`harness simulate`: strategies compared on recorded measurements."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.app.simulate import Plan, Simulation, run_plan
from harness.cli.numbers import WholeNumber
from harness.cli.options import check_target, json_option
from harness.export.base import write_whole
from harness.replay.standing import to_object
from harness.report.standings import format_standings, plot_curves


def _numbers(_context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """Comma-separated numbers from 1, each once, in ascending order."""
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError:
        numbers = []
    if not numbers or numbers[0] < 1:
        name = parameter.name or ""
        raise click.BadParameter(f"{text!r}: give numbers from 1, such as 25,50", param_hint=name)
    return tuple(numbers)


@click.command()
@click.argument("recordings", nargs=-1, required=True)
@click.option(
    "--strategies", required=True, help="Names, separated by commas; or module:Class of your own."
)
@click.option(
    "--budgets",
    default="25,50,100,200",
    show_default=True,
    callback=_numbers,
    help="Tests of a search; every strategy knows its budget.",
)
@click.option("--seeds", type=WholeNumber(1), default=20, show_default=True)
@click.option("--lanes", default="1", show_default=True, callback=_numbers, help="Tests at once.")
@click.option(
    "--definition",
    "definitions",
    multiple=True,
    type=click.Path(path_type=Path),
    help="T1 file of each recording, in order; without: what is recorded is the space.",
)
@click.option(
    "--prior", multiple=True, help="Recording of each to warm-start from: another device's."
)
@click.option("--prior-tests", type=WholeNumber(1), default=200, show_default=True)
@click.option("--jobs", type=WholeNumber(1), help="Processes; default: one per core.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="JSON: scores and curves.")
@click.option("--plot", type=click.Path(path_type=Path), help="Picture of the curves.")
@json_option
def simulate(
    *,
    recordings: tuple[str, ...],
    strategies: str,
    definitions: tuple[Path, ...],
    prior: tuple[str, ...],
    jobs: int | None,
    output: Path | None,
    plot: Path | None,
    as_json: bool,
    **numbers: Any,
) -> None:
    """Compare strategies on RECORDINGS of tuned spaces: nothing is compiled or run.

    A recording is a T4 file, a Kernel Tuner cache, or a journal (`journal.sqlite:SESSION`). S is 1
    for the optimum, 0 for random search; docs/replay.md defines it.
    """
    for target in (output, plot):
        check_target(target, inputs=[*recordings, *map(str, definitions), *prior])
    plan = Plan(
        recordings=recordings,
        strategies=tuple(dict.fromkeys(strategies.split(","))),
        definitions=definitions,
        prior=prior,
        **numbers,
    )
    cores = len(os.sched_getaffinity(0))
    result = _to_object(run_plan(plan, jobs=jobs or cores, on_progress=_make_progress()))
    if output is not None:
        write_whole(output, json.dumps(result) + "\n")
        click.echo(f"wrote {output}", err=True)
    if plot is not None:
        plot_curves(result, plot)
        click.echo(f"wrote {plot}", err=True)
    if as_json:
        shown = {key: value for key, value in result.items() if key != "curves"}
        click.echo(json.dumps(shown, indent=2))
    else:
        click.echo("simulated: these scores come from recorded measurements")
        click.echo("\n".join(format_standings(result["standings"])))


def _make_progress() -> Callable[[int, int], None]:
    """Says every tenth how far it is."""
    said = 0

    def show(done: int, total: int) -> None:
        nonlocal said
        tenth = 10 * done // total
        if tenth > said:
            said = tenth
            click.echo(f"{10 * tenth} % of {total} parts", err=True)

    return show


def _to_object(simulation: Simulation) -> dict[str, Any]:
    """Everything, as JSON: losses are scores, negated where the greatest is best."""
    plan = simulation.plan
    return {
        "simulated": True,
        "recordings": list(plan.recordings),
        "prior": list(plan.prior),
        "budgets": list(plan.budgets),
        "seeds": plan.seeds,
        "lanes": list(plan.lanes),
        "standings": [to_object(standing) for standing in simulation.standings],
        "fields": {
            field.name: {
                "configurations": len(field.losses),
                "optimum": field.optimum,
                "test_s": field.test_s,
            }
            for field in simulation.fields
        },
        "cases": [
            {
                "strategy": score.case.strategy,
                "field": score.case.field,
                "lanes": score.case.lanes,
                "tests": score.case.tests,
                "score": score.by_tests,
                "score_by_time": score.by_time,
                "best": _finite(score.best),
                "ratio": _finite(score.ratio),
            }
            for score in simulation.scores
        ],
        "curves": [
            {
                "strategy": curve.case.strategy,
                "field": curve.case.field,
                "lanes": curve.case.lanes,
                "tests": curve.tests,
                "by_tests": _list(curve.by_tests),
                "low": _list(curve.low),
                "high": _list(curve.high),
                "times_s": curve.times_s,
                "by_time": _list(curve.by_time),
            }
            for curve in simulation.curves
        ],
    }


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def _list(values: tuple[float, ...]) -> list[float | None]:
    return [_finite(value) for value in values]
