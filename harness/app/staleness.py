"""Whether a config's last complete session still stands, told without making its space.

It does as long as its premises are today's (app/premises.py). Nothing here loads NumPy or starts a
worker where that can be avoided: a build asks this every time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.app.changes import describe_changes
from harness.app.commands import make_commands
from harness.app.kernel_files import read_source
from harness.app.lanes import find_lanes
from harness.app.outputs import find_changed
from harness.app.premises import Found, Premises, covers, find_command_sources, find_premises
from harness.app.toolchain import identify_toolchain
from harness.config.spec import Spec
from harness.store.past import Past, PastSession, find_past
from harness.store.sources import find_compilers


@dataclass(frozen=True, slots=True)
class Standing:
    """How a config stands to what was measured before.

    Attributes:
        session: the complete session whose premises are today's, or differ by wider limits only;
            None: there is none, and tuning has something to do.
        changes: why there is none, or which of the session's files must be written again.
        is_new: whether the config was never tuned.
    """

    session: PastSession | None
    changes: tuple[str, ...]
    is_new: bool = False


def find_standing(spec: Spec) -> Standing:
    """How `spec` stands to the sessions in its journal.

    Args:
        spec: of any backend but `replay`: what is recorded does not change.

    Raises:
        HarnessError: devices, compiler or files cannot be found, or the journal cannot be read.
    """
    premises = _look(spec).to_json()
    past = find_past(spec.journal_path, str(spec.path), lambda known: _choose(known, premises))
    if past.same is not None and past.same.summary.get("best") is not None:
        return Standing(past.same, tuple(find_changed(spec, past.same)))
    why = tuple(_explain(spec, past, msgspec.json.decode(premises)))
    return Standing(None, why, is_new=past.latest is None)


def _choose(known: Mapping[int, str], premises: str) -> int | None:
    """The session that has done what is asked for; of several that went farthest, then the latest.

    A session with narrower limits, made in between, does not put worse values into a build.

    Args:
        known: premises by session, the latest first.
        premises: today's.
    """
    found: int | None = None
    for session, before in known.items():
        if not covers(before, premises):
            continue
        if found is None or not covers(known[found], before):
            found = session
    return found


def _look(spec: Spec) -> Premises:
    """The premises of a session of `spec` that began now."""
    devices = find_lanes(spec)
    virtual = devices.backend == "mock" and spec.mock.time == "virtual"
    commands = make_commands(spec)
    found = Found(
        lanes=devices.lanes,
        sources=find_command_sources(spec, commands),
        compilers=find_compilers(commands.lines),
        kernel=None if spec.kernel is None else read_source(spec, spec.kernel),
        compiler=identify_toolchain(spec, virtual=virtual),
    )
    return find_premises(spec, commands, found)


def _explain(spec: Spec, past: Past, premises: dict[str, Any]) -> list[str]:
    """Why no complete session has the premises of today."""
    latest, complete = past.latest, past.complete
    if past.same is not None:
        return [f"no test succeeded in session {past.same.id}"]
    if latest is None:
        return ["there is no session of this config yet"]
    if latest.state != "complete" and (complete is None or latest.premises == premises):
        how = "is under way" if latest.state == "running" else _ENDS[latest.state]
        return [f"session {latest.id} {how}"]
    assert complete is not None, "the latest is complete, and nothing was put aside since"
    if complete.premises is None:
        return [f"session {complete.id} was recorded before the journal kept what results rest on"]
    now = msgspec.json.decode(msgspec.json.encode(spec, enc_hook=str))
    return describe_changes(complete.premises, premises, complete.spec, now)


_ENDS = {"interrupted": "was interrupted", "failed": "failed", "killed": "was killed"}
