"""The benchmark of strategies for people: a table, and curves in a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.report.picture import make_picture, plain, save_picture
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


def plot_curves(result: Mapping[str, Any], path: Path, form: str) -> None:
    """Draw the median of the best so far, over tests and over simulated time.

    One row per recorded space; the vertical axis is the excess over the optimum in per cent, and
    over tests the band holds the middle half of the seeds.

    Args:
        result: as `harness simulate -o` writes it.
        form: `png`, `svg` or `pdf`.

    Raises:
        ConfigError: matplotlib is not installed.
        StoreError: the file cannot be written.
    """
    fields = result["fields"]
    figure = make_picture(11, 3.2 * len(fields))
    axes = figure.subplots(len(fields), 2, squeeze=False)
    for row, (name, field) in zip(axes, fields.items(), strict=True):
        for curve in result["curves"]:
            if curve["field"] == name:
                _draw_curve(row, curve, field["optimum"])
        for axis, what in zip(row, ("tests", "simulated seconds"), strict=True):
            title = plain(f"{name} (simulated)")
            axis.set(title=title, xlabel=what, ylabel="above the optimum, %")
            axis.set_yscale("symlog", linthresh=1)
            axis.set_ylim(bottom=0)
            axis.grid(visible=True, alpha=0.3)
    axes[0][0].legend(fontsize="small")
    save_picture(path, figure, form)


def _draw_curve(row: Any, curve: Mapping[str, Any], optimum: float) -> None:
    """One strategy, over tests with its band, and over time."""
    label = plain(f"{curve['strategy']}, {format_count(curve['lanes'], 'lane')}")
    over_tests, over_time = row
    low, high = ([_excess(loss, optimum) for loss in curve[end]] for end in ("low", "high"))
    over_tests.fill_between(curve["tests"], low, high, alpha=0.15)
    for axis, x, y in (
        (over_tests, curve["tests"], curve["by_tests"]),
        (over_time, curve["times_s"], curve["by_time"]),
    ):
        axis.plot(x, [_excess(loss, optimum) for loss in y], label=label)


def _excess(loss: float | None, optimum: float) -> float:
    """Per cent above the optimum; nan where nothing was found yet."""
    if loss is None or not optimum:
        return math.nan
    ratio = loss / optimum if optimum > 0 else (optimum / loss if loss < 0 else math.nan)
    return 100 * (ratio - 1)
