"""Searches of recorded spaces, each made once and kept in a folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

import harness.search
from harness.procs.pool import map_in_processes
from harness.replay.drive import Trace, simulate
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from harness.search.beliefs import USUAL, Beliefs
from harness.search.model import Model


class Kept:
    """Searches in a folder, a file each; without a folder none is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def load(self, name: str, origin: str) -> Trace | None:
        """The search of that name, if it is kept and of that origin."""
        path = self._path(name)
        if path is None or not path.exists():
            return None
        found = json.loads(path.read_text())
        if found["origin"] != origin:
            return None
        losses = [np.inf if loss is None else loss for loss in found["losses"]]
        return Trace(np.array(losses), np.array(found["ended_s"]), found["thinking_s"])

    def save(self, name: str, origin: str, trace: Trace) -> None:
        """Keep a search.

        Args:
            origin: digest of all that it depends on and that its name does not say.
        """
        path = self._path(name)
        if path is None:
            return
        record = {
            "origin": origin,
            "losses": [loss if np.isfinite(loss) else None for loss in trace.losses.tolist()],
            "ended_s": trace.ended_s.tolist(),
            "thinking_s": trace.thinking_s,
        }
        written = path.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps(record))
        written.replace(path)

    def _path(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{name}.json"


@dataclass(frozen=True, slots=True)
class Search:
    """One search by `model`, which knows no budget: the first tests are those of a shorter one."""

    source: str
    tests: int
    seed: int
    lanes: int = 1
    beliefs: Beliefs = USUAL

    @property
    def name(self) -> str:
        """What it is kept as."""
        what = f"{name_of(self.beliefs)}-{field_of(self.source)}"
        return f"{what}-{self.lanes}-{self.tests}-{self.seed}"


def name_of(beliefs: Beliefs) -> str:
    """For people, and for names of files."""
    return f"smoothness {beliefs.smoothness / 2}, spread {beliefs.spread}, bends {beliefs.bends}"


def field_of(source: str) -> str:
    """The name of a recording."""
    return Path(source).name.split(".")[0]


def make_searches(
    searches: Sequence[Search], *, jobs: int, folder: Path | None
) -> Mapping[Search, Trace]:
    """Their traces.

    Args:
        folder: where searches are kept, and found by later calls with the same code; None: nowhere.
    """
    kept, code = Kept(folder), _digest_code()
    traces = {}
    for search in searches:
        if (found := kept.load(search.name, code)) is not None:
            traces[search] = found
    missing = [search for search in searches if search not in traces]
    for place, made in map_in_processes(_make, missing, jobs):
        kept.save(missing[place].name, code, made)
        traces[missing[place]] = made
    return traces


def _make(search: Search) -> Trace:
    recording = load_once(search.source)
    made = type("Candidate", (Model,), {"beliefs": search.beliefs})
    strategy = made(
        recording.space,
        goal=recording.goal,
        seed=search.seed,
        budget=search.tests,
        lanes=search.lanes,
    )
    trace = simulate(strategy, recording, lanes=search.lanes, tests=search.tests)
    return Trace(trace.losses[: search.tests], trace.ended_s[: search.tests], trace.thinking_s)


@lru_cache(maxsize=1)
def load_once(source: str) -> Recording:
    """A recording; the last one is remembered."""
    return load_recording(source)


def _digest_code() -> str:
    """Of the code that strategies consist of."""
    (folder,) = harness.search.__path__
    digest = hashlib.sha256()
    for path in sorted(Path(folder).glob("*.py")):
        digest.update(os.fsencode(path.name) + path.read_bytes())
    return digest.hexdigest()
