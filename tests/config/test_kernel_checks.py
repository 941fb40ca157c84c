"""What is wrong with a [kernel] table, one mistake at a time."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from harness.config.convert import to_toml
from harness.config.load import load_config
from harness.config.toml import make_spec
from harness.errors import ConfigError

GOOD: dict[str, Any] = {
    "problem": {"N": 1024},
    "parameters": {"BLOCK": [32, 64]},
    "kernel": {
        "source": "k.cu",
        "function": "k<%BLOCK%>",
        "options": ["-O3", "-DN=%N%"],
        "grid": ["(N + BLOCK - 1) // BLOCK"],
        "block": "BLOCK",
        "shared_bytes": "4 * BLOCK",
        "arguments": [
            {"name": "x", "shape": ["N"]},
            {"name": "y", "shape": "N", "role": "out"},
            {"name": "n", "dtype": "int32", "value": "N"},
        ],
        "reference": {"function": "refs:double"},
        "metrics": {"gbps": "8 * N / time_s / 1e9"},
    },
    "scoring": {"optimal": "max", "metric": "gbps"},
}
ARGUMENTS: list[dict[str, Any]] = GOOD["kernel"]["arguments"]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "k.cu").write_text("// a kernel\n")
    return tmp_path


def change(place: str, value: object) -> dict[str, Any]:
    """The good config with one value replaced, or (None) removed."""
    data: Any = copy.deepcopy(GOOD)
    *parts, last = place.split(".")
    inner = data
    for part in parts:
        inner = inner[int(part)] if part.isdecimal() else inner.setdefault(part, {})
    key: Any = int(last) if last.isdecimal() else last
    if value is None:
        del inner[key]
    else:
        inner[key] = value
    return data  # type: ignore[no-any-return]


def problems(data: dict[str, Any], base: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        make_spec(data, base / "tune.toml")
    return [text.partition("tune.toml: ")[2] for text in caught.value.problems]


def test_the_good_one_is_good_and_survives_being_written(base: Path) -> None:
    spec = make_spec(GOOD, base / "tune.toml")
    (base / "tune.toml").write_text(to_toml(spec))
    again = load_config(base / "tune.toml")
    assert again == spec
    assert again.kernel is not None
    assert [argument.name for argument in again.kernel.arguments] == ["x", "y", "n"]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("kernel.source", "none.cu", 'kernel.source = "none.cu": there is no file'),
        ("kernel.source", None, 'kernel.source: missing; add source = "kernel.cu"'),
        ("kernel.code", "// text", "kernel.code: there is a source, too; keep one of the two"),
        ("kernel.function", "k<%BLOK%>", "did you mean %BLOCK%?"),
        ("kernel.function", "k_%%ID%%", "%%ID%% is of commands"),
        ("kernel.function", " ", "empty; write something"),
        ("kernel.options", ["%X%"], "kernel.options[0]: unknown placeholder %X%"),
        ("kernel.compiler", "clang", 'must be "auto", "nvcc" or "nvrtc"'),
        ("kernel.include_directories", ["no"], "there is no folder"),
        ("kernel.architectures", ["8.6"], "not an architecture; write one such as sm_80"),
        ("kernel.grid", ["N", 1, 1, 1], "4 extents; there are x, y and z"),
        ("kernel.grid", [], "kernel.grid = []: empty; give at least one extent"),
        ("kernel.grid", ["N // BLOK"], "unknown name BLOK; did you mean BLOCK?"),
        ("kernel.grid", ["N ÷ 2"], 'kernel.grid[0]: "N ÷ 2", column 3'),
        ("kernel.block", 1.5, "kernel.block = 1.5: must be"),
        ("kernel.block", "device.max_threads", "unknown name device.max_threads"),
        ("kernel.shared_bytes", "time_s", "unknown name time_s"),
        ("kernel.arguments.0.name", "1x", "not a name; use letters"),
        ("kernel.arguments.1.name", "x", "another argument has this name"),
        ("kernel.arguments.0.dtype", "float", 'did you mean "float32"?'),
        ("kernel.arguments.0.dtype", "int", 'did you mean "int32"?'),
        ("kernel.arguments.0.dtype", "double", 'did you mean "float64"?'),
        ("kernel.arguments.0.shape", None, "neither array nor scalar; add shape"),
        ("kernel.arguments.2.value", None, 'kernel.arguments[2] = "n": neither array nor scalar'),
        ("kernel.arguments", [{}], "kernel.arguments[0]: neither array nor scalar"),
        ("kernel.arguments.0.value", 3, "an array has no value"),
        ("kernel.arguments.2.role", "out", "a scalar is passed by value"),
        ("kernel.arguments.0.fill", "randm", "no filling; did you mean random? a file ends in"),
        ("kernel.arguments.0.fill", "x", "fillings: random, zeros, ones, arange; a file ends in"),
        ("kernel.arguments.0.fill", "x.npy", "name one that numpy.save wrote"),
        ("kernel.arguments.0.high", -1, "must be above low = 0"),
        ("kernel.arguments.1.role", "in", "no argument comes out of the kernel"),
        ("kernel.reference", {}, "nothing to compare with; give one of function, kernel, file"),
        ("kernel.reference.file", "y.npy", "function and file; give one"),
        ("kernel.reference", {"kernel": "k"}, "kernel.reference.grid: missing; the reference's"),
        (
            "kernel.reference",
            {"kernel": "k", "grid": "BLOCK", "block": 1},
            'kernel.reference.grid: "BLOCK", column 1: unknown name BLOCK',
        ),
        ("kernel.reference.block", 3, "there is no kernel that it would be of"),
        ("kernel.reference.function", "double", "not module:function"),
        ("kernel.reference.atol", -1, "kernel.reference.atol = -1: must be a number >= 0"),
        ("kernel.metrics.gbps", "8 * N / time", "did you mean time_s?"),
        ("kernel.metrics.a-b", "1", "not a name"),
        ("kernel.measure.stop", "never", 'must be "auto"'),
        ("scoring.metric", "gflops", "no such metric; "),
        ("scoring.metric", None, "which metric? add scoring.metric"),
        ("scoring.optimal", "min_time", "min_time scores the time; remove it"),
        ("command.test", "./app", "there is a [kernel] too; keep one of the two"),
        ("kernel.bloc", 3, "unknown key; did you mean block?"),
        ("kernel.arch", "sm_90", "unknown key; did you mean architectures?"),
        ("kernel.timeout_s", "5s", "must be a number > 0; write 5 without quotes, in the unit of"),
        ("kernel.timeout_s", "0.5 s", "write 0.5 without quotes, in the unit of the key"),
        ("kernel.shared_bytes", "48 KiB", "write a Python expression, as a number 4 * BLOCK_X"),
        ("kernel.block", "BLOCK, 1, 1", 'may be several, write a list of texts, ["A", "B"]'),
        ("parameters.BLOCK", "64, 128", 'parameters.BLOCK = "64, 128": must be a list of values '),
        ("parameters.BLOCK", "64, 128", "; write [64, 128]"),
        ("parameters.BLOCK", "fast, slow", '; write ["fast", "slow"]'),
    ],
)
def test_a_mistake_gives_its_message(place: str, value: object, message: str, base: Path) -> None:
    found = problems(change(place, value), base)
    assert any(message in text for text in found), found
    assert all(len(text.splitlines()) == 1 for text in found)


def test_repeats_are_exact_or_there_are_none(base: Path) -> None:
    data = change("kernel.measure", {"stop": "race"})
    data["scoring"]["repeat"] = 5
    assert problems(data, base) == [
        'scoring.repeat = 5: "race" decides how many samples; remove repeat, or stop'
    ]


def test_all_mistakes_are_told_at_once(base: Path) -> None:
    data = change("kernel.grid", ["X"])
    data["kernel"]["block"] = "Y"
    data["kernel"]["arguments"][0]["shape"] = ["Z"]
    assert len(problems(data, base)) == 3


def test_a_metric_without_a_kernel_is_refused(tmp_path: Path) -> None:
    data = {
        "parameters": {"A": [1]},
        "command": {"test": "x"},
        "scoring": {"optimal": "max", "metric": "gbps"},
    }
    found = problems(data, tmp_path)
    assert found == [
        'scoring.metric = "gbps": there is no [kernel] whose metric it could be; remove it'
    ]


PYTHON = {
    "language": "numba",
    "source": "k.py",
    "function": "make",
    "options": [],
}


def python(**changes: object) -> dict[str, Any]:
    data = copy.deepcopy(GOOD)
    data["kernel"] |= PYTHON | changes
    return data


def test_a_python_source_says_its_language(base: Path) -> None:
    (base / "k.py").write_text("def make(BLOCK): ...\n")
    assert make_spec(python(), base / "tune.toml").kernel is not None
    assert problems(change("kernel.source", "k.py"), base) == [
        'kernel.source = "k.py": Python, but the language is CUDA C++; add language = '
        '"numba", or "cupy"'
    ]
    assert problems(python(source="k.cu", language="cupy"), base) == [
        'kernel.source = "k.cu": no Python file, but the language is cupy; name one '
        "that ends in .py"
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"function": "k<%BLOCK%>"},
            'kernel.function = "k<%BLOCK%>": not the name of a Python function; name the factory, '
            "as make_saxpy",
        ),
        (
            {"parameters": "constants"},
            'kernel.parameters = "constants": for CUDA C++ only; remove it: a factory gets the '
            "parameters that its arguments name",
        ),
        (
            {"compiler": "nvrtc"},
            'kernel.compiler = "nvrtc": for CUDA C++ only; remove it: Numba compiles its kernels '
            "itself",
        ),
        (
            {"arguments": [{"name": "x", "shape": ["N"], "dtype": "bfloat16", "role": "out"}]},
            'kernel.arguments[0].dtype = "bfloat16": Numba\'s kernels do not take it; use float16 '
            "or float32, or CUDA C++",
        ),
        (
            {
                "arguments": [
                    {"name": "x", "shape": ["N"], "role": "out"},
                    {"name": "w", "shape": [4], "role": "constant"},
                ]
            },
            'kernel.arguments[1].role = "constant": Numba\'s kernels have no variables that can be '
            "filled; use cuda.const.array_like",
        ),
        (
            {"reference": {"kernel": "plain", "grid": 1, "block": 1}},
            "kernel.reference.source: missing; the reference's kernel is CUDA C++: name its file",
        ),
    ],
)
def test_what_does_not_go_with_numba(base: Path, changes: dict[str, object], problem: str) -> None:
    (base / "k.py").write_text("def make(BLOCK): ...\n")
    assert problems(python(**changes), base) == [problem]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-Iinclude"], 'options[0] = "-Iinclude": relative'),
        (["-O3", "-I", "../a"], 'options[2] = "../a": relative, to no folder in particular; write'),
        (["-isystem=lib", "-lineinfo"], 'options[0] = "-isystem=lib": relative'),
        (["-I/usr/include", "-I", "/opt/a", "-I%N%", "-DI=include", "include"], ""),
        (["-arch=native"], 'options[0] = "-arch=native": lanes say what to compile for; remove it'),
        (["-gencode", "arch=compute_90,code=sm_90"], 'or write architectures = ["sm_90"]'),
        (["-O3", "-o", "app"], 'options[1] = "-o": what is made of the source is'),
        (["-rdc=true"], "a cubin; remove it"),
        (["-O3 -lineinfo"], 'several words in one text; write "-O3", "-lineinfo"'),
        (["-Xptxas -v"], 'write "-Xptxas", "-v"'),
        (['-DT="a -b"', "--ptxas-options=-v -O2", "-code-x", "-Xcompiler", "-Wall -g"], ""),
    ],
)
def test_options_that_make_something_else(base: Path, options: list[str], said: str) -> None:
    data = change("kernel.options", options)
    if said:
        assert said in "\n".join(problems(data, base))
    else:
        make_spec(data, base / "tune.toml")


SOURCE = """
template <int BLOCK> __global__ void k(const float *x, float *y, int n) {}
__global__ void simple(const float *x, float *y) {}
"""


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (
            "kernel.function",
            "kk<%BLOCK%>",
            '= "kk<%BLOCK%>": the source has no kernel of that name; did',
        ),
        (
            "kernel.arguments.2.dtype",
            "float32",
            '[2] = "n": k takes int n there; it has dtype float32: write',
        ),
        ("kernel.arguments.2.dtype", "int64", 'it has dtype int64: write dtype = "int32"'),
        ("kernel.arguments.2.dtype", "uint32", ""),
        (
            "kernel.arguments.0.dtype",
            "float16",
            'its elements are float16: write dtype = "float32"',
        ),
        ("kernel.arguments.0.dtype", "int32", ""),
        ("kernel.arguments.0.role", "inout", "k takes const float *x there; it cannot write that"),
        (
            "kernel.arguments.2",
            None,
            "2, but k takes 3 arguments: const float *x, float *y, int n;",
        ),
        ("kernel.arguments.0", {"name": "x", "value": 1}, "give it a shape in place of a value"),
        ("kernel.arguments.0", {"name": "x", "value": 0, "dtype": "uint64"}, ""),
        ("kernel.arguments.2", {"name": "n", "shape": 3}, "give it a value in place of a shape"),
        (
            "kernel.reference",
            {"kernel": "simple", "grid": 1, "block": 1},
            "3, but simple takes 2 arg",
        ),
    ],
)
def test_what_the_source_declares(base: Path, place: str, value: object, said: str) -> None:
    (base / "k.cu").write_text(SOURCE)
    data = change(place, value)
    if said:
        assert said in "\n".join(problems(data, base))
    else:
        make_spec(data, base / "tune.toml")


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ({"name": "weights", "shape": ["N"]}, ""),
        ({"name": "weights", "value": 2}, ""),
        (
            {"name": "weighs", "shape": ["N"]},
            'kernel.arguments[0] = "weighs": the source has no variable of that name; name one, or '
            "remove the role",
        ),
    ],
)
def test_variables_are_beside_what_the_kernel_takes(
    base: Path, variable: dict[str, object], said: str
) -> None:
    (base / "k.cu").write_text(f"__constant__ float weights[99];\n{SOURCE}")
    data = change("kernel.arguments", [{**variable, "role": "constant"}, *ARGUMENTS])
    if said:
        assert problems(data, base) == [said]
    else:
        spec = make_spec(data, base / "tune.toml")
        (base / "tune.toml").write_text(to_toml(spec))
        assert load_config(base / "tune.toml").kernel == spec.kernel


def test_what_is_only_read_does_not_come_out(base: Path) -> None:
    (base / "k.cu").write_text("__constant__ float weights[99];\n")
    weights = {"name": "weights", "shape": ["N"], "role": "constant"}
    assert "no argument comes out of the kernel" in "\n".join(
        problems(change("kernel.arguments", [weights]), base)
    )


def test_a_kernel_may_be_in_a_header_or_made_by_a_macro(base: Path) -> None:
    for line in ('#include "more.cuh"', "#define MAKE(name) k##name"):
        (base / "k.cu").write_text(f"{line}\n{SOURCE}")
        make_spec(change("kernel.function", "k2<%BLOCK%>"), base / "tune.toml")


def test_a_source_in_the_config_is_looked_at_too(base: Path) -> None:
    data = change("kernel.code", SOURCE.replace("int n", "double n"))
    del data["kernel"]["source"]
    assert 'write dtype = "float64"' in "\n".join(problems(data, base))
