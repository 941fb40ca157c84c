"""The CUDA C++ kernels, run on the CPU: every configuration of a reduced space is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.emulation.emulate import Kind, Order, Problem, Run, build, run
from tests.emulation.variants import Variant
from tests.kernels.cases import CASES, Case
from tests.kernels.description import Argument, Description, load_function


def _operands(arguments: list[Argument]) -> Problem:
    kinds = {"in": Kind.INPUT, "out": Kind.WRITABLE, "inout": Kind.WRITABLE}
    return [
        (kinds[one.role] if one.is_array else Kind.SCALAR, one.value.tobytes()) for one in arguments
    ]


def _check(description: Description, arguments: list[Argument], left: tuple[bytes, ...]) -> None:
    outputs = [one for one in arguments if one.role != "in"]
    given = [one.value if one.is_array else one.value[0] for one in arguments]
    expected = load_function(description.reference)(*given)
    if not isinstance(expected, dict):
        expected = {outputs[0].name: expected}
    for output, data in zip(outputs, left, strict=True):
        if output.name not in expected:
            continue
        found = np.frombuffer(data, output.value.dtype).reshape(output.value.shape)
        np.testing.assert_allclose(
            found, expected[output.name], description.rtol, description.atol, equal_nan=False
        )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.config)
def test_every_configuration_is_right(case: Case, tmp_path: Path) -> None:
    description = Description(case.config)
    configurations = description.configurations(case.values)
    variants = [
        Variant(one, description.launch(one, case.problems[0]).shared_bytes)
        for one in configurations
    ]
    program = build(description.source, description.function, variants, tmp_path)

    problems, runs = [], []
    for sizes in case.problems:
        for number, configuration in enumerate(configurations):
            problems.append(description.arguments(configuration, sizes))
            launch = description.launch(configuration, sizes)
            runs += [
                Run(
                    number,
                    len(problems) - 1,
                    order,
                    launch.grid,
                    launch.block,
                    launch.shared_bytes,
                    case.resident,
                )
                for order in Order
            ]
    assert runs
    left = run(program, [_operands(arguments) for arguments in problems], runs)
    for each, outputs in zip(runs, left, strict=True):
        try:
            _check(description, problems[each.problem], outputs)
        except AssertionError as error:
            raise AssertionError(f"{configurations[each.variant]} {each}{error}") from None
