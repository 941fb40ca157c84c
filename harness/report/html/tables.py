"""The words and tables of a report: nothing that matters depends on plots alone."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.config.substitute import CommandTemplate, Template
from harness.configuration import name_best, show_value
from harness.errors import ConfigError
from harness.lane import Lane
from harness.model import Outcome, OutcomeKind, Phase
from harness.report.groups import Group, by_configuration, find_reference
from harness.report.html.page import (
    Cell,
    Markup,
    bullets,
    code_block,
    details,
    element,
    join,
    paragraph,
    table,
)
from harness.report.html.ties import show_ties
from harness.report.html.use import Use
from harness.report.kernel import describe_kernel
from harness.report.plain import describe_reference, describe_score
from harness.report.ranking import is_ranking
from harness.report.ties import Ties
from harness.store.base import StoredSession
from harness.units import (
    format_count,
    format_duration,
    format_instant,
    format_path,
    format_score,
)

_MOST_FAILURES = 10


def make_cards(groups: Sequence[Group]) -> Markup:
    """The best of each group, at a glance."""
    cards = []
    for group in groups:
        info = group.info
        best = "none" if group.best is None else format_score(group.best.score or 0.0, info.unit)
        simulated = " (simulated)" if info.simulated else ""
        what = "" if group.best is None else str(group.best.configuration)
        cards.append(
            element(
                "div",
                f"{group.label}{'' if group.device in group.label else f' on {group.device}'}",
                element("b", f"{best}{simulated}"),
                what,
                class_="card",
            )
        )
    return element("div", *cards, class_="cards")


def summarise(sessions: Sequence[StoredSession], uses: Sequence[Use]) -> Markup:
    """What the sessions were, one column each."""
    rows: list[list[Cell]] = [
        ["Name", *(stored.info.name for stored in sessions)],
        ["State", *(stored.state for stored in sessions)],
        ["Started", *(format_instant(stored.info.started_s) for stored in sessions)],
        ["Took", *(_describe_time(use) for use in uses)],
        ["Results", *(s.info.origin or "measured" for s in sessions)],
        ["Goal", *(_goal(stored) for stored in sessions)],
        ["Search", *(f"{s.info.strategy}, {s.info.distribution}" for s in sessions)],
        ["Devices", *(_devices(stored) for stored in sessions)],
        ["Tests", *(_count(stored) for stored in sessions)],
    ]
    references = [find_reference(stored) for stored in sessions]
    if any(reference is not None for reference in references):
        told = [
            "none" if reference is None else format_score(reference, stored.info.unit)
            for reference, stored in zip(references, sessions, strict=True)
        ]
        rows.append(["Reference", *told])
    header = ["", *(f"session {stored.info.id}" for stored in sessions)]
    return table("What was tuned, and how", header, rows)


def _describe_time(use: Use) -> str:
    paused = f", and a pause of {format_duration(use.paused_s)}" if use.paused_s else ""
    return f"{format_duration(use.active_s)}{paused}"


def _goal(stored: StoredSession) -> str:
    info = stored.info
    which = name_best(info.goal)
    unit = f" in {info.unit}" if info.unit else ""
    if not stored.spec.get("kernel"):
        runs = "of 1 run" if info.repeat == 1 else f"{info.aggregate} of {info.repeat} runs"
        return f"{which} score{unit}, {runs}"
    metric = stored.spec.get("scoring", {}).get("metric")
    if metric is None:
        what = "time" if info.unit == "s" else f"score{unit}"
        return f"{which} {what}, {info.aggregate} of a test's samples"
    return f"{which} {metric}{unit}, from the {info.aggregate} of the times of a test's samples"


def _devices(stored: StoredSession) -> str:
    counts = Counter(lane.device.name or "no device" for lane in stored.info.lanes)
    return ", ".join(f"{count} x {name}" for name, count in counts.items())


def _count(stored: StoredSession) -> str:
    kinds = Counter(outcome.kind.value for outcome in stored.outcomes)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return f"{len(stored.outcomes)}: {told}" if told else "0"


def show_best(group: Group, ties: Ties | None) -> Markup:
    """The best configuration of a group, and what cannot be told from it."""
    if group.best is None or ties is None:
        return paragraph("No test succeeded.")
    info = group.info
    parts = [
        table(
            f"The best: test {group.best.test_id}, {describe_score(group.best, info.unit)}"
            f"{' (simulated)' if info.simulated else ''}",
            ["parameter", "value"],
            [[name, show_value(value)] for name, value in group.best.configuration.items()],
        )
    ]
    if kernel := describe_kernel(group.best, info):
        parts.append(bullets(kernel))
    reference = find_reference(group.stored)
    if reference is not None and group.best.score is not None:
        said = describe_reference(reference, group.best.score, info)
        parts.append(paragraph(f"{said[0].upper()}{said[1:]}."))
    parts.append(show_ties(group, ties))
    return join(parts)


def show_lanes(stored: StoredSession, use: Use) -> Markup:
    """How much of the time each lane was busy, and with what."""
    tests = Counter(outcome.lane for outcome in stored.outcomes)
    rows: list[list[Cell]] = []
    for lane in stored.info.lanes:
        runs, compiles, waits = (
            float(part.sum())
            for part in (
                use.lanes[lane.name].runs,
                use.lanes[lane.name].compiles,
                use.lanes[lane.name].waits,
            )
        )
        idle = max(0.0, use.active_s - runs - compiles - waits)
        known = (compiles, waits, idle) if use.dated else ()
        rows.append(
            [
                lane.name,
                lane.device.name or "no device",
                tests[lane.name],
                *(Markup(f"{part:.1f}") for part in (runs, *known)),
                f"{100 * use.busy(lane.name):.0f} %",
            ]
        )
    parts = ["in runs (s)", *(["compiling (s)", "waiting (s)", "idle (s)"] if use.dated else [])]
    made = table(
        f"Lanes of session {stored.info.id}, in {_describe_time(use)}",
        ["lane", "device", "tests", *parts, "busy in runs"],
        rows,
    )
    if not use.compile_s:
        return made
    at_once = use.compile_s / use.active_s if use.active_s > 0 else 0.0
    told = (
        f"Compiling took {format_duration(use.compile_s)} in all: on average "
        f"{at_once:.2f} compiles were going on. "
    )
    if use.dated:
        told += (
            "A lane waits while it runs nothing, has tests to come, and others compile. It is idle "
            "for the rest: between runs, while it cleans, and after its last test."
        )
    else:
        told += (
            "This session's journal does not say when compiles began, so what lanes waited for is "
            "not known."
        )
    return join([made, paragraph(told)])


def compare_groups(groups: Sequence[Group]) -> Markup:
    """What each group's best costs on the others."""
    known = [by_configuration(group) for group in groups]
    rows: list[list[Cell]] = []
    for group in groups:
        if group.best is None:
            continue
        cells: list[Cell] = [group.label]
        for other, outcomes in zip(groups, known, strict=True):
            outcome = outcomes.get(group.best.configuration)
            slowdown = other.slowdown(None if outcome is None else outcome.score)
            nothing = "not tested" if outcome is None else "no ratio"
            cells.append(nothing if slowdown is None else f"{slowdown:.3f} x")
        rows.append([*cells, element("span", str(group.best.configuration), class_="words")])
    header = ["the best of", *(f"on {group.label}" for group in groups), "configuration"]
    return table(
        "How many times as slow as the best each group's best configuration is elsewhere",
        header,
        rows,
    )


