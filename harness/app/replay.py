"""Recorded results in place of a device: for a config, or for what the recording itself tells."""

from __future__ import annotations

from pathlib import Path

from harness.config.spec import Spec, default_journal
from harness.config.toml import make_spec
from harness.configuration import name_best
from harness.errors import ConfigError
from harness.replay.load import load_recording
from harness.replay.recording import Recording, fit, restrict
from harness.space.listed import list_space
from harness.space.space import Space

_MEASURED = {"s": "time", "J": "energy"}
"""What a unit says was measured."""


def fit_recording(spec: Spec, space: Space, recording: Recording) -> Recording:
    """The recording that `spec` names, of its space, or of the part of that which was recorded.

    Raises:
        ConfigError: it holds results of something else.
    """
    _check_scoring(spec, recording)
    if spec.replay.unmeasured == "skip":
        kept = fit(recording.measurements, space, recording.source)
        space = list_space(space.parameters, kept, space.tree, space.constraints)
    return restrict(recording, space)


def _check_scoring(spec: Spec, recording: Recording) -> None:
    optimal = spec.scoring.optimal
    goal, _, what = optimal.partition("_")
    recorded = _MEASURED.get(recording.unit, "")
    if goal == recording.goal and what in (recorded, "" if recording.unit != "s" else "time"):
        return
    fitting = f"{recording.goal}_{recorded}" if recorded else recording.goal
    raise ConfigError(
        f"{spec.path}: scoring.optimal = {optimal!r}: {recording.source} holds scores in "
        f"{recording.unit or 'a figure of merit'} of which the {name_best(recording.goal)} is "
        f"best; write {fitting!r}"
    )


def replay_warnings(recording: Recording) -> list[str]:
    """What the user should know of a recording that is not whole, or does not fit its space."""
    space, known = recording.space, len(recording.measurements)
    warnings = []
    if space.size is None or known < space.size:
        size = "" if space.size is None else f" of {space.size}"
        warnings.append(
            f"only {known}{size} configurations are in {recording.source}; tests of others fail"
        )
    return [*warnings, *recording.left_out]


def make_replay_spec(source: str, definition: Path | None = None) -> tuple[Spec, Recording]:
    """A Spec that tunes what was recorded, without a config; and the recording.

    The space is that of the definition, or the configurations in the recording. The journal is
    that of the project in the current folder.

    Args:
        definition: a T1 file.

    Raises:
        ConfigError, StoreError: as `load_recording`.
    """
    path = Path(source).resolve()
    recording = load_recording(source, definition=definition).located()
    space = recording.space
    answer = f"# answered from {path.name}"
    timed = recording.unit == "s"
    scoring = {"optimal": f"{recording.goal}_time" if timed else recording.goal}
    spec = make_spec(
        {
            "name": path.name.split(".")[0],
            "backend": "replay",
            "parameters": {p.name: list(p.values) for p in space.parameters},
            "space": {"constraints": [constraint.text for constraint in space.constraints]},
            "command": {"compile": answer, "test": answer},
            "scoring": scoring if timed else {**scoring, "unit": recording.unit},
            "replay": {
                "file": str(path),
                "unmeasured": "skip" if definition is None else "fail",
            },
            "output": {"journal": str(default_journal(Path.cwd()))},
        },
        path,
    )
    return spec, recording
