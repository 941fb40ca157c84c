"""A kernel's config, resolved for one configuration and problem: launch, arguments, reference.

Expressions are evaluated by Python here, so that the kernels are checked against what their configs
mean, whatever the harness makes of them.
"""

from __future__ import annotations

import importlib
import itertools
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.configuration import Value

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"

Array = npt.NDArray[Any]
Configuration = Mapping[str, Value]

DEVICE = SimpleNamespace(
    sm_count=2,
    max_threads_per_block=1024,
    max_shared_bytes_per_block=48 * 1024,
    max_shared_bytes_per_block_optin=99 * 1024,
    registers_per_sm=65536,
)
"""A GPU of the least abilities: with few multiprocessors, grids that stride do go around."""


@dataclass(frozen=True)
class Argument:
    """A scalar's value, or how an array begins."""

    name: str
    role: str
    value: Array
    is_array: bool


@dataclass(frozen=True)
class Launch:
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared_bytes: int


class Description:
    """What a file in configs/ says about its kernel."""

    def __init__(self, name: str) -> None:
        self._table = tomllib.loads((CONFIGS / f"{name}.toml").read_text())
        kernel = self._table["kernel"]
        self.source = (CONFIGS / kernel["source"]).resolve()
        self.function: str = kernel["function"]
        self.parameters: dict[str, list[Value]] = self._table["parameters"]
        self.reference: str = kernel["reference"]["function"]
        self.atol: float = kernel["reference"].get("atol", 0.0)
        self.rtol: float = kernel["reference"].get("rtol", 0.0)
        self.sizes: dict[str, int] = self._table["problem"]

    def extremes(self) -> dict[str, tuple[Value, ...]]:
        """Each parameter's first and last value."""
        return {name: (values[0], values[-1]) for name, values in self.parameters.items()}

    def configurations(self, values: Mapping[str, tuple[Value, ...]]) -> list[dict[str, Value]]:
        """All combinations of `values` that the config's constraints allow."""
        constraints = self._table.get("space", {}).get("constraints", ())
        combinations = itertools.product(*values.values())
        named = [dict(zip(values, chosen, strict=True)) for chosen in combinations]
        return [
            one for one in named if all(_evaluate(rule, self.sizes, one) for rule in constraints)
        ]

    def metrics(self, time_s: float) -> dict[str, float]:
        """The metrics of a test of the problem as configured that takes so long."""
        first = {name: values[0] for name, values in self.parameters.items()}
        formulas = self._table["kernel"]["metrics"]
        return {
            name: _evaluate(text, self.sizes, {**first, "time_s": time_s})
            for name, text in formulas.items()
        }

    def launch(self, configuration: Configuration, sizes: Mapping[str, int]) -> Launch:
        kernel = self._table["kernel"]
        grid, block = (
            tuple(_evaluate(text, sizes, configuration) for text in kernel[name])
            for name in ("grid", "block")
        )
        shared = _evaluate(kernel.get("shared_bytes", 0), sizes, configuration)
        return Launch((*grid, 1, 1)[:3], (*block, 1, 1)[:3], shared)

    def arguments(self, configuration: Configuration, sizes: Mapping[str, int]) -> list[Argument]:
        """The kernel's arguments; outputs hold nothing of use."""
        made = []
        for entry in self._table["kernel"]["arguments"]:
            dtype = np.dtype(entry["dtype"])
            if "value" in entry:
                value = np.array([_evaluate(entry["value"], sizes, configuration)], dtype)
            else:
                shape = tuple(_evaluate(one, sizes, configuration) for one in entry["shape"])
                value = _fill(entry, dtype, shape)
            made.append(Argument(entry["name"], entry.get("role", "in"), value, "shape" in entry))
        return made


def _fill(entry: Mapping[str, Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    fill = entry.get("fill", "random")
    if entry.get("role") == "out":
        return np.frombuffer(b"\xff" * (dtype.itemsize * math.prod(shape)), dtype).reshape(shape)
    if fill == "zeros":
        return np.zeros(shape, dtype)
    if fill != "random":
        made: Array = load_function(fill)(shape, 1)
        return made.astype(dtype)
    source = np.random.default_rng([*entry["name"].encode()])
    if dtype.kind in "iu":
        return source.integers(entry["low"], entry["high"], shape).astype(dtype)
    return source.random(shape).astype(dtype)


def _evaluate(text: Any, sizes: Mapping[str, int], configuration: Configuration) -> Any:
    if not isinstance(text, str):
        return text
    names = {"min": min, "max": max, "device": DEVICE, **sizes, **configuration}
    return eval(text.replace("\n", " "), {"__builtins__": {}}, names)


def load_function(name: str) -> Any:
    """The function that `module:function` names."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)
