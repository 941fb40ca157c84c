"""Kernels with their configs, on the emulation: what is run, and whether the result is right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.emulation.program import Kind, Order, Problem, Run
from harness.measurement import Launch
from tests.emulation.emulate import build, run
from tests.emulation.variants import Variant
from tests.kernels.cases import Case, Sizes
from tests.kernels.description import Argument, Configuration, Description, load_function

KINDS = {"in": Kind.INPUT, "out": Kind.WRITABLE, "inout": Kind.WRITABLE}


class Batch:
    """All configurations on all problems of a case, in both orders."""

    def __init__(self, case: Case, configurations: Sequence[Configuration]) -> None:
        self._case = case
        self._description = Description(case.config)
        self._configurations = configurations
        self._arguments: list[list[Argument]] = []
        self.runs: list[Run] = []
        for sizes in case.problems:
            for number, configuration in enumerate(configurations):
                self._add(number, configuration, sizes)

    def _add(self, variant: int, configuration: Configuration, sizes: Sizes) -> None:
        launch = self._description.launch(configuration, sizes)
        problem = len(self._arguments)
        self._arguments.append(self._description.arguments(configuration, sizes))
        self.runs += [
            Run(
                variant,
                problem,
                order,
                Launch(launch.grid, launch.block, launch.shared_bytes),
                self._case.resident,
            )
            for order in Order
        ]

    def variants(self, macros: Configuration | None = None) -> list[Variant]:
        """What is compiled: each configuration, with further macros."""
        return [
            Variant({**one, **(macros or {})}, self._description.launch(one, sizes).shared_bytes)
            for sizes in self._case.problems[:1]
            for one in self._configurations
        ]

    def build(self, variants: Sequence[Variant], folder: Path, source: Path | None = None) -> Path:
        """Compile the kernel, or another version of its source."""
        found = source or self._description.source
        return build(found, self._description.function, variants, folder)

    def find_wrong(self, program: Path, runs: Sequence[Run]) -> list[str]:
        """What is wrong with the results of these runs; empty if all are right.

        Raises:
            EmulationError: a kernel misbehaved.
        """
        operands = [_operands(arguments) for arguments in self._arguments]
        wrong = []
        for each, left in zip(runs, run(program, operands, runs), strict=True):
            found = self._compare(self._arguments[each.problem], left)
            if found:
                configuration = self._configurations[each.kernel % len(self._configurations)]
                wrong.append(f"{configuration} {each}: {found}")
        return wrong

    def _compare(self, arguments: Sequence[Argument], left: Sequence[bytes]) -> str:
        description = self._description
        outputs = [one for one in arguments if one.role != "in"]
        given = [one.value if one.is_array else one.value[0] for one in arguments]
        expected = load_function(description.reference)(*given)
        if not isinstance(expected, dict):
            expected = {outputs[0].name: expected}
        for output, data in zip(outputs, left, strict=True):
            found = np.frombuffer(data, output.value.dtype).reshape(output.value.shape)
            right = np.isclose(
                found, expected[output.name], description.rtol, description.atol, equal_nan=False
            )
            if not right.all():
                return f"{output.name}: {np.count_nonzero(~right)} of {right.size} values"
        return ""


def _operands(arguments: Sequence[Argument]) -> Problem:
    return [
        (KINDS[one.role] if one.is_array else Kind.SCALAR, one.value.tobytes()) for one in arguments
    ]
