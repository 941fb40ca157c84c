"""The benchmark of strategies for people: a table, and curves in a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.extras import load_extra
from harness.units import format_count


def format_standings(standings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a table, one strategy and number of lanes each.

    Args:
        standings: as `harness simulate` writes them as JSON.
    """
    if not standings:
        return []
    budgets = list(standings[0]["by_budget"])
    middle = _middle(budgets)
    ends = ("S TIME", f"BEST/OPT@{middle}", "SPEED-UP", "MS/TEST")
    lines = [("STRATEGY", "LANES", "S", "+-", *(f"S@{b}" for b in budgets), *ends)]
    for row in standings:
        lines.append(
            (
                row["strategy"],
                str(row["lanes"]),
                f"{row['score']:.3f}",
                f"{row['error']:.3f}",
                *(f"{row['by_budget'][b]:.2f}" for b in budgets),
                f"{row['score_by_time']:.3f}",
                _number(row["ratio"][middle], ".3f"),
                _number(row["speedup"], ".1f"),
                f"{row['thinking_ms']:.3g}",
            )
        )
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return [
        "  ".join(
            text.ljust(width) if at == 0 else text.rjust(width)
            for at, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _middle(budgets: Sequence[str]) -> str:
    """The budget that ratios are shown of: 100, or else the greatest."""
    return "100" if "100" in budgets else budgets[-1]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def plot_curves(result: Mapping[str, Any], path: Path) -> None:
    """Write a picture: the best so far of each strategy, over tests and over simulated time.

    One row per recorded space; the vertical axis is the excess over the optimum in per cent, and
    over tests the band holds the middle half of the seeds.

    Args:
        result: as `harness simulate -o` writes it.
        path: its suffix says the format: `.png`, `.svg`, `.pdf`.

    Raises:
        ConfigError: matplotlib is missing, or cannot write such a file.
    """
    fields = result["fields"]
    figure = load_extra("matplotlib.figure", "plot", "a plot").Figure(
        figsize=(11, 3.2 * len(fields)), layout="constrained"
    )
    axes = figure.subplots(len(fields), 2, squeeze=False)
    for row, (name, field) in zip(axes, fields.items(), strict=True):
        curves = [curve for curve in result["curves"] if curve["field"] == name]
        for curve in curves:
            label = f"{curve['strategy']}, {format_count(curve['lanes'], 'lane')}"
            row[0].fill_between(
                curve["tests"],
                [_excess(loss, field["optimum"]) for loss in curve["low"]],
                [_excess(loss, field["optimum"]) for loss in curve["high"]],
                alpha=0.15,
            )
            for axis, x, y in (
                (row[0], curve["tests"], curve["by_tests"]),
                (row[1], curve["times_s"], curve["by_time"]),
            ):
                axis.plot(x, [_excess(loss, field["optimum"]) for loss in y], label=label)
        for axis, what in zip(row, ("tests", "simulated seconds"), strict=True):
            axis.set(title=f"{name} (simulated)", xlabel=what, ylabel="above the optimum, %")
            axis.set_yscale("symlog", linthresh=1)
            axis.set_ylim(bottom=0)
            axis.grid(visible=True, alpha=0.3)
    axes[0][0].legend(fontsize="small")
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}; name a .png, .svg or .pdf file") from error


def _excess(loss: float | None, optimum: float) -> float:
    """Per cent above the optimum; nan where nothing was found yet."""
    if loss is None or not optimum:
        return math.nan
    ratio = loss / optimum if optimum > 0 else (optimum / loss if loss < 0 else math.nan)
    return 100 * (ratio - 1)
