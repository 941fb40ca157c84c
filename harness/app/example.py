"""What `harness tune` does without a config: an example that fits this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.app.names import BACKENDS, load
from harness.errors import ConfigError, DeviceError

_CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def default_config() -> tuple[Path, str]:
    """An example config, and why it was chosen.

    Raises:
        ConfigError: the examples are not here: the package is installed without its repository.
    """
    if not _CONFIGS.is_dir():
        raise ConfigError(
            "no config given; name one (`harness tune my.toml`), or run this in a checkout of the "
            "project, whose configs/ holds examples"
        )
    try:
        gpus = load(BACKENDS["cuda"])().discover(None)
    except DeviceError as error:
        return _CONFIGS / "matrix.toml", f"a CPU program: the GPUs cannot be used ({error})"
    if not gpus:
        return _CONFIGS / "matrix.toml", "a CPU program: no GPU was found"
    if shutil.which("nvcc") is None:
        return _CONFIGS / "matrix.toml", "a CPU program: there is a GPU, but no nvcc on PATH"
    return _CONFIGS / "laplace3d.toml", f"a CUDA kernel: {len(gpus)} GPU(s) found"
