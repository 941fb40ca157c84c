"""What the figures share: labels that are safe to draw, numbers that are short, axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from harness.model import SessionInfo
from harness.report.groups import Group
from harness.units import TIME_UNITS, distinct, shorten

MANY = 1000
"""Beyond so many points they are drawn by WebGL, and without error bars: those would hide them."""


def label(text: str, most: int = 0) -> str:
    """`text` for Plotly, which takes a few HTML tags for markup; cut to `most` characters."""
    return escape(shorten(text, most) if most else text, quote=False)


def label_all(texts: Iterable[str], most: int = 24) -> list[str]:
    """Labels of `texts`, cut to `most` characters; those that would look the same are numbered."""
    return [label(text) for text in distinct(texts, most)]


def short(number: float | None) -> float | None:
    """The number with as many digits as a plot can show; None if it cannot be drawn."""
    if number is None or not math.isfinite(number):
        return None
    return float(f"{number:.5g}")


def shorts(numbers: Iterable[float | None]) -> list[float | None]:
    """The same of several."""
    return [short(number) for number in numbers]


def colour(place: int) -> str:
    """The colour of the group at `place`."""
    return f"@{place % 8}"


def scale_of(unit: str, scores: Sequence[float]) -> tuple[float, str]:
    """What to divide scores by for drawing, and the unit they have then."""
    if unit != "s" or not scores:
        return 1.0, unit
    least = min((abs(score) for score in scores if score), default=1.0)
    return next(((scale, name) for scale, name in TIME_UNITS if least >= scale), TIME_UNITS[-1])


def score_title(info: SessionInfo, unit: str) -> str:
    """What a score's axis says."""
    parts = [unit, "simulated" if info.simulated else ""]
    told = ", ".join(label(part) for part in parts if part)
    return f"score ({told})" if told else "score"


def score_axis(info: SessionInfo, unit: str, scores: Sequence[float]) -> dict[str, Any]:
    """An axis for scores: logarithmic where they differ by more than ten times."""
    wide = bool(scores) and min(scores) > 0 and max(scores) > 10 * min(scores)
    return {"title": {"text": score_title(info, unit)}, **({"type": "log"} if wide else {})}


def all_scores(groups: Sequence[Group]) -> list[float]:
    """Every finite score."""
    return [
        outcome.score
        for group in groups
        for outcome in group.outcomes
        if outcome.score is not None and math.isfinite(outcome.score)
    ]


def figure(data: Sequence[Mapping[str, Any]], **layout: Any) -> dict[str, Any]:
    """A figure."""
    return {"data": list(data), "layout": layout}
