"""Benchmark and tune CUDA kernels and programs on several devices at once."""

from harness._version import __version__

__all__ = ["__version__"]
