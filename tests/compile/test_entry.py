from __future__ import annotations

import pytest

from harness.compile.entry import find_candidates, mark_entry, pick_entry
from harness.compile.source import KernelSource

# As nvcc 13.0 names them, and what c++filt makes of it.
NAMES = {
    "plain": "plain",
    "_ZN2ns5saxpyEfPf": "ns::saxpy(float, float*)",
    "_ZN2ns5saxpyEdPd": "ns::saxpy(double, double*)",
    "_Z5saxpyfPf": "saxpy(float, float*)",
    "_Z6matmulIfLi16EEvPT_PKS0_": "void matmul<float, 16>(float*, float const*)",
    "_Z6matmulIdLi16EEvPT_PKS0_": "void matmul<double, 16>(double*, double const*)",
}


@pytest.mark.parametrize(
    ("function", "candidates"),
    [
        ("plain", ["plain"]),
        ("saxpy", ["_ZN2ns5saxpyEfPf", "_ZN2ns5saxpyEdPd", "_Z5saxpyfPf"]),
        ("matmul<float, 4 * 4>", ["_Z6matmulIfLi16EEvPT_PKS0_", "_Z6matmulIdLi16EEvPT_PKS0_"]),
        ("ns::other<std::tuple<int>>", list(NAMES)),
    ],
)
def test_candidates(function: str, candidates: list[str]) -> None:
    entries = [*NAMES, "_Z13harness_entryIPFvPfEXadL_Z5plainS0_EEEvv"]
    assert list(find_candidates(entries, function)) == candidates


@pytest.mark.parametrize(
    ("mark", "entry"),
    [
        ("<void (*)(float*), &(plain(float*))>", "plain"),
        ("<void (*)(float, float*), &ns::saxpy>", "_ZN2ns5saxpyEfPf"),
        ("<void (*)(double, double*), &(ns::saxpy(double, double*))>", "_ZN2ns5saxpyEdPd"),
        ("<void (*)(float, float*), &(saxpy(float, float*))>", "_Z5saxpyfPf"),
        (
            "<void (*)(double*, double const*), "
            "&(void matmul<double, 16>(double*, double const*))>",
            "_Z6matmulIdLi16EEvPT_PKS0_",
        ),
        ("<void (*)(int), &(nothing(int))>", None),
    ],
)
def test_the_mark_names_its_kernel(mark: str, entry: str | None) -> None:
    assert pick_entry({**NAMES, "_Z13harness_entryI": f"void harness_entry{mark}()"}) == entry


def test_text_keeps_its_line_numbers() -> None:
    source = KernelSource(
        "int a;\nint b;", "f<1>", "sm_90", path='/a "b"/c.cu', macros=(("N", "1, 2"), ("M", ""))
    )
    lines = mark_entry(source).splitlines()
    assert lines[:5] == [
        "#define N 1, 2",
        "#define M ",
        '#line 1 "/a \\"b\\"/c.cu"',
        "int a;",
        "int b;",
    ]
    assert lines[-1].endswith("harness_entry<decltype(&f<1>), &f<1>>();")
