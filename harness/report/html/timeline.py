"""Draws what lanes and the compile pool did over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.report.html.axes import figure, label, label_all, short, shorts
from harness.report.html.use import LaneUse, Use

_HEIGHT = 0.8
"""Of a lane's band; the rest keeps neighbours apart."""

_KINDS = (
    ("runs", "in runs", "@0"),
    ("compiles", "compiling itself", "@3"),
    ("waits", "waiting for compiles", "@4"),
)


def draw_timeline(use: Use) -> Mapping[str, Any]:
    """A band for each lane, whose parts are what it did in each slice; below, the compile pool."""
    names = list(use.lanes)[::-1]
    rows = [use.lanes[name] for name in names]
    low = 1 if use.pool.any() else 0  # the pool's place
    traces = [
        _draw_kind(place, rows, low, use) for place in range(len(_KINDS)) if _any(place, rows)
    ]
    ticks = [low + place + _HEIGHT / 2 for place in range(len(names))]
    shares = [f"{100 * use.busy(name):.0f} %" for name in names]
    labels = [f"{name}: {share}" for name, share in zip(label_all(names), shares, strict=True)]
    if low:
        traces.append(_draw_pool(use))
        ticks, labels = [_HEIGHT / 2, *ticks], ["compile pool", *labels]
    height = 150 + 44 * len(ticks)
    return figure(
        traces,
        xaxis={
            "title": {"text": "seconds since the session began"},
            "range": [0, short(use.span_s)],
        },
        yaxis={
            "tickvals": ticks,
            "ticktext": labels,
            "range": [-0.1, len(ticks)],
            "showgrid": False,
            "zeroline": False,
        },
        barmode="overlay",
        bargap=0,
        height=height,
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )


def _any(place: int, rows: list[LaneUse]) -> bool:
    kind = _KINDS[place][0]
    return any(getattr(row, kind).any() for row in rows)


def _draw_kind(place: int, rows: list[LaneUse], low: int, use: Use) -> dict[str, Any]:
    """One thing that lanes do, in the band of each, on top of the things before it."""
    kind, name, tone = _KINDS[place]
    bases: list[float] = []
    shares: list[float] = []
    for row, lane in enumerate(rows):
        below = sum((getattr(lane, before) for before, _, _ in _KINDS[:place]), 0 * lane.runs)
        bases += list(low + row + _HEIGHT * below / use.slice_s)
        shares += list(getattr(lane, kind) / use.slice_s)
    middles = _middles(use)
    return _bars((name, tone), middles * len(rows), bases, shares, use)


def _draw_pool(use: Use) -> dict[str, Any]:
    """How many compiles went on; the band's height is the most of any slice."""
    most = float(use.pool.max())
    shares = [float(share) for share in use.pool / most]
    made = _bars(("compiles at once", "@7"), _middles(use), [0.0] * len(shares), shares, use)
    made["customdata"] = shorts(map(float, use.pool))
    made["hovertemplate"] = "%{x:.3~s} s: %{customdata:.3~g} compiles at once<extra></extra>"
    return made


def _middles(use: Use) -> list[float]:
    count = len(use.pool)
    return [(place + 0.5) * use.slice_s for place in range(count)]


def _bars(
    look: tuple[str, str], x: list[float], bases: list[float], shares: list[float], use: Use
) -> dict[str, Any]:
    """Bars of one kind, of a name and a colour; slices without any are left out."""
    name, tone = look
    shown = [place for place, share in enumerate(shares) if share > 1e-4]
    return {
        "type": "bar",
        "name": label(name),
        "x": shorts(x[place] for place in shown),
        "y": shorts(_HEIGHT * shares[place] for place in shown),
        "base": shorts(bases[place] for place in shown),
        "width": short(1.02 * use.slice_s),  # no gaps where pixels are rounded
        "customdata": shorts(shares[place] for place in shown),
        "marker": {"color": tone, "line": {"width": 0}},
        "hovertemplate": f"%{{x:.3~s}} s: %{{customdata:.0%}} {label(name)}<extra></extra>",
    }
