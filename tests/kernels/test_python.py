"""The kernels in Python: Numba's in its simulator and its compiler, CuPy's by what it is given."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.app.kernels import KernelTests
from harness.app.setup import prepare
from harness.compile.cubin import add_spills, read_parameter_bytes, read_resources
from harness.compile.elf import Cubin
from harness.compile.numba import Numba, NumbaTranslator, open_numba
from harness.compile.source import KernelSource, count_parameter_bytes
from harness.config.change import change_spec
from harness.config.load import load_config
from harness.configuration import Configuration
from harness.errors import CompileError
from harness.model import OutcomeKind
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

ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_100", "sm_110", "sm_120")
CONFIGS = ("saxpy_numba", "reduction_numba", "matmul_numba")


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
def test_numba_computes_in_registers_and_single_precision() -> None:
    done = _run("-c", COMPILE)
    if done.returncode == 5:
        pytest.skip(f"Numba finds no NVVM or NVRTC: {done.stdout.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def numba() -> Numba:
    try:
        return open_numba()
    except CompileError as error:
        pytest.skip(f"without Numba's compilers: {error}")


CALLS = """\
from numba import cuda

@cuda.jit(device=True)
def twice(value):
    return 2 * value

def make_calls(C):
    @cuda.jit(launch_bounds=256)
    def calls(x, y, z):
        i = cuda.grid(1)
        if i < x.shape[0]:
            x[i, 0] = twice(x[i, 1]) + C + y + z
    return calls

def make_wrong(C):
    @cuda.jit
    def wrong(x, y, z):
        x.nothing = y
    return wrong
"""


def _last_configuration(tests: KernelTests) -> Configuration:
    """The largest values that there are, constraints or not."""
    parameters = tests.spec.parameters
    return Configuration(tuple(parameters), tuple(values[-1] for values in parameters.values()))


def _kernel_tests(name: str) -> KernelTests:
    spec = load_config(ROOT / "configs" / f"{name}.toml")
    setup = prepare(change_spec(spec, "test", backend="mock"))
    assert setup.kernel is not None
    return setup.kernel


def _is_too_new(numba: Numba, architecture: str) -> bool:
    """CUDA 12's NVVM refuses Numba's atomic additions for what is newer than sm_90."""
    return "nvjitlink 12." in numba.build and int(architecture.removeprefix("sm_")) > 90


@needs_numba
@pytest.mark.parametrize("name", CONFIGS)
def test_numba_compiles_them_for_every_architecture(numba: Numba, name: str) -> None:
    """And the binary takes as many bytes of arguments as are passed to it."""
    tests = _kernel_tests(name)
    configuration = _last_configuration(tests)
    translator = NumbaTranslator(numba)
    try:
        for architecture in ARCHITECTURES:
            if architecture not in numba.architectures or _is_too_new(numba, architecture):
                continue
            made = translator.translate(tests.source.expand(configuration, architecture))
            assert made.kind is OutcomeKind.OK, made.reason
            cubin = Cubin(made.binary)
            resources = add_spills(read_resources(cubin, made.function), made.log, made.function)
            # what is kept in local arrays must end up in registers
            assert (resources.local_bytes, resources.spill_store_bytes) == (0, 0)
            assert made.inputs == ()
    finally:
        translator.close()


@needs_numba
def test_functions_that_kernels_call_are_compiled_without_a_gpu(
    numba: Numba, tmp_path: Path
) -> None:
    path = tmp_path / "calls.py"
    path.write_text(CALLS)
    arguments = ("float16[2]", "float64", "uint8")
    translator = NumbaTranslator(numba)
    try:
        made, wrong = (
            translator.translate(
                KernelSource(
                    *(CALLS, factory, numba.architectures[0], str(path), (("C", "3"),)),
                    language="numba",
                    signature=arguments,
                )
            )
            for factory in ("make_calls", "make_wrong")
        )
    finally:
        translator.close()
    assert made.kind is OutcomeKind.OK, made.reason
    cubin = Cubin(made.binary)
    assert read_resources(cubin, made.function).max_threads == 256
    assert read_parameter_bytes(cubin, made.function) == count_parameter_bytes(arguments)
    assert wrong.kind is OutcomeKind.COMPILE_FAILED
    assert wrong.reason.startswith("TypingError: ")
    assert wrong.evidence is not None
    assert "x.nothing = y" in wrong.evidence.output


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
