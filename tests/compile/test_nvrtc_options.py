from __future__ import annotations

import pytest

from harness.compile.nvrtc_options import adapt_options


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-O3", "-std=c++17"], ["-std=c++17"]),
        (["-O", "3", "--optimize", "2", "--optimize=1", "-lineinfo"], ["-lineinfo"]),
        (["-Xcompiler", "-Wall", "-w"], ["-w"]),
        (["--compiler-options=-O2", "-ccbin", "g++-12", "-m64", "-g"], []),
        (["-std", "c++20", "--std", "c++17"], ["-std=c++20", "--std=c++17"]),
        (["-Xptxas", "-O1", "-DOPT=-O3"], ["-Xptxas=-O1", "-DOPT=-O3"]),
        (["-G", "-use_fast_math", "--no-such"], ["-G", "-use_fast_math", "--no-such"]),
        (["-Xcompiler"], []),
    ],
)
def test_options_for_nvrtc(options: list[str], expected: list[str]) -> None:
    assert adapt_options(options) == expected
