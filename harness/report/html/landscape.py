"""What parameters do: importance, effects of values, pairs of them, all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.configuration import Value, show_value
from harness.effects import Importance, Measured, value_effects
from harness.report.groups import Group
from harness.report.html.axes import colour, figure, label, label_all, short, shorts

_MOST_LINES = 3000
_MOST_CELLS = 150
_SCALE: tuple[tuple[float, str], ...] = ((0, "@best"), (0.35, "@middle"), (1, "@weak"))
_TICKS = 5
_SPREAD = 0.15
_GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, without their whole part, are spread evenly however many there are."""


def draw_importance(groups: Sequence[Group], found: Sequence[Importance]) -> Mapping[str, Any]:
    """The share of the scores' variance that each parameter explains alone, and what pairs add."""
    names = found[0].ranked()
    labels = label_all(names)
    traces = []
    for place, (group, importance) in enumerate(zip(groups, found, strict=True)):
        together = sum(importance.pairs.values())
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": label(group.label),
                "y": [*labels, "pairs together"],
                "x": shorts([*(100 * importance.single[name] for name in names), 100 * together]),
                "hovertemplate": "%{y}: %{x:.1f} %<extra></extra>",
                "marker": {"color": colour(place)},
            }
        )
    return figure(
        traces,
        xaxis={"title": {"text": "variance explained (%)"}, "rangemode": "tozero"},
        yaxis={"type": "category", "autorange": "reversed"},
        barmode="group",
        height=120 + (18 + 10 * len(groups)) * (len(names) + 1),
        showlegend=len(groups) > 1,
    )


def _make_ticks(measured: Sequence[Measured], name: str) -> dict[tuple[type, Value], str]:
    """The values of a parameter that occur in any of the tables, each with its label."""
    values = {
        (type(value), value): show_value(value)
        for table in measured
        for value in table.values[table.names.index(name)]
    }
    return dict(zip(values, label_all(values.values()), strict=True))


def draw_effect(
    groups: Sequence[Group], measured: Sequence[Measured], name: str
) -> Mapping[str, Any]:
    """Median and best slowdown of the tests with each value of the parameter `name`."""
    traces = []
    alone = len(groups) == 1
    ticks = _make_ticks(measured, name)
    for place, (group, table) in enumerate(zip(groups, measured, strict=True)):
        effects = value_effects(table, name, least_is_best=group.info.goal == "min")
        x = [ticks[type(effect.value), effect.value] for effect in effects]
        for what, dash in (("median", "solid"), ("best", "dot")):
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": what if alone else f"{label(group.label)}, {what}",
                    "x": x,
                    "y": shorts(group.slowdown(getattr(effect, what)) for effect in effects),
                    "customdata": [effect.count for effect in effects],
                    "hovertemplate": f"%{{x}}: {what} %{{y:.3f}} x the best"
                    " (%{customdata} tests)<extra></extra>",
                    "line": {"color": colour(place), "dash": dash},
                    "marker": {"color": colour(place), "size": 7},
                    "showlegend": alone,
                }
            )
    return figure(
        traces,
        xaxis={
            "title": {"text": label(name, 40)},
            "type": "category",
            "categoryorder": "array",
            "categoryarray": list(ticks.values()),
        },
        yaxis={"title": {"text": "slowdown (x the best)"}},
        height=300,
        showlegend=alone,
    )


def draw_pair(
    groups: Sequence[Group], measured: Sequence[Measured], first: str, second: str
) -> Mapping[str, Any]:
    """The least slowdown of the tests with each pair of values, the other parameters free."""
    found: dict[tuple[str, str], list[float]] = {}
    ticks = [_make_ticks(measured, name) for name in (first, second)]
    for group, table in zip(groups, measured, strict=True):
        columns = [table.names.index(name) for name in (first, second)]
        texts = [
            [known[type(value), value] for value in table.values[column]]
            for column, known in zip(columns, ticks, strict=True)
        ]
        for codes, score in zip(table.codes[:, columns], table.scores, strict=True):
            slowdown = group.slowdown(float(score))
            if slowdown is not None:
                pair = (texts[0][codes[0]], texts[1][codes[1]])
                found.setdefault(pair, []).append(slowdown)
    rows, columns_ = (list(known.values()) for known in ticks)
    cells = [[found.get((row, column), []) for column in columns_] for row in rows]
    best = [[short(min(cell)) if cell else None for cell in line] for line in cells]
    few = len(rows) * len(columns_) <= _MOST_CELLS
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": columns_,
        "y": rows,
        "z": best,
        "customdata": [
            [[short(float(np.median(cell))) if cell else None, len(cell)] for cell in line]
            for line in cells
        ],
        "hovertemplate": f"{label(first, 40)} = %{{y}}, {label(second, 40)} = %{{x}}<br>"
        "best %{z:.3f} x, median %{customdata[0]:.3f} x of %{customdata[1]} tests<extra></extra>",
        "colorscale": [list(stop) for stop in _SCALE],
        "xgap": 1,
        "ygap": 1,
        "colorbar": {"title": {"text": "x best"}, "thickness": 12},
        **({"texttemplate": "%{z:.2f}"} if few and len(columns_) <= 8 else {}),
    }
    return figure(
        [trace],
        xaxis={"title": {"text": label(second, 40)}, "type": "category"},
        yaxis={"title": {"text": label(first, 40)}, "type": "category"},
        height=340,
    )