def show_failures(groups: Sequence[Group]) -> Markup:
    """What failed, by kind, with the evidence of the first few of each."""
    parts: list[Cell] = []
    for kind in OutcomeKind:
        failed = [o for group in groups for o in group.outcomes if o.kind is kind]
        if kind is OutcomeKind.OK or not failed:
            continue
        shown = [_failure(outcome) for outcome in failed[:_MOST_FAILURES]]
        rest = len(failed) - len(shown)
        more = [paragraph(f"… and {rest} more; {_name_commands(groups)}.")] if rest else []
        parts.append(details(f"{kind.value}: {format_count(len(failed), 'test')}", *shown, *more))
    return join(parts)


def _name_commands(groups: Sequence[Group]) -> str:
    """Where all failures of the sessions are told."""
    sessions = dict.fromkeys(group.info.id for group in groups)
    commands = [f"`harness show {session} --failures`" for session in sessions]
    return f"{' and '.join(commands)} {'has' if len(commands) == 1 else 'have'} all"


def _failure(outcome: Outcome) -> Markup:
    parts = [paragraph(f"test {outcome.test_id} [{outcome.lane}] {outcome.configuration}")]
    parts.append(paragraph(outcome.reason))
    if outcome.evidence is not None:
        text = f"$ {outcome.evidence.command}\n{outcome.evidence.output}"
        parts.append(code_block(text, f"Evidence of test {outcome.test_id}"))
    return join(parts)


