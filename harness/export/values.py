"""Tuned values as JSON.

Keys: `name`, `goal`, `simulated`, `everywhere` (parameters), `slowdown` (a fraction, or null), and
`devices`: a list of objects with `device`, `word` (as the other formats call it), `architecture`,
`parameters`, and where they come from: `driver`, `score`, `unit`, `session`.
"""

from __future__ import annotations

import json
import re

from harness.configuration import Configuration
from harness.export.tuned import DeviceBest, Tuned

COMMENT = re.compile(r'\s*"(driver|score|session|slowdown)":')
"""What lines begin with that say where values come from."""


def format_tuned(tuned: Tuned, *, prefix: str = "", stem: str = "tuned") -> str:
    """The object; `stem` has no part in it.

    Args:
        prefix: of the parameters' names.
    """
    made = {
        "name": tuned.name,
        "goal": tuned.goal,
        "simulated": tuned.simulated,
        "everywhere": _parameters(tuned.everywhere, prefix),
        "slowdown": tuned.slowdown,
        "devices": [_device(best, prefix) for best in tuned.devices],
    }
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _device(best: DeviceBest, prefix: str) -> dict[str, object]:
    return {
        "device": best.device.name,
        "word": best.word,
        "architecture": best.architecture,
        "parameters": _parameters(best.configuration, prefix),
        "driver": best.device.driver,
        "score": best.score,
        "session": best.session,
        "unit": best.unit,
    }


def _parameters(configuration: Configuration, prefix: str) -> dict[str, object]:
    return {f"{prefix}{name}": value for name, value in configuration.items()}
