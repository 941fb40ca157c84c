"""What a session is when it begins: for its journal, and for those who show it."""

from __future__ import annotations

import msgspec

from harness._version import __version__
from harness.app.identity import Identity
from harness.app.setup import Setup
from harness.model import SessionInfo
from harness.store.base import Begun, SessionStart
from harness.store.environment import capture_environment


def make_start(setup: Setup, identity: Identity, now_s: float) -> SessionStart:
    """What the journal keeps of a session that begins."""
    spec = setup.spec
    return SessionStart(
        name=spec.name,
        config_path=str(spec.path),
        spec_key=identity.spec_key,
        spec_json=msgspec.json.encode(spec, enc_hook=str).decode(),
        goal=setup.goal,
        unit=setup.unit,
        repeat=spec.scoring.repeat,
        aggregate=spec.scoring.aggregate,
        parameters=setup.space.names,
        lanes=setup.lanes,
        simulated=setup.simulated,
        harness_version=__version__,
        environment=capture_environment(spec.base),
        distribution=setup.distribution,
        strategy=setup.label,
        started_s=now_s,
        premises=identity.premises.to_json(),
    )


def make_info(setup: Setup, begun: Begun, now_s: float) -> SessionInfo:
    """What the session is for those who show it."""
    spec = setup.spec
    return SessionInfo(
        id=begun.session_id,
        name=spec.name,
        goal=setup.goal,
        unit=setup.unit,
        lanes=setup.lanes,
        parameters=setup.space.names,
        repeat=setup.runs_per_test,
        aggregate=spec.scoring.aggregate,
        size=setup.size,
        simulated=setup.simulated,
        started_s=now_s,
        distribution=setup.distribution,
        strategy=setup.label,
        journal=str(spec.journal_path),
        resumed=begun.resumed,
        complete=begun.complete,
    )
