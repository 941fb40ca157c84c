from __future__ import annotations

import pytest

from harness.compile.nvrtc_remedies import add_remedy

ONLY_DEVICE = 'put host code under #ifndef __CUDACC_RTC__, or set kernel.compiler = "nvcc"'


@pytest.mark.parametrize(
    "reason",
    [
        'k.cu(1): catastrophic error: cannot open source file "cstdio"',
        'k.cu(1): catastrophic error: cannot open source file "stdio.h"',
        'k.cu(1): catastrophic error: cannot open source file "vector"',
        "k.cu(9): error: A function without execution space annotations is considered a host "
        "function, and host functions are not allowed in JIT mode. Consider using -default-device",
    ],
)
def test_host_code(reason: str) -> None:
    said = add_remedy(reason)
    assert said.endswith(ONLY_DEVICE)
    assert "Consider" not in said


def test_an_option_that_it_does_not_know() -> None:
    said = add_remedy("nvrtc: error: unrecognized option --x found")
    assert said.endswith('; leave it out, or kernel.compiler = "nvcc" if that knows it')


@pytest.mark.parametrize(
    "reason",
    [
        'k.cu(1): catastrophic error: cannot open source file "tile.cuh"',
        'k.cu(1): catastrophic error: cannot open source file "mylib/all"',
        'k.cu(1): error: identifier "N" is undefined',
    ],
)
def test_what_nvcc_would_say_too(reason: str) -> None:
    assert add_remedy(reason) == reason
