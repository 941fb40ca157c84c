"""Scores over sessions as a picture, by matplotlib."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.report.history import Track
from harness.report.picture import make_picture, plain, save_picture, scale_scores, score_label

MOST = 24
"""More series than this are no picture."""

_WIDTH, _HEIGHT = 6.4, 2.6
_MOST_TICKS = 10


def save_history(path: Path, tracks: Sequence[Track], form: str) -> None:
    """Draw a plot for each of `tracks`, one below the other, to the file `path`.

    Bars are the middle half of each session's samples, lines the median of each level's scores.

    Args:
        form: `png`, `svg` or `pdf`.

    Raises:
        ConfigError: matplotlib is not installed, or there is nothing to draw, or too much.
        StoreError: the file cannot be written.
    """
    if not 1 <= len(tracks) <= MOST:
        raise ConfigError(
            f"{path}: {len(tracks)} series cannot be drawn in one picture; give a config with 1 to "
            f"{MOST}, see --least"
        )
    made = make_picture(_WIDTH, _HEIGHT * len(tracks))
    for axes, track in zip(made.subplots(len(tracks), squeeze=False)[:, 0], tracks, strict=True):
        _draw(axes, track)
    save_picture(path, made, form)


def _draw(axes: Any, track: Track) -> None:
    scores = [point.score for point in track.points]
    places = range(len(scores))
    reaches = [_reach(point.score, point.samples) for point in track.points]
    errors = [[reach[side] for reach in reaches] for side in (0, 1)]
    axes.errorbar(places, scores, yerr=errors, fmt="o", markersize=3, capsize=2)
    bounds = [0, *(shift.place for shift in track.shifts), len(scores)]
    for begin, end in pairwise(bounds):
        level = statistics.median(scores[begin:end])
        axes.hlines(level, begin - 0.5, end - 0.5, color="0.3", linewidth=1)
    for shift in track.shifts:
        color = "C3" if shift.verdict == "SLOWER" else "C2"
        axes.axvline(shift.place - 0.5, color=color, linestyle="--", linewidth=1)
        axes.annotate(
            f"{shift.comparison.ratio:.3g} x",
            (shift.place - 0.5, 1),
            xycoords=("data", "axes fraction"),
            xytext=(2, -9),
            textcoords="offset points",
            fontsize="small",
            color=color,
        )
    step = max(1, -(-len(scores) // _MOST_TICKS))
    shown = [(place, track.points[place]) for place in places[::step]]
    axes.set_xticks(
        [place for place, _ in shown],
        [f"{point.session}\n{point.commit[:7]}".strip() for _, point in shown],
        fontsize="small",
    )
    axes.set_xlabel("session, commit", fontsize="small")
    axes.set_ylabel(score_label(track.unit), fontsize="small")
    axes.tick_params(axis="y", labelsize="small")
    scale_scores(axes.yaxis, track.unit)
    axes.set_title(plain(track.title), fontsize="small")
    axes.grid(visible=True, axis="y", alpha=0.3)


def _reach(score: float, samples: Sequence[float]) -> tuple[float, float]:
    """How far the middle half of the samples reaches below and above the score."""
    if len(samples) < 2:
        return 0.0, 0.0
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return max(0.0, score - low), max(0.0, high - score)
