"""Pictures by matplotlib: what all of them have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.export.base import open_whole
from harness.extras import load_extra

_DOTS = 200
"""Per inch, of pictures in pixels."""


def load_pictures(module: str = "figure") -> Any:
    """A module of matplotlib; a command that works for long before it draws asks for it first.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    return load_extra(f"matplotlib.{module}", "plot", "a plot")


def make_picture(width: float, height: float) -> Any:
    """An empty figure, in inches.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    return load_pictures().Figure(figsize=(width, height), layout="constrained")


def save_picture(path: Path, figure: Any, form: str) -> None:
    """Write `figure` to the file `path`, which is whole or as it was.

    Args:
        form: `png`, `svg` or `pdf`.

    Raises:
        StoreError: the file cannot be written.
    """
    with open_whole(path) as file:
        figure.savefig(file, format=form, dpi=_DOTS)


def scale_scores(axis: Any, unit: str) -> None:
    """Let a numeric axis say times as people read them, `1.5 ms`; others have their unit beside."""
    if unit == "s":
        axis.set_major_formatter(load_pictures("ticker").EngFormatter(unit="s"))


def score_label(unit: str, simulated: bool = False) -> str:
    """What stands beside an axis of scores, as `scale_scores` has it."""
    facts = [*([unit] if unit not in ("", "s") else []), *(["simulated"] if simulated else [])]
    return plain(f"score ({', '.join(facts)})" if facts else "score")


def plain(text: str) -> str:
    """`text` where matplotlib would take dollar signs for formulas."""
    return text.replace("$", r"\$")
