"""The variables of binaries that are filled by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.compile.base import Translator
from harness.compile.source import KernelSource
from harness.compile.variables import AmbiguityError, Variable, read_variables
from tests.compile.test_real import open_translator

SOURCE = """\
__constant__ float weights[64];
__constant__ float unused[32];
static __constant__ int count;
__device__ float table[16];
namespace outer { namespace inner { __constant__ double scale; } }
extern "C" __global__ void k(float *o, int i)
{
    o[i] = weights[i] + count + table[i] + outer::inner::scale;
}
"""
VARIABLES = {
    "weights": Variable("weights", 256),
    "unused": Variable("unused", 128),
    "count": Variable("count", 4),
    "table": Variable("table", 64),
    "scale": Variable("_ZN5outer5inner5scaleE", 8),
}


@pytest.mark.parametrize("name", [pytest.param("nvcc", marks=pytest.mark.nvcc), "nvrtc"])
def test_variables_are_found_by_their_names_in_the_source(name: str, tmp_path: Path) -> None:
    translator: Translator = open_translator(name)
    made = translator.translate(KernelSource(SOURCE, "k", "sm_80"))
    translator.close()
    path = tmp_path / "k.cubin"
    path.write_bytes(made.binary)
    assert read_variables(str(path), [*VARIABLES, "k", "absent"]) == VARIABLES
    assert read_variables(str(path), ["table"]) == {"table": VARIABLES["table"]}


@pytest.mark.nvcc
def test_of_several_of_one_name_the_outermost_is_meant(tmp_path: Path) -> None:
    inner = SOURCE.replace("__device__ float table[16];", "namespace a { __device__ int count; }")
    text = inner.replace("table[i]", "a::count")
    path = tmp_path / "k.cubin"
    translator = open_translator("nvcc")
    path.write_bytes(translator.translate(KernelSource(text, "k", "sm_80")).binary)
    assert read_variables(str(path), ["count"]) == {"count": VARIABLES["count"]}
    both = text.replace("static __constant__ int count;", "namespace b { __constant__ int count; }")
    source = KernelSource(both.replace("+ count", "+ b::count"), "k", "sm_80")
    path.write_bytes(translator.translate(source).binary)
    translator.close()
    with pytest.raises(AmbiguityError, match=r"count may be either of the variables _ZN.*_ZN"):
        read_variables(str(path), ["count"])
