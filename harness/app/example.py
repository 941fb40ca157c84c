"""What `harness tune` does without a config: the folder's only one, or the project's example."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.app.names import BACKENDS, load
from harness.config.load import find_configs, list_names
from harness.errors import ConfigError, DeviceError
from harness.units import format_count

_CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def default_config(folder: Path) -> tuple[Path, str]:
    """The config that is tuned in `folder` if none is named, and why it was chosen.

    Raises:
        ConfigError: there are several, or none; at the top of a checkout of the project, which has
            none there, an example takes its place.
    """
    found = find_configs(folder)
    if len(found) == 1:
        return found[0], "the only config in this folder"
    if found:
        names = list_names([path.name for path in found])
        raise ConfigError(
            f"no config given, and this folder has {names}; name one: harness tune {found[0].name}"
        )
    if not _CONFIGS.is_dir() or folder.resolve() != _CONFIGS.parent:
        raise ConfigError(
            "no config given, and this folder has none; name one (`harness tune my.toml`), or run "
            "this in a checkout of the project, which tunes an example then"
        )
    return _choose_example()


def _choose_example() -> tuple[Path, str]:
    """One that fits this machine."""
    try:
        gpus = load(BACKENDS["cuda"])().discover(None)
    except DeviceError as error:
        return _CONFIGS / "matrix.toml", f"a CPU program: the GPUs cannot be used ({error})"
    if not gpus:
        return _CONFIGS / "matrix.toml", "a CPU program: no GPU was found"
    if shutil.which("nvcc") is None:
        return _CONFIGS / "matrix.toml", "a CPU program: there is a GPU, but no nvcc on PATH"
    return _CONFIGS / "laplace3d.toml", f"a CUDA kernel: {format_count(len(gpus), 'GPU')} found"
