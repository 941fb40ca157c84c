"""Files of results into the journal: as sessions that say where they come from."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from harness._version import __version__
from harness.configuration import name_best
from harness.errors import ConfigError
from harness.events import BuildEnded, Event, Note, RunEnded, TestCreated, TestEnded
from harness.model import Build, Outcome, OutcomeKind, Phase, SessionInfo, Test
from harness.replay.load import load_recording
from harness.replay.recording import BEFORE_RUNS, Recording, Scale
from harness.replay.session import LANE, make_session
from harness.store.base import IMPORT, SessionStart
from harness.store.identity import make_key
from harness.store.journal import open_journal
from harness.store.schema import has_journal
from harness.store.sessions import find_complete


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file.

    Attributes:
        info: the session; its id is the one in the journal.
        known: whether the journal held it before, so that nothing was written.
        form: the format of the file.
        tests, failed: how many it holds.
        best: None if the session was known.
        assumed: whether goal and unit are only taken to be so: neither file nor user says.
        warnings: what of the file is not in the session.
    """

    info: SessionInfo
    known: bool
    form: str
    tests: int
    failed: int
    best: Outcome | None
    assumed: bool = False
    warnings: tuple[str, ...] = ()


def import_results(
    source: str,
    journal: Path,
    *,
    definition: Path | None = None,
    device: str | None = None,
    name: str | None = None,
    scale: Scale | None = None,
) -> Imported:
    """Put the results in a file into the journal as a session, unless it holds them already.

    The session can neither be resumed nor do tests that are measured here take their results from
    it: it has keys of its own, which are made of the file's content.

    Args:
        source: T4, a Kernel Tuner cache, or a log in CSV.
        definition: a T1 file that says what was tuned.
        device: what they were measured on; None: what the file says.
        name: of the session; None: what the file says was tuned, else the file's name.
        scale: of a log in CSV; None: seconds, the least is best.

    Raises:
        ConfigError: no such file, or nothing in it that could be imported.
        StoreError: the journal cannot be written.
    """
    read = load_recording(source, definition=definition, scale=scale)
    read = _describe(read, device, scale)
    recording = read.located()
    key = _make_key(recording, name)
    info, outcomes = make_session(recording)
    info = replace(info, name=name or info.name, journal=str(journal))
    best = recording.best[0]
    found = Imported(
        info,
        known=False,
        form=recording.form,
        tests=len(outcomes),
        failed=sum(outcome.kind.is_failure for outcome in outcomes),
        best=next(outcome for outcome in outcomes if outcome.configuration == best),
        assumed=recording.assumed,
        warnings=tuple(read.left_out),
    )
    before = find_complete(journal, key) if has_journal(journal) else None
    if before is not None:
        return replace(found, info=replace(info, id=before), known=True)
    number = _write(recording, key, info, outcomes, journal)
    return replace(found, info=replace(info, id=number))


def _describe(recording: Recording, device: str | None, scale: Scale | None) -> Recording:
    """The recording with what the user says of it."""
    if not recording.form:
        raise ConfigError(
            f"{recording.source}: this is a journal; its sessions are read with --journal, there "
            "is no need to import them"
        )
    said = Scale(recording.goal, recording.unit)
    if scale is not None and (recording.form != "CSV" or scale != said):
        raise ConfigError(
            f"{recording.source}: --optimal and --unit are for logs in CSV that do not say what "
            f"their scores are; this file ({recording.form}) does: the {name_best(said.goal)} is "
            f"best, in "
            f"{said.unit or 'no unit'}"
        )
    return recording if device is None else replace(recording, device=device)


def _make_key(recording: Recording, name: str | None) -> str:
    """The same file, described in the same way, is the same session."""
    return make_key(
        {
            IMPORT: recording.digest,
            "device": recording.device,
            "goal": recording.goal,
            "unit": recording.unit,
            "size": len(recording.measurements),
            "name": name,
        }
    )


def _write(
    recording: Recording, key: str, info: SessionInfo, outcomes: tuple[Outcome, ...], journal: Path
) -> int:
    """Write the session, all of its tests or none; its number."""
    path = Path(recording.source).resolve()
    spec = {
        "name": info.name,
        "parameters": {p.name: list(p.values) for p in recording.space.parameters},
        IMPORT: {"file": str(path), "digest": recording.digest, "format": recording.form},
    }
    start = SessionStart(
        name=info.name,
        config_path=str(path),
        spec_key=key,
        spec_json=json.dumps(spec),
        goal=info.goal,
        unit=info.unit,
        repeat=info.repeat,
        aggregate=info.aggregate,
        parameters=info.parameters,
        lanes=info.lanes,
        simulated=info.simulated,
        harness_version=__version__,
        environment={"imported_from": str(path), "digest": recording.digest, "user": _find_user()},
        distribution=info.distribution,
        strategy=info.strategy,
        started_s=info.started_s,
        premises=json.dumps({IMPORT: recording.digest}),
    )
    with closing(open_journal(journal)) as opened:
        begun = opened.begin(start, fresh=False)
        opened.record([*_list_notes(recording), *_list_events(outcomes)])
        ended_s = max(outcome.ended_s for outcome in outcomes)
        opened.end("complete", ended_s, {"tests": len(outcomes)})
    return begun.session_id


def _find_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # nobody by that number, as in containers
        return ""


def _list_notes(recording: Recording) -> list[Note]:
    now_s = time.time()
    facts = f"{recording.form}, content {recording.digest}"
    dated = any(found.ended_s for found in recording.measurements.values())
    when = (
        "when tests ended is the file's, when they began follows from how long they took"
        if dated
        else "the file does not say when tests were made: they are put one after the other, from "
        "the import on"
    )
    notes = [Note("info", f"imported from {recording.source} ({facts}); {when}", now_s)]
    return [*notes, *(Note("warning", text, now_s) for text in recording.left_out)]


def _list_events(outcomes: tuple[Outcome, ...]) -> Iterator[Event]:
    """What would have been recorded, had the tests been made here."""
    for outcome in outcomes:
        test = Test(outcome.test_id, outcome.configuration, outcome.key, LANE)
        began_s = outcome.ended_s - sum(run.elapsed_s for run in outcome.runs) - outcome.compile_s
        kind = outcome.kind if outcome.kind in BEFORE_RUNS else OutcomeKind.OK
        yield TestCreated(test, began_s)
        yield BuildEnded(test, Build(Phase.COMPILE, kind, LANE, began_s, outcome.compile_s))
        for run in outcome.runs:
            yield RunEnded(test, run)
        # There is nothing to clean: without this a resumed session would look for it.
        yield BuildEnded(test, Build(Phase.CLEAN, OutcomeKind.OK, LANE, outcome.ended_s, 0.0))
        yield TestEnded(outcome)