def draw_parallel(
    groups: Sequence[Group], measured: Sequence[Measured], names: Sequence[str]
) -> tuple[Mapping[str, Any], int, int]:
    """Each test as a line through its values; how many are drawn, and of how many.

    Where there are too many to be told apart, all of the best are drawn, and an even choice of the
    others. Lines are spread a little about their values, so that many do not look like one.

    Args:
        names: the parameters in the order of their axes.
    """
    lines = [
        (slowdown, place, table, row)
        for place, (group, table) in enumerate(zip(groups, measured, strict=True))
        for row, score in enumerate(table.scores)
        if (slowdown := group.slowdown(float(score))) is not None
    ]
    lines.sort(key=lambda line: -line[0])
    kept = _thin(lines)
    spread = [_SPREAD * (2 * (k * _GOLDEN % 1) - 1) for k in range(len(kept))]
    dimensions: list[dict[str, Any]] = []
    if len(groups) > 1:
        searched = [label(group.label, 18) for group in groups]
        dimensions.append(_axis("searched by", searched, [line[1] for line in kept], spread))
    for name, title in zip(names, label_all(names, 20), strict=True):
        ticks = _make_ticks(measured, name)
        places = {key: place for place, key in enumerate(ticks)}
        values = [
            places[type(value), value]
            for _, _, table, row in kept
            for column in [table.names.index(name)]
            for value in [table.values[column][table.codes[row, column]]]
        ]
        dimensions.append(_axis(title, list(ticks.values()), values, spread))
    slowdowns = [line[0] for line in kept]
    dimensions.append(
        {
            "label": "slowdown",
            "values": shorts(slowdowns),
            "range": [1.0, short(max([*slowdowns, 1.0001]))],
        }
    )
    trace = {"type": "parcoords", "dimensions": dimensions, "line": _colour_lines(slowdowns)}
    left = 130 if len(groups) > 1 else 60
    made = figure([trace], height=420, margin={"l": left, "r": 20, "t": 70, "b": 30})
    return made, len(kept), len(lines)


def _colour_lines(slowdowns: Sequence[float]) -> dict[str, Any]:
    """By speed: lines of a greater number are drawn above the others, so the best are."""
    speeds = [1 / slowdown for slowdown in slowdowns]
    least = float(np.quantile(speeds, 0.1)) if speeds else 0.0
    ticks = np.linspace(least, 1.0, _TICKS) if 0 < least < 1 else np.ones(1)
    return {
        "color": shorts(speeds),
        "colorscale": [[1 - part, tone] for part, tone in reversed(_SCALE)],
        "cmin": short(least),
        "cmax": 1,
        "showscale": True,
        # The bar has the numbers of the axis beside it, though colours follow speeds.
        "colorbar": {
            "title": {"text": "x best"},
            "thickness": 12,
            "tickvals": shorts(float(tick) for tick in ticks),
            "ticktext": [f"{1 / tick:.2f}" for tick in ticks],
        },
    }


def _axis(
    title: str, ticks: Sequence[str], values: Sequence[int], spread: Sequence[float]
) -> dict[str, Any]:
    return {
        "label": title,
        "values": [round(value + move, 3) for value, move in zip(values, spread, strict=True)],
        "tickvals": list(range(len(ticks))),
        "ticktext": list(ticks),
        "range": [-2 * _SPREAD, len(ticks) - 1 + 2 * _SPREAD],
    }


def _thin(lines: list[Any]) -> list[Any]:
    """At most `_MOST_LINES` of the sorted lines: the last, and an even choice of the others."""
    if len(lines) <= _MOST_LINES:
        return lines
    best = _MOST_LINES // 3
    others = lines[:-best]
    step = len(others) / (_MOST_LINES - best)
    return [others[int(k * step)] for k in range(_MOST_LINES - best)] + lines[-best:]
