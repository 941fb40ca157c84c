from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.config.convert import to_toml
from harness.config.load import load_config
from harness.config.spec import Spec
from harness.config.t1 import load_t1, spec_of_t1
from harness.config.t1_values import parse_values
from harness.config.toml import make_spec
from harness.errors import ConfigError
from tests.config.conftest import parse_toml


def t1(parameters: list[Any], conditions: Any = ()) -> dict[str, Any]:
    listed = list(conditions) if isinstance(conditions, tuple) else conditions
    return {"ConfigurationSpace": {"TuningParameters": parameters, "Conditions": listed}}


def parameter(name: str, values: Any, kind: str = "int") -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Values": values}


CONTENT = t1(
    [
        parameter("block_x", "[1, 2] + list(range(32, 65, 32))"),
        parameter("block_y", "[2**i for i in range(0, 3)]"),
        parameter("scale", "[1, 2.5]", "float"),
        parameter("layout", "['row', 'column']", "string"),
    ],
    ({"Expression": "block_x*block_y<= 64", "Parameters": ["block_x", "block_y"]},),
)


def read(content: dict[str, Any]) -> Spec:
    return spec_of_t1(content, Path("kernel.t1.json"))


def test_reads_parameters_and_conditions() -> None:
    spec = read(CONTENT)
    assert spec.name == "kernel"
    assert spec.parameters == {
        "block_x": (1, 2, 32, 64),
        "block_y": (1, 2, 4),
        "scale": (1.0, 2.5),
        "layout": ("row", "column"),
    }
    assert spec.space.constraints == ("block_x*block_y<= 64",)
    assert spec.problem == {}


def test_reads_a_file_which_its_suffix_says(tmp_path: Path) -> None:
    path = tmp_path / "kernel.t1.json"
    path.write_text(json.dumps(CONTENT))
    assert load_config(path) == load_t1(path)
    assert list(load_config(path).parameters) == ["block_x", "block_y", "scale", "layout"]


KERNEL = {
    "Language": "CUDA",
    "KernelName": "sum",
    "KernelFile": "my kernel.cu",
    "CompilerOptions": ["-std=c++11", "-DRATE=50%"],
    "ProblemSize": [4096, 512],
}


def test_proposes_to_compile_a_cuda_kernel_with_the_parameters_as_macros() -> None:
    spec = read(t1([parameter("N", "[1, 2]")]) | {"KernelSpecification": KERNEL})
    assert spec.problem == {"problem_size_x": 4096, "problem_size_y": 512}
    assert spec.command.compile == (
        "nvcc -std=c++11 -DRATE=50%%%% -DN=%N% -o kernel_%%ID%% 'my kernel.cu'"
    )
    assert spec.command.test == "./kernel_%%ID%%"
    assert spec.command.clean == "rm -f kernel_%%ID%%"


@pytest.mark.parametrize("size", ["N * 2", [1.5], [1, 2, 3, 4], None, {"X": 1}])
def test_other_kernels_and_sizes_are_left_to_the_user(size: Any) -> None:
    kernel = {**KERNEL, "Language": "OpenCL", "ProblemSize": size}
    spec = read(t1([parameter("N", "[1]")]) | {"KernelSpecification": kernel})
    assert spec.problem == {}
    assert spec.command.compile is None
    assert spec.command.test == "./kernel N=%N%"


def test_survives_as_toml() -> None:
    spec = read(CONTENT | {"KernelSpecification": KERNEL})
    assert make_spec(parse_toml(to_toml(spec)), spec.path) == spec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, -2, 3]", [1, -2, 3]),
        ("(1, 2)", [1, 2]),
        ("list(range(4))", [0, 1, 2, 3]),
        ("range(8, 0, -4)", [8, 4]),
        ("[i*i for i in range(5) if i % 2 == 0]", [0, 4, 16]),
        ("list(i + 1 for i in (1, 2))", [2, 3]),
        ("['a', True, 0.5]", ["a", True, 0.5]),
    ],
)
def test_reads_lists_as_python_would(text: str, expected: list[object]) -> None:
    assert parse_values(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "empty; list at least one value"),
        ("[1", "was never closed"),
        ("7", "Constant is no list"),
        ("open('x')", "open is not one of list, tuple, range"),
        ("[__import__('os')]", "cannot be called"),
        ("[i for i in range(9) for j in range(9)]", "one `for`"),
        ("range(10 ** 9)", "1000000000 values; 100000 are allowed"),
        ("range(0.5)", "expected integers"),
        ("range(1, 2, 0)", "must not be zero"),
        ("[1 / 0]", "division by zero"),
        ("[2 ** 10 ** 10]", "exponent"),
        ("[(1).real]", "an attribute is not part"),
    ],
)
def test_refuses_other_code(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_values(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "kernel.t1.json: no ConfigurationSpace"),
        (t1([{"Type": "int"}]), "kernel.t1.json: TuningParameters[0]: no Name"),
        (t1([parameter("A", 3)]), "A: Values = 3; expected a list"),
        (t1([parameter("A", [[1]])]), "A: the value [1]; expected a number"),
        (t1([parameter("A", "['x']", "float")]), "A: Type float: could not convert"),
        (t1([parameter("A", [1, 1])]), "listed twice"),
        (t1([parameter("A", [1])], [{}]), "kernel.t1.json: Conditions[0]: no Expression"),
        (t1([parameter("A", [1])], [{"Expression": "B>1"}]), "unknown name B"),
        (t1([parameter("A-B", [1])]), "parameters.A-B: not a parameter name"),
        (t1([parameter("A", [1])], "A>1"), "Conditions = 'A>1'; expected a list"),
    ],
)
def test_says_what_is_wrong(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(content)
    assert message in str(caught.value)


def test_reports_every_problem() -> None:
    with pytest.raises(ConfigError) as caught:
        read(t1([parameter("A", "[]"), parameter("B", "7")]))
    assert len(caught.value.problems) == 2


def test_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_t1(tmp_path / "absent.json")
    path = tmp_path / "broken.json"
    path.write_text("{")
    with pytest.raises(ConfigError, match=r"no JSON.*give a T1 file"):
        load_t1(path)
    path.write_text("[]")
    with pytest.raises(ConfigError, match="no ConfigurationSpace"):
        load_t1(path)
