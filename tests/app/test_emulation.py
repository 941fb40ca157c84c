"""Kernel tests that are verified on the CPU, on simulated devices in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import harness
from harness.app import emulation
from harness.emulation.compiler import find_compiler
from harness.errors import ConfigError
from harness.model import Emulated, Outcome, OutcomeKind
from harness.store.sessions import load_session

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="there is no C++ compiler")

SOURCE = """\
#include "scale.h"
extern "C" __global__ void scale(const float *x, float *y, int n)
{
    extern __shared__ float tile[];
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    tile[threadIdx.x] = i < n ? x[i] : 0.0f;
#if VARIANT != 1 /* a race: half of the threads read what others have not written yet */
    __syncthreads();
#endif
    const float value = FACTOR * tile[blockDim.x - 1 - threadIdx.x];
#if VARIANT != 2 /* the last block writes beyond the end */
    if (i < n)
#endif
        y[i] = value;
}
extern "C" __global__ void simple(const float *x, float *y, int n)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, last = i / BLOCK * BLOCK + BLOCK - 1;
    const int from = last - (i - i / BLOCK * BLOCK);
    if (i < n)
        y[i] = 2 * (from < n ? x[from] : 0.0f);
}
"""
REFERENCE = """\
import numpy as np

def scale(x, y, n):
    padded = np.zeros(-(-n // 64) * 64, "float32")
    padded[:n] = x
    return 2 * padded.reshape(-1, 64)[:, ::-1].ravel()[:n]
"""


@pytest.fixture
def base(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    # What all emulated kernels share is compiled once for all of these tests.
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "emulation"))
    (tmp_path / "scale.cu").write_text(SOURCE)
    (tmp_path / "scale.h").write_text("#define FACTOR 2\n")
    (tmp_path / "flip_reference.py").write_text(REFERENCE)
    (tmp_path / ".harness").mkdir()
    return tmp_path


def tune(base: Path, variants: list[int], **changes: Any) -> harness.Result:
    mock = {"time": "virtual", "emulate": True, **changes.pop("mock", {})}
    kernel = {
        "source": "scale.cu",
        "function": "scale",
        "grid": ["(N + BLOCK - 1) // BLOCK"],
        "block": "BLOCK",
        "shared_bytes": "BLOCK * 4",
        "arguments": [
            {"name": "x", "shape": ["N"]},
            {"name": "y", "shape": ["N"], "role": "out"},
            {"name": "n", "dtype": "int32", "value": "N"},
        ],
        "reference": {"function": "flip_reference:scale"},
        **changes.pop("kernel", {}),
    }
    data = {
        "name": "scale",
        "backend": "mock",
        "parallel": 2,
        "problem": {"N": (1 << 20) + 3, **changes.pop("problem", {})},
        "parameters": {"VARIANT": variants, "BLOCK": [64]},
        "kernel": kernel,
        "mock": mock,
        **changes,
    }
    return harness.tune(harness.make_spec(data, base=base))


def by_variant(result: harness.Result) -> dict[object, Outcome]:
    return {outcome.configuration["VARIANT"]: outcome for outcome in result.outcomes}


def emulated(outcome: Outcome) -> Emulated:
    assert outcome.artifact is not None
    assert outcome.artifact.emulated is not None
    return outcome.artifact.emulated


def test_wrong_variants_are_wrong_results_and_the_right_one_wins(base: Path) -> None:
    result = tune(base, [0, 1, 2], problem={"N": (1 << 20) + 32})
    found = by_variant(result)
    assert {key: outcome.kind for key, outcome in found.items()} == {
        0: OutcomeKind.OK,
        1: OutcomeKind.WRONG_RESULT,
        2: OutcomeKind.WRONG_RESULT,
    }
    assert found[1].reason.startswith("emulated at N = ")
    assert "values are wrong, such as y[" in found[1].reason
    assert "argument y: " in found[2].reason
    assert found[2].evidence is not None
    assert result.best is not None
    assert emulated(result.best).error == 0.0
    text = "\n".join(result.summary.to_lines())
    assert "equal to the reference when emulated on the CPU, at N = " in text
    notes = [note.text for note in load_session(base / ".harness" / "journal.sqlite").notes]
    assert "emulated on the CPU: 1 test right, 2 wrong, 0 not verified" in notes
    again = tune(base, [0, 1, 2], problem={"N": (1 << 20) + 32})
    assert not again.summary.progress.tested  # what was found is recorded


def test_without_it_nothing_is_found(base: Path) -> None:
    result = tune(base, [0, 1], mock={"emulate": False})
    assert {outcome.kind for outcome in result.outcomes} == {OutcomeKind.OK}
    assert "emulated" not in "\n".join(result.summary.to_lines())


def test_sizes_can_be_given(base: Path) -> None:
    found = by_variant(tune(base, [0], mock={"problem": {"N": 65}}))
    assert emulated(found[0]).problem == (("N", 65),)


@pytest.mark.parametrize("parameters", ["macros", "constants"])
def test_a_simple_kernel_is_a_reference(base: Path, parameters: str) -> None:
    """It is beside the tuned one, whose parameters the source does not define."""
    reference = {"kernel": "simple", "grid": ["N // 64 + 1"], "block": [64]}
    source = SOURCE.replace("#if VARIANT != 1 ", "if (VARIANT != 1)//").replace("#endif", "", 1)
    source = source.replace("#if VARIANT != 2 ", "if (VARIANT != 2)//").replace("#endif", "", 1)
    source = source.replace('"scale.h"', "<mine/scale.h>")
    (base / "include" / "mine").mkdir(parents=True)
    (base / "scale.h").rename(base / "include" / "mine" / "scale.h")
    (base / "scale.cu").write_text(source.replace("FACTOR *", "FACTOR * ONE *"))
    kernel = {
        "reference": reference,
        "parameters": parameters,
        "include_directories": ["include"],
        "options": ["-DONE=1"],
    }
    found = by_variant(tune(base, [0, 1], kernel=kernel))
    assert emulated(found[0]).error == 0.0
    assert found[1].kind is OutcomeKind.WRONG_RESULT


def test_a_simple_kernel_of_its_own_file_has_the_folders_and_options(base: Path) -> None:
    (base / "include").mkdir()
    (base / "scale.h").rename(base / "include" / "scale.h")
    simple = SOURCE.partition('extern "C" __global__ void simple')[2].replace("BLOCK", "WIDTH")
    simple = f'#include "scale.h"\n#ifndef BLOCK\nextern "C" __global__ void simple{simple}#endif\n'
    (base / "simple.cu").write_text(simple)
    reference = {"kernel": "simple", "source": "simple.cu", "grid": "N // 64 + 1", "block": 64}
    options = {"include_directories": ["include"], "options": ["-DWIDTH=64"]}
    found = by_variant(tune(base, [0], kernel={"reference": reference, **options}))
    assert emulated(found[0]).error == 0.0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('asm volatile("mov.u32 %0, %laneid;" : "=r"(n));', "the emulation cannot compile it"),
        ("n = __dp4a(n, n, n);", "'__dp4a' was not declared in this scope"),
        ("while (n) if (!blockDim.x) ++n;", "it took longer than"),
    ],
)
def test_what_cannot_be_emulated_is_not_verified_and_goes_on(
    base: Path, line: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.emulation.emulator.RUN_S", 0.5)
    source = SOURCE.replace("    extern __shared__", f"    {line}\n    extern __shared__")
    (base / "scale.cu").write_text(source)
    result = tune(base, [0])
    (outcome,) = result.outcomes
    assert outcome.kind is OutcomeKind.OK
    assert said in emulated(outcome).unverified
    assert f"result: not verified: {emulated(outcome).unverified}" in "\n".join(
        line.strip() for line in result.summary.to_lines()
    )


HOST = """
void launch(float *x) { scale<<<1, BLOCK>>>(x, x, 1); cudaFree(x); }
int main() { launch(0); }
"""


def test_host_code_is_left_out_where_it_says_so(base: Path) -> None:
    (base / "scale.cu").write_text(f"{SOURCE}{HOST}")
    (base / "scale.h").write_text("#define FACTOR 2\n")
    said = emulated(by_variant(tune(base, [0]))[0]).unverified
    assert said.endswith("; host code must be under #ifndef __CUDACC_RTC__")
    (base / "scale.cu").write_text(f"{SOURCE}#ifndef __CUDACC_RTC__\n{HOST}#endif\n")
    assert emulated(by_variant(tune(base, [0]))[0]).error == 0.0


def test_a_reference_that_fails_says_where_and_at_which_size(base: Path) -> None:
    (base / "flip_reference.py").write_text("def scale(x, y, n):\n    return x[1 << 20] + x\n")
    found = by_variant(tune(base, [0]))
    said = emulated(found[0]).unverified
    assert "(flip_reference.py, line 2); that was at N = " in said
    assert said.endswith(", mock.problem sets other sizes")


def test_a_missing_compiler_is_said(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulation, "find_compiler", lambda: None)
    (outcome,) = tune(base, [1]).outcomes
    assert outcome.kind is OutcomeKind.OK
    assert emulated(outcome).unverified == ("there is no C++ compiler; install g++ or set CXX")


def test_a_session_in_which_nothing_was_verified_warns(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not _warnings(tune(base, [0]))
    monkeypatch.setattr(emulation, "find_compiler", lambda: None)
    (said,) = _warnings(tune(base, [0], problem={"N": 1000}))
    assert "nothing could be verified" in said


def _warnings(result: harness.Result) -> list[str]:
    return [note.text for note in result.summary.progress.notes if note.level == "warning"]


def test_a_file_of_results_is_of_the_whole_problem(base: Path) -> None:
    (base / "y.npy").write_bytes(b"")
    (outcome,) = tune(base, [0], kernel={"reference": {"file": "y.npy"}}).outcomes
    assert "holds the results of the whole problem" in emulated(outcome).unverified


def test_arguments_must_be_those_of_the_kernel(base: Path) -> None:
    arguments = [
        {"name": "x", "shape": ["N"]},
        {"name": "y", "shape": ["N"], "role": "out"},
        {"name": "n", "dtype": "int64", "value": "N"},
    ]
    (base / "scale.cu").write_text(SOURCE.replace("int n)", "size n)"))  # what no text tells
    (base / "scale.h").write_text("#define FACTOR 2\ntypedef int size;\n")
    (outcome,) = tune(base, [0], kernel={"arguments": arguments}).outcomes
    assert outcome.kind is OutcomeKind.WRONG_RESULT
    assert "argument n: the kernel takes 4 bytes; it is given a scalar of 8" in outcome.reason


@pytest.mark.parametrize(
    ("mock", "kernel", "message"),
    [
        ({}, {"reference": None}, r"mock.emulate = true: nothing to compare with"),
        ({"problem": {"M": 4}}, {}, r"mock.problem.M: no size in problem"),
    ],
)
def test_what_makes_no_sense_is_refused(
    base: Path, mock: dict[str, Any], kernel: dict[str, Any], message: str
) -> None:
    if kernel:
        with pytest.raises(ConfigError, match=message):
            harness.make_spec(_without_reference(), base=base)
    else:
        with pytest.raises(ConfigError, match=message):
            tune(base, [0], mock=mock)


def _without_reference() -> dict[str, Any]:
    return {
        "parameters": {"BLOCK": [64]},
        "kernel": {"source": "scale.cu", "function": "scale", "grid": 1, "block": 1},
        "mock": {"emulate": True},
    }
