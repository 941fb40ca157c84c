"""How a search went: the best so far, every test's score, the samples of the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from harness.model import Outcome, OutcomeKind
from harness.report.groups import Group, best_so_far, find_reference, rank
from harness.report.html.axes import (
    MANY,
    all_scores,
    colour,
    figure,
    label,
    scale_of,
    score_axis,
    score_title,
    short,
    shorts,
)
from harness.report.plain import describe_score
from harness.units import format_score

_MOST_SAMPLES = 200
_SYMBOLS = {
    OutcomeKind.COMPILE_FAILED: "square",
    OutcomeKind.RUN_FAILED: "x",
    OutcomeKind.TIMEOUT: "diamond",
    OutcomeKind.WRONG_RESULT: "cross",
    OutcomeKind.NO_SCORE: "circle-open",
    OutcomeKind.DEVICE_LOST: "star",
    OutcomeKind.CENSORED: "triangle-up",
    OutcomeKind.INVALID: "square-open",
}


def draw_progress(groups: Sequence[Group], over: Literal["tests", "time"]) -> Mapping[str, Any]:
    """The best score so far, after each test or each second, with the reference if there is one."""
    scores = [step.score for group in groups for step in best_so_far(group)]
    info = groups[0].info
    reference = find_reference(groups[0].stored)
    scale, unit = scale_of(info.unit, scores)
    traces = []
    end = 0.0
    for place, group in enumerate(groups):
        steps = best_so_far(group)
        last_s = max((o.ended_s - group.info.started_s for o in group.outcomes), default=0.0)
        last = float(len(group.outcomes)) if over == "tests" else max(0.0, last_s)
        end = max(end, last)
        reached = [float(step.place) if over == "tests" else step.at_s for step in steps]
        texts = [_hover(step.outcome, group) for step in steps]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": label(group.label),
                "x": shorts([*reached, last] if steps else []),
                "y": shorts([s.score / scale for s in [*steps, *steps[-1:]]]),
                "text": [*texts, *texts[-1:]],
                "hovertemplate": "%{text}<extra></extra>",
                "line": {"shape": "hv", "color": colour(place), "width": 2.5},
                "marker": {"color": colour(place), "size": 6},
            }
        )
    if reference is not None:
        traces.append(_line_at(reference / scale, end, format_score(reference, info.unit)))
    drawn = scores if reference is None else [*scores, reference]
    title = "tests ended" if over == "tests" else "seconds since the session began"
    return figure(
        traces,
        xaxis={"title": {"text": title}, "rangemode": "tozero"},
        yaxis=score_axis(info, unit, drawn),
        height=380,
        showlegend=len(traces) > 1,
    )


def _line_at(score: float, end: float, text: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "reference",
        "x": [0, short(end)],
        "y": [short(score)] * 2,
        "text": [f"reference: {label(text)}"] * 2,
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"dash": "dash", "color": "@reference", "width": 2},
    }


def _hover(outcome: Outcome, group: Group) -> str:
    what = label(describe_score(outcome, group.info.unit))
    return f"test {outcome.test_id}: {what}<br>{label(str(outcome.configuration), 120)}"


def draw_scores(groups: Sequence[Group]) -> Mapping[str, Any]:
    """Every test's score with its range of samples; failures by kind in a strip below."""
    scores = all_scores(groups)
    info = groups[0].info
    scale, unit = scale_of(info.unit, scores)
    many = len(scores) > MANY
    traces = [
        _score_trace(group, colour(place), scale, many=many) for place, group in enumerate(groups)
    ]
    failures = _failure_traces(groups)
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": "test"}, "rangemode": "tozero"},
        "yaxis": score_axis(info, unit, scores),
        "height": 460,
        "hovermode": "closest",
        "showlegend": len(groups) > 1 or bool(failures),
    }
    if failures:
        share = min(0.4, 0.06 * len(failures) + 0.03)
        layout["yaxis"]["domain"] = [share + 0.04, 1]
        layout["yaxis2"] = {"domain": [0, share], "type": "category", "anchor": "x"}
        layout["xaxis"]["anchor"] = "y2"
    return figure([*traces, *failures], **layout)


def _score_trace(group: Group, tone: str, scale: float, *, many: bool) -> dict[str, Any]:
    scored = [o for o in group.outcomes if o.score is not None and math.isfinite(o.score)]
    trace: dict[str, Any] = {
        "type": "scattergl" if many else "scatter",
        "mode": "markers",
        "name": label(group.label),
        "x": [outcome.test_id for outcome in scored],
        "y": shorts((o.score or 0.0) / scale for o in scored),
        "text": [_hover(outcome, group) for outcome in scored],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": 4 if many else 7, "opacity": 0.7 if many else 0.9, "color": tone},
    }
    if not many:
        spans = [(o.samples or (o.score or 0.0,), o.score or 0.0) for o in scored]
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": shorts((max(samples) - score) / scale for samples, score in spans),
            "arrayminus": shorts((score - min(samples)) / scale for samples, score in spans),
            "thickness": 1,
            "width": 0,
            "color": tone,
        }
    return trace


def _failure_traces(groups: Sequence[Group]) -> list[dict[str, Any]]:
    traces = []
    for kind in OutcomeKind:
        failed = [(group, o) for group in groups for o in group.outcomes if o.kind is kind]
        if kind is OutcomeKind.OK or not failed:
            continue
        traces.append(
            {
                "type": "scattergl" if len(failed) > MANY else "scatter",
                "mode": "markers",
                "name": kind.value,
                "x": [outcome.test_id for _, outcome in failed],
                "y": [kind.value] * len(failed),
                "yaxis": "y2",
                "text": [_hover(outcome, group) for group, outcome in failed],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"symbol": _SYMBOLS.get(kind, "x"), "size": 8, "color": "@bad"},
            }
        )
    return traces


def draw_samples(groups: Sequence[Group], most: int = 8) -> Mapping[str, Any] | None:
    """The samples of the best tests of each group, beside each other; None without samples."""
    each = max(1, most // len(groups))
    chosen = [
        (place, group, outcome)
        for place, group in enumerate(groups)
        for outcome in [o for o in rank(group) if o.samples][:each]
    ]
    if not chosen:
        return None
    info = groups[0].info
    # On devices that may be unlike: beside the best of each, where that makes a ratio.
    relative = len(groups) > 1 and all((group.best_score or 0.0) > 0 for group in groups)
    samples = [sample for _, _, outcome in chosen for sample in outcome.samples]
    scale, unit = scale_of(info.unit, samples)
    title = score_title(info, unit).replace("score", "sample", 1)
    traces = []
    for place, group, outcome in chosen:
        step = max(1, len(outcome.samples) // _MOST_SAMPLES)
        if relative:
            scale = (group.best and group.best.score) or 1.0
            title = "sample / best score" + (" (simulated)" if info.simulated else "")
        traces.append(
            {
                "type": "box",
                "name": str(outcome.test_id),
                "y": shorts(sample / scale for sample in outcome.samples[::step]),
                "boxpoints": "all",
                "jitter": 0.5,
                "pointpos": 0,
                "hovertext": f"{label(group.label)}<br>{label(str(outcome.configuration), 120)}",
                "marker": {"color": colour(place), "size": 6, "opacity": 0.8},
                "line": {"color": colour(place), "width": 1.5},
                "fillcolor": "rgba(128,128,128,0.15)",
            }
        )
    return figure(
        traces,
        xaxis={"type": "category", "title": {"text": "test"}},
        yaxis={"title": {"text": title}},
        height=380,
        showlegend=False,
    )
