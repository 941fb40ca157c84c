"""The kernels in Python: Numba's in its simulator and its compiler, CuPy's by what it is given."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from tests.kernels.description import ROOT

needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None,
    reason="numba is not installed; it comes with the extras cuda12 and cuda13",
)

COMPILE = """
import sys
from numba import cuda, float32, int32
from numba.cuda.cudadrv import nvrtc, nvvm

from kernels.matmul import make_matmul
from kernels.reduction import make_reduction
from kernels.saxpy import make_saxpy

vector, matrix = float32[::1], float32[:, ::1]
try:
    nvvm.NVVM()
    nvrtc.get_supported_ccs()
except Exception as error:
    print(error)
    sys.exit(5)
for kernel, types in (
    (make_saxpy(4), (float32, vector, vector, int32)),
    (make_reduction(256, 4), (vector, vector, int32)),
    (make_matmul(32, 4), (matrix, matrix, matrix, int32, int32, int32)),
):
    ptx, _ = cuda.compile_ptx(kernel.py_func, types, cc=(8, 0))
    # What is kept in local arrays must end up in registers, and nothing in double precision.
    for slow in ("ld.local", "st.local", "cvt.f64.f32"):
        assert slow not in ptx, (kernel.py_func.__name__, slow)
"""


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "NUMBA_CUDA_WARN_ON_IMPLICIT_COPY": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_numba
@pytest.mark.parametrize("name", ["saxpy", "reduction", "matmul"])
def test_every_configuration_is_right_in_the_simulator(name: str) -> None:
    done = _run("-m", "tests.kernels.simulate", name, NUMBA_ENABLE_CUDASIM="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[0]) >= 18


@needs_numba
def test_numba_compiles_them_for_a_gpu() -> None:
    done = _run("-c", COMPILE)
    if done.returncode == 5:
        pytest.skip(f"Numba finds no NVVM or NVRTC: {done.stdout.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_cupy_is_given_the_source_and_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    cupy = ModuleType("cupy")
    cupy.RawKernel = lambda *kernel: given.extend(kernel)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    spec = importlib.util.spec_from_file_location("with_cupy", ROOT / "kernels" / "vector_add.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    module.make_vector_add(BLOCK=128, VECTOR=4, ITEMS=2)

    source, name, options = given
    assert source == (ROOT / "kernels" / "vector_add.cu").read_text()
    assert name == "vector_add"
    assert {"-DBLOCK=128", "-DVECTOR=4", "-DITEMS=2"} <= set(options)