def show_commands(group: Group) -> Markup:
    """The commands of the best test, as they were run."""
    best = group.best
    lane = next((lane for lane in group.lanes if best and lane.name == best.lane), None)
    if best is None or lane is None:
        return Markup("")
    lines = _command_lines(group.stored, best, lane)
    if not lines:
        return Markup("")
    return join(
        [
            element("h3", f"Commands of test {best.test_id} ({group.label})"),
            code_block("\n".join(lines), f"Commands of test {best.test_id}"),
        ]
    )


def _command_lines(stored: StoredSession, outcome: Outcome, lane: Lane) -> list[str]:
    """What was typed, as it were, for a test: folder, environment, and each command."""
    commands = stored.spec.get("command") or {}
    if not commands:
        return []  # a kernel, which no command runs
    names = stored.info.parameters
    folder = Path(stored.config_path).parent / commands.get("directory", ".")
    lines = [f"cd {shlex.quote(str(folder))}"]
    environment = dict(lane.environment)
    try:
        for name, text in commands.get("environment", {}).items():
            value = Template.parse(text, names).expand(outcome.configuration, outcome.test_id, lane)
            environment[name] = value
        lines += [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        for phase in Phase:
            if command := commands.get(phase.value):
                expanded = CommandTemplate.parse(command, names).expand(
                    outcome.configuration, outcome.test_id, lane, directory=str(folder)
                )
                lines += [f"# {phase.value}", expanded.text]
    except ConfigError:
        return []  # of a harness that wrote commands otherwise
    return lines


def show_environment(sessions: Sequence[StoredSession]) -> Markup:
    """Under what circumstances was measured, and what the sessions noted."""
    names = dict.fromkeys(name for stored in sessions for name in stored.environment)
    rows: list[list[Cell]] = [
        ["config", *(format_path(stored.config_path) for stored in sessions)],
    ]
    rows += [[name, *(stored.environment.get(name, "") for stored in sessions)] for name in names]
    header = ["", *(f"session {stored.info.id}" for stored in sessions)]
    parts: list[Cell] = [table("Environment", header, rows)]
    lanes = [
        [lane.name, lane.device.name, lane.device.uuid, lane.device.driver, _cores(lane)]
        for stored in sessions
        for lane in stored.info.lanes
    ]
    parts.append(table("Lanes", ["lane", "device", "UUID", "driver", "cores"], lanes))
    notes = [
        note.text
        for stored in sessions
        for note in stored.notes
        if note.level == "info" and not is_ranking(note)  # what holds of finals is said above
    ]
    if notes:
        parts += [element("h3", "Notes"), bullets(notes)]
    return join(parts)


def _cores(lane: Lane) -> str:
    return " ".join(map(str, lane.device.cores))
