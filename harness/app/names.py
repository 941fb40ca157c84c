"""The tables from the names that users write to the classes that serve them.

Entries are "module:attribute" and load when used, so that a missing CUDA stack never breaks
`harness --help`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

BACKENDS = {
    "cuda": "harness.device.nvml:CudaBackend",
    "cpu": "harness.device.cpu:CpuBackend",
    "mock": "harness.device.mock:MockBackend",
    "none": "harness.device.none:NoneBackend",
    "replay": "harness.replay.device:ReplayBackend",
}
STRATEGIES = {
    "exhaustive": "harness.search.exhaustive:Exhaustive",
    "tree": "harness.search.tree:Tree",
    "random": "harness.search.random:Random",
    "stratified": "harness.search.stratified:Stratified",
    "local": "harness.search.local:Local",
    "local-best": "harness.search.local_best:LocalBest",
    "annealing": "harness.search.annealing:Annealing",
    "genetic": "harness.search.genetic:Genetic",
    "differential-evolution": "harness.search.differential_evolution:DifferentialEvolution",
    "model": "harness.search.model:Model",
}
PREFER_QUICK = ("local", "local-best", "genetic", "differential-evolution", "model")
"""Strategies that can choose among configurations of about equal promise."""
IN_NODES = tuple(name for name in STRATEGIES if name not in ("exhaustive", "tree"))
"""Strategies that tree search can use inside the nodes of a variable tree, as `tree/NAME`."""
STRATEGIES |= {f"tree/{name}": "harness.search.node_by_node:NodeByNode" for name in IN_NODES}
DISTRIBUTIONS = {
    "pipelined": "harness.schedule.pipelined:Pipelined",
    "pooled": "harness.schedule.pooled:Pooled",
    "per-test": "harness.schedule.per_test:PerTest",
    "replicate": "harness.schedule.pipelined:Pipelined",
}
DRIVERS = {
    "cuda": "harness.timing.cuda:open_cuda",
    "mock": "harness.testing.driver:open_simulated",
}
"""What a lane's kernel worker opens its device with, by backend."""
SIMULATOR = "harness.testing.driver:SimulatedDriver"
"""The same for virtual time, in which there are no workers' processes."""
TELEMETRY = {
    "cuda": "harness.device.telemetry:NvmlTelemetry",
    "mock": "harness.testing.driver:SimulatedTelemetry",
}
"""What reads the state of a lane's device, by backend."""
LOSSES = {
    "cuda": ("harness.device.health:find_loss", "harness.device.cuda_devices:find_unseen"),
}
"""What tells why a device is gone, and what tries why a lane does not see it, by backend."""
EXPORTS = {
    "csv": "harness.export.csv:format_csv",
    "json": "harness.export.json:format_json",
    "kernel-tuner": "harness.export.kernel_tuner:format_kernel_tuner",
    "script": "harness.export.script:format_script",
    "t4": "harness.export.t4:format_t4",
}
FILES = {
    "parquet": "harness.export.parquet:write_parquet",
}
"""Formats that are no text: they are written to a file, a batch of runs at a time."""

EMITS = {
    "cmake": "harness.export.cmake",
    "header": "harness.export.header",
    "make": "harness.export.make",
    "python": "harness.export.python",
    "values": "harness.export.values",
}
"""Modules, each with `format_tuned`, and `COMMENT` for lines that matter to people only."""


def load(entry: str) -> Any:
    """The class or function that a table's entry names."""
    module, _, attribute = entry.partition(":")
    return getattr(import_module(module), attribute)
