"""`harness simulate`: strategies compared on recorded measurements."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.app.simulate import Plan, Simulation, run_plan
from harness.cli.numbers import WholeNumber, WholeNumbers
from harness.cli.options import check_target, json_option
from harness.config.targets import find_picture
from harness.export.base import write_whole
from harness.replay.standing import to_object
from harness.report.picture import load_pictures
from harness.report.standings import format_standings, plot_curves

_MOST = 1_000_000
"""Tests of a search, and lanes; far more than any recording has."""


@click.command()
@click.argument("recordings", nargs=-1, required=True)
@click.option(
    "--strategies", required=True, help="Names, separated by commas; or module:Class of your own."
)
@click.option(
    "--budgets",
    default="25,50,100,200",
    show_default=True,
    type=WholeNumbers(1, _MOST),
    help="Tests of a search; every strategy knows its budget.",
)
@click.option(
    "--seeds",
    type=WholeNumber(1, _MOST),
    default=20,
    show_default=True,
    help="Searches of each kind, from different seeds.",
)
@click.option(
    "--lanes",
    default="1",
    show_default=True,
    type=WholeNumbers(1, _MOST),
    help="Tests at once.",
)
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
@click.option(
    "--prior-tests",
    type=WholeNumber(1, _MOST),
    default=200,
    show_default=True,
    help="Tests of the search on --prior.",
)
@click.option("--jobs", type=WholeNumber(1), help="Processes; default: one per core.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="JSON: scores and curves.")
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Picture of the curves: .png, .svg or .pdf."
)
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

    A recording is T4, a Kernel Tuner cache, a log in CSV, what `harness export --format json`
    wrote, or a journal (`journal.sqlite:SESSION`). S is 1 for the optimum, 0 for random search;
    docs/replay.md defines it.
    """
    for target in (output, plot):
        check_target(target, inputs=[*recordings, *map(str, definitions), *prior])
    # What cannot be drawn is told before the searches, which may take hours.
    form = "" if plot is None else find_picture(plot)
    if plot is not None:
        load_pictures()
    plan = Plan(
        recordings=recordings,
        strategies=tuple(dict.fromkeys(name.strip() for name in strategies.split(","))),
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
        plot_curves(result, plot, form)
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
