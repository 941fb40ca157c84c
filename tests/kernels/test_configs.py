"""The kernels' configs: each fits its kernel, and says what is measured."""

from __future__ import annotations

import re

import pytest

from tests.kernels.cases import CASES
from tests.kernels.description import CONFIGS, ROOT, Description, load_function

NAMES = tuple(case.config for case in CASES)
WHOLE_PROGRAMS = {"laplace3d"}
C_TYPES = {
    "half": "float16",
    "float": "float32",
    "float4": "float32",
    "int": "int32",
    "unsigned": "uint32",
    "unsigned char": "uint8",
    "Word": "uint64",
}

each = pytest.mark.parametrize("name", NAMES)


def _signature(source: str, function: str) -> list[tuple[str, bool]]:
    """Of each argument of the kernel: its type, and whether it points to what may be written."""
    found = re.search(rf'extern "C" __global__[^;{{]*\b{function}\(([^)]*)\)', source)
    assert found is not None
    texts = [re.sub(r"\s+", " ", text.strip()) for text in found[1].split(",")]
    return [
        (re.sub(r"^const |\s?\*.*| \w+$", "", text), "*" in text and not text.startswith("const "))
        for text in texts
    ]


def test_every_kernel_has_a_config_and_a_case() -> None:
    kernels = {path.stem for path in (ROOT / "kernels").glob("*.cu")} - WHOLE_PROGRAMS
    texts = {path.stem: path.read_text() for path in CONFIGS.glob("*.toml")}
    configs = {
        name
        for name, text in texts.items()
        if "\n[kernel]\n" in text and "\nlanguage = " not in text
    }
    assert kernels == configs == set(NAMES)


@each
def test_arguments_are_those_of_the_kernel(name: str) -> None:
    description = Description(name)
    configuration = description.configurations(description.extremes())[0]
    arguments = description.arguments(configuration, {**description.sizes, **_tiny(name)})
    signature = _signature(description.source.read_text(), description.function)
    assert [C_TYPES[c_type] for c_type, _ in signature] == [
        str(argument.value.dtype) for argument in arguments
    ]
    assert [written for _, written in signature] == [one.role != "in" for one in arguments]


def _tiny(name: str) -> dict[str, int]:
    return dict(next(case.problems[0] for case in CASES if case.config == name))


@each
def test_every_parameter_has_a_default_and_a_description(name: str) -> None:
    description = Description(name)
    source = description.source.read_text()
    head = source[: source.index("#ifndef")]
    defaults = set(re.findall(r"#ifndef (\w+)\n#define \1 \d+\n#endif", source))
    in_the_launch_only = set(description.parameters) - defaults
    assert defaults <= set(description.parameters)
    assert in_the_launch_only <= {"BLOCKS_PER_SM"}
    assert all(re.search(rf"\b{parameter}\b", head) for parameter in defaults)
    assert "Bound: " in head


@each
def test_defaults_are_a_valid_configuration(name: str) -> None:
    description = Description(name)
    defaults = dict(
        re.findall(r"#ifndef (\w+)\n#define \1 (\d+)\n", description.source.read_text())
    )
    assert description.configurations(
        {
            parameter: (int(defaults[parameter]),) if parameter in defaults else tuple(values)
            for parameter, values in description.parameters.items()
        }
    )


@each
def test_the_reduced_space_is_a_part_of_it(name: str) -> None:
    description = Description(name)
    case = next(case for case in CASES if case.config == name)
    assert list(case.values) == list(description.parameters)
    for parameter, values in case.values.items():
        assert set(values) <= set(description.parameters[parameter])


@each
def test_it_says_what_is_right_and_what_is_measured(name: str) -> None:
    description = Description(name)
    metrics = description.metrics(time_s=1e-3)
    assert callable(load_function(description.reference))
    assert set(metrics) in ({"gflops"}, {"gbps"})
    # A millisecond for the problem as configured: a number that GPUs come near to.
    assert all(10 < metric < 200_000 for metric in metrics.values())
