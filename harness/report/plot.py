"""Series as a picture for a paper, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.report.picture import make_picture, plain, save_picture, scale_scores, score_label
from harness.report.series import Series
from harness.units import distinct

_WIDTH = 6.4
"""Inches: a column and a half of a page."""
_MOST_TICK = 16
"""Characters of a value below an axis."""
_MOST_TICKS = 24
"""Characters of all values below an axis that stand beside each other; more are turned."""


def save_plot(path: Path, title: str, series: Sequence[Series], form: str) -> None:
    """Draw `series`, all of one kind, to the file `path`.

    Args:
        form: `png`, `svg` or `pdf`.

    Raises:
        ConfigError: matplotlib is not installed.
        StoreError: the file cannot be written.
    """
    draw = {
        "best": _draw_best,
        "scores": _draw_scores,
        "importance": _draw_importance,
        "parameters": _draw_parameters,
    }[series[0].kind]
    made = make_picture(_WIDTH, 4.0)
    draw(made, series)
    made.suptitle(plain(title))
    save_picture(path, made, form)


def _finish(axes: Any, series: Sequence[Series], low: float, high: float) -> None:
    """Reference line, scale and legend of a plot of scores over tests."""
    reference = series[0].reference
    if reference is not None:
        axes.axhline(reference, color="0.3", linestyle="--", label="reference")
        low, high = min(low, reference), max(high, reference)
    if low > 0 and high > 10 * low:
        axes.set_yscale("log")
    axes.set_xlabel("test")
    axes.set_ylabel(score_label(series[0].unit, series[0].simulated))
    scale_scores(axes.yaxis, series[0].unit)
    axes.grid(visible=True, alpha=0.3)
    if len(series) > 1 or reference is not None:
        _add_legend(axes.figure, axes)


def _draw_best(figure: Any, series: Sequence[Series]) -> None:
    axes = figure.subplots()
    for each in series:
        axes.step(each.numbers("test"), each.numbers("best"), where="post", label=plain(each.label))
    drawn = [score for each in series for score in each.numbers("best")]
    _finish(axes, series, min(drawn), max(drawn))


def _draw_scores(figure: Any, series: Sequence[Series]) -> None:
    axes = figure.subplots()
    for each in series:
        axes.errorbar(
            each.numbers("test"),
            each.numbers("score"),
            yerr=each.numbers("deviation"),
            fmt=".",
            markersize=4,
            elinewidth=0.8,
            label=plain(each.label),
        )
    drawn = [score for each in series for score in each.numbers("score")]
    _finish(axes, series, min(drawn), max(drawn))


def _draw_importance(figure: Any, series: Sequence[Series]) -> None:
    names = [str(name) for name in series[0].column("parameter")]
    figure.set_figheight(1.4 + 0.25 * len(names) * (1 + 0.5 * (len(series) - 1)))
    axes = figure.subplots()
    height = 0.8 / len(series)
    for place, each in enumerate(series):
        shares = dict(
            zip(map(str, each.column("parameter")), each.numbers("importance"), strict=True)
        )
        axes.barh(
            [row + place * height for row in range(len(names))],
            [shares[name] for name in names],
            height,
            label=plain(each.label),
        )
    middle = (len(series) - 1) * height / 2
    axes.set_yticks([row + middle for row in range(len(names))], [plain(name) for name in names])
    axes.invert_yaxis()
    axes.set_xlabel("variance explained (%" + (", simulated)" if series[0].simulated else ")"))
    if len(series) > 1:
        _add_legend(figure, axes)


def _draw_parameters(figure: Any, series: Sequence[Series]) -> None:
    names = list(dict.fromkeys(str(name) for name in series[0].column("parameter")))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure.set_figheight(0.6 + 2.4 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    places = [axes for line in grid for axes in line]
    for name, axes in zip(names, places, strict=False):
        _draw_parameter(axes, name, series)
    for axes in places[len(names) :]:
        axes.set_visible(False)
    label = score_label(series[0].unit, series[0].simulated)
    figure.supylabel(label, fontsize="medium")
    _add_legend(figure, places[0])


def _draw_parameter(axes: Any, name: str, series: Sequence[Series]) -> None:
    """Median and best score by the values of one parameter, of all series."""
    values = list(dict.fromkeys(row[1] for each in series for row in each.rows if row[0] == name))
    for number, each in enumerate(series):
        kept = [row for row in each.rows if row[0] == name]
        for what, style in ((2, "o-"), (3, "o:")):
            axes.plot(
                [values.index(row[1]) for row in kept],
                [row[what] for row in kept],
                style,
                color=f"C{number}",
                markersize=4,
                label=plain(f"{each.label}, {each.columns[what]}"),
            )
    ticks = [plain(text) for text in distinct(map(str, values), _MOST_TICK)]
    is_wide = sum(map(len, ticks)) > _MOST_TICKS
    axes.set_xticks(range(len(ticks)), ticks, rotation=90 if is_wide else 0)
    axes.set_title(plain(name), fontsize="medium")
    axes.grid(visible=True, alpha=0.3)
    scale_scores(axes.yaxis, series[0].unit)


def _add_legend(figure: Any, axes: Any) -> None:
    """Below the plot, where it hides no point."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize="small")
