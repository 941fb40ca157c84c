"""Benchmark and tune CUDA kernels and programs on several devices at once.

    import harness

    result = harness.tune("tune.toml", parallel=2)
    print(result.best.configuration, result.best.score)

`tune`, `kernel`, `load_config`, `make_spec` and `devices` are documented in `harness.api`.
"""

from __future__ import annotations

from harness._version import __version__

TYPE_CHECKING = False  # workers import this package, and typing takes long to load
if TYPE_CHECKING:
    from typing import Any

    from harness.api import Result, Spec, devices, kernel, load_config, make_spec, tune

__all__ = ["Result", "Spec", "__version__", "devices", "kernel", "load_config", "make_spec", "tune"]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    # Loaded on use: the command line imports this package before it knows what it will need.
    if name in __all__:
        from importlib import import_module  # noqa: PLC0415 - workers need it not

        return getattr(import_module("harness.api"), name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
