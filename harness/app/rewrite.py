"""Files of a complete session, written once more from the journal."""

from __future__ import annotations

from dataclasses import replace

from harness.app.outputs import read_outputs, write_outputs
from harness.config.spec import Spec
from harness.export.base import Written
from harness.store.past import PastSession, record_outputs
from harness.store.sessions import load_session


def rewrite_outputs(spec: Spec, session: PastSession) -> tuple[Written, ...]:
    """Write what `spec` asks for from what `session` found, as the session itself did.

    Returns:
        The files, those among them that were left as they were.

    Raises:
        StoreError: the journal cannot be read, or a file cannot be written.
    """
    stored = load_session(spec.journal_path, str(session.id))
    winner = (session.summary.get("best") or {}).get("test")  # the finals', where there were any
    best = next((outcome for outcome in stored.outcomes if outcome.test_id == winner), None)
    runs = 1 if spec.kernel is not None and spec.backend != "replay" else spec.scoring.repeat
    info = replace(stored.info, repeat=runs)
    files = write_outputs(spec, info, stored.outcomes, best, stored.winners, complete=True)
    record_outputs(spec.journal_path, session.id, read_outputs(spec, found=best is not None))
    return files
