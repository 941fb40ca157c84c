"""The files that a config asks for, written from what the session knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.app.emit import digest_emit, write_emits
from harness.app.names import EXPORTS, load
from harness.config.spec import Spec
from harness.errors import StoreError
from harness.export.base import KEPT, Written, holds_measured, write_changed
from harness.model import Outcome, SessionInfo
from harness.report.summary import Summary
from harness.store.past import Output, PastSession, record_outputs
from harness.store.sources import hash_file


def write_and_record(spec: Spec, summary: Summary, outcomes: Sequence[Outcome]) -> Summary:
    """Write what the config asks for; the journal keeps how a complete session left it.

    Returns:
        The summary with the files, or with the reason why one could not be written: what was found
        is told all the same.
    """
    best = summary.progress.best_overall()
    winners = {outcome.test_id for outcome in summary.progress.best.values()}
    complete = summary.state == "complete"
    try:
        files = write_outputs(spec, summary.info, outcomes, best, winners, complete=complete)
        if complete:
            written = read_outputs(spec, found=best is not None)
            record_outputs(spec.journal_path, summary.info.id, written)
    except StoreError as error:
        return replace(summary, unwritten=str(error))
    return replace(summary, files=files)


def write_outputs(
    spec: Spec,
    info: SessionInfo,
    outcomes: Sequence[Outcome],
    best: Outcome | None,
    winners: Collection[int] = (),
    *,
    complete: bool,
) -> tuple[Written, ...]:
    """Write log, transcript, importance table and tuned values where the config names them.

    What was measured is not overwritten by what was simulated.

    Args:
        winners: the tests that were found to be the best, one for each lane that searched alone.
        complete: whether the search came to its end; values of another are nothing to build with.

    Returns:
        The files, those among them that were left as they were.

    Raises:
        StoreError: a file cannot be written; the journal has it all.
    """
    output = spec.output
    written: list[Written] = []

    def write(what: str, name: str, text: str) -> None:
        path: Path = spec.base / name
        keeps = info.simulated and holds_measured(path)
        if not keeps:
            write_changed(path, text)
        written.append(Written(what, str(path), KEPT if keeps else ""))

    if output.log is not None:
        write("log", output.log, load(EXPORTS["csv"])(info, outcomes))
    if output.script is not None:
        write("script", output.script, load(EXPORTS["script"])(info, outcomes))
    if output.importance is not None and best is not None:
        known = {outcome.configuration: outcome for outcome in outcomes}
        table = load(_IMPORTANCE)(info, best, spec.parameters, known)
        write("importance", output.importance, table)
    if complete:
        written += write_emits(output.emit, spec.base, info, outcomes, winners)
    return tuple(written)


_IMPORTANCE = "harness.export.importance:format_importance"


def read_outputs(spec: Spec, *, found: bool) -> list[Output]:
    """The files that a complete session has written, as they are now; those that are there.

    Args:
        found: whether a test succeeded: without, there are no values to write.
    """
    return [output for output in _look(spec, found=found) if output.digest]


def find_changed(spec: Spec, session: PastSession) -> list[str]:
    """Which files of a complete session that found a best are not as it left them, a line each."""
    before = {(each.what, each.path, each.prefix): each.digest for each in session.outputs}
    changes = []
    for output in _look(spec, found=True):
        known = before.get((output.what, output.path, output.prefix))
        if not output.digest:
            changes.append(f"{output.path} is not there")
        elif known is None:
            changes.append(f"{output.path} was not written by session {session.id}")
        elif known != output.digest:
            changes.append(f"{output.path} is not as session {session.id} left it")
    return changes


def _look(spec: Spec, *, found: bool) -> Iterator[Output]:
    """Each file that a complete session writes, as it is now; without a digest if it is not."""
    output = spec.output
    for what, path in (("log", output.log), ("script", output.script)):
        if path is not None:
            yield Output(what, path, None, _digest(spec.base / path))
    if output.importance is not None and found:
        digest = _digest(spec.base / output.importance)
        yield Output("importance", output.importance, None, digest)
    for emit in output.emit if found else ():
        digest = _digest(spec.base / emit.path, emit.format)
        yield Output(emit.format, emit.path, emit.prefix, digest)


def _digest(file: Path, form: str | None = None) -> str:
    """What a file says, as a hash; of values to build with (in `form`), without its comments."""
    if not file.is_file():
        return ""
    return hash_file(file) if form is None else digest_emit(file, form)
