"""Reads a session of our own journal as a recording."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from harness.configuration import Configuration
from harness.errors import ConfigError
from harness.model import Outcome, OutcomeKind, SessionInfo
from harness.replay.recording import Measurement, Recording, find_parameters, make_recording
from harness.space.space import Space
from harness.store.identity import make_key
from harness.store.sessions import load_session

MAGIC = b"SQLite format 3\0"
"""How a journal begins."""


def load_journal(path: Path, session: str = "last", space: Space | None = None) -> Recording:
    """The recording that a session of the journal makes.

    Of a `replicate` session, what its first lane measured. Interrupted tests are left out.

    Args:
        session: its number, a config's name, or `last`.
        space: that was tuned; None: the configurations it tested.

    Raises:
        ConfigError: nothing that could be replayed.
        StoreError: no such journal or session.
    """
    stored = load_session(path, session)
    source = f"{path}:{stored.info.id}"
    return make_session_recording(stored.info, stored.outcomes, source=source, space=space)


def make_session_recording(
    info: SessionInfo,
    outcomes: Iterable[Outcome],
    *,
    source: str,
    digest: str = "",
    space: Space | None = None,
    name: str = "",
    simulated: bool = False,
    form: str = "",
) -> Recording:
    """The recording that a session makes; of a `replicate` one, what its first lane measured.

    Args:
        digest: of what it was read from; empty: of what was measured.

    Raises:
        ConfigError: nothing that could be replayed.
    """
    lanes = info.lanes[:1] if info.distribution == "replicate" else info.lanes
    names = {lane.name for lane in lanes}
    final = [outcome for outcome in outcomes if outcome.kind.is_final]
    measurements: dict[Configuration, Measurement] = {
        outcome.configuration: _measurement(outcome) for outcome in final if outcome.lane in names
    }
    if not measurements:
        raise ConfigError(f"{source}: no test has ended; give a session with results")
    made = make_recording(
        measurements,
        find_parameters(measurements, info.parameters, source),
        goal=info.goal,
        unit=info.unit,
        device=", ".join(dict.fromkeys(lane.device.name for lane in lanes if lane.device.name)),
        source=source,
        digest=digest or make_key({"session": repr(sorted(measurements.items(), key=str))}),
        space=space,
        name=name,
        simulated=simulated,
        form=form,
    )
    return replace(made, elsewhere=sum(outcome.lane not in names for outcome in final))


def _measurement(outcome: Outcome) -> Measurement:
    return Measurement(
        kind=outcome.kind,
        score=outcome.score if outcome.kind is OutcomeKind.OK else None,
        samples=outcome.samples if outcome.kind is OutcomeKind.OK else (),
        compile_s=outcome.compile_s,
        run_s=sum(run.elapsed_s for run in outcome.runs),
    )
