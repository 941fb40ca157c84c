"""Where Plotly's JavaScript comes from: the PyPI package `plotly`, of which no code is run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from harness.errors import ConfigError


def load_library() -> str:
    """The text of plotly.js.

    Raises:
        ConfigError: the extra `report` is not installed.
    """
    spec = find_spec("plotly")
    for folder in () if spec is None else spec.submodule_search_locations or ():
        path = Path(folder) / "package_data" / "plotly.min.js"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise ConfigError(
        "a report's plots are drawn by Plotly, which is not installed: pip install "
        "'gpu-harness[report]'"
    )
