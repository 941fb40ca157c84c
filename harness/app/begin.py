"""What a session is when it begins: for its journal, and for those who show it."""

from __future__ import annotations

import msgspec

from harness._version import __version__
from harness.app.clocks import Remark
from harness.app.identity import Identity
from harness.app.setup import Setup
from harness.model import SessionInfo
from harness.store.base import Begun, SessionStart
from harness.store.environment import capture_environment
from harness.units import format_count


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


def describe_beginning(begun: Begun) -> list[Remark]:
    """What the user should know of how a session began."""
    if not begun.put_aside:
        return []
    tests = format_count(begun.put_aside, "test")
    return [
        (
            "info",
            f"--fresh: the results of {tests} of earlier sessions are put aside: they stay in the "
            "journal, but no later session of this config goes on from them",
        )
    ]


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
        was_complete=begun.complete,
        reopened=len(begun.unfinished),
    )
