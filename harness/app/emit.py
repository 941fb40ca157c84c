"""Files of the best values, for builds to include."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from harness.app.names import EMITS, load
from harness.config.spec import EmitTable
from harness.export.base import (
    KEPT,
    SAFE,
    UNCHANGED,
    Written,
    hash_lines,
    holds_measured,
    write_changed,
    write_whole,
)
from harness.export.tuned import Tuned, make_tuned
from harness.model import Outcome, SessionInfo


def format_tuned(tuned: Tuned, form: str, *, prefix: str | None = None, stem: str = "tuned") -> str:
    """`tuned` in a format of `EMITS`.

    Args:
        prefix: before every parameter's name; None: the format's own.
        stem: the file's name without its ending.
    """
    given = {} if prefix is None else {"prefix": prefix}
    text: str = load(f"{EMITS[form]}:format_tuned")(tuned, stem=stem, **given)
    return text


def digest_emit(path: Path, form: str) -> str:
    """What a file of values says, comments aside, as a hash."""
    comment: re.Pattern[str] = load(f"{EMITS[form]}:COMMENT")
    try:
        return hash_lines(path.read_text(encoding="utf-8", errors="replace"), comment)
    except OSError:
        return "unreadable"


def write_emits(
    emits: Sequence[EmitTable],
    base: Path,
    info: SessionInfo,
    outcomes: Sequence[Outcome],
    winners: Collection[int] = (),
) -> list[Written]:
    """Write the files whose values changed; nothing if no test succeeded.

    Values to build with are not overwritten by simulated ones.

    Args:
        base: the folder that their paths start from.
        winners: the tests that were found to be the best; see `make_tuned`.

    Returns:
        The files, those among them that were left as they were.

    Raises:
        StoreError: a file cannot be written.
    """
    if not emits or all(outcome.score is None for outcome in outcomes):
        return []
    tuned = make_tuned([(info, outcomes)], {info.id: winners})
    found = []
    for emit in emits:
        path = base / emit.path
        if tuned.simulated and holds_measured(path):
            found.append(Written(emit.format, str(path), KEPT))
            continue
        text = format_tuned(tuned, emit.format, prefix=emit.prefix, stem=path.stem)
        comment: re.Pattern[str] = load(f"{EMITS[emit.format]}:COMMENT")
        if not tuned.simulated and path.exists() and not holds_measured(path):
            write_whole(path, text, SAFE)  # equal values, perhaps, but no longer simulated ones
            changed = True
        else:
            changed = write_changed(path, text, comment)
        found.append(Written(emit.format, str(path), "" if changed else UNCHANGED))
    return found
