"""The compilers themselves, where they are installed: what every translator must do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.compile.base import Translation, Translator
from harness.compile.cache import BuildCache
from harness.compile.cached import CachedCompiler, inspect
from harness.compile.cubin import digest_code
from harness.compile.elf import Cubin
from harness.compile.nvcc import NvccTranslator
from harness.compile.nvrtc import NvrtcTranslator
from harness.compile.nvrtc_library import open_nvrtc
from harness.compile.source import KernelSource
from harness.compile.toolkit import open_nvcc
from harness.errors import CompileError
from harness.model import Artifact, OutcomeKind
from harness.procs.worker import Worker
from harness.timing.own_kernels import FINGERPRINT, SENTINEL, SOURCE

from .files import write_settled

KERNELS = """
#include "tile.h"
__constant__ float table[100];
template <typename T, int N> __global__ void __launch_bounds__(256) sum(T* out, const T* in) {
    __shared__ T part[N];
    part[threadIdx.x % N] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = part[(threadIdx.x + TILE) % N] * FACTOR;
}
template __global__ void sum<float, 64>(float*, const float*);
namespace ns { __global__ void copy(float* out, const float* in) { *out = *in; } }
extern "C" __global__ void plain(float* out) { *out = LIST; }
__device__ __noinline__ float scaled(float x, int n) { return n ? scaled(x, n - 1) : x * 1.5f; }
extern "C" __global__ void __launch_bounds__(1024, 2) spill(float* out, const float* in, int n) {
    float value[64];
#pragma unroll
    for (int i = 0; i < 64; i++) value[i] = in[i * threadIdx.x];
    for (int round = 0; round < n; round++)
#pragma unroll
        for (int i = 0; i < 64; i++) value[i] = value[(i * 7 + 3) % 64] * value[i] + table[i];
#pragma unroll
    for (int i = 0; i < 64; i++) out[i * blockDim.x] = value[i];
}
extern "C" __global__ void nested(float* out, int n) {
    extern __shared__ float dynamic[];
    dynamic[threadIdx.x] = *out;
    *out = scaled(dynamic[3], n);
}
"""
NAMES = {
    "sum<float, 32>": "_Z3sumIfLi32EEvPT_PKS0_",
    "sum<double, 4 * 16>": "_Z3sumIdLi64EEvPT_PKS0_",
    "ns::copy": "_ZN2ns4copyEPfPKf",
    "plain": "plain",
    "spill": "spill",
    "nested": "nested",
}
ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")


def open_translator(name: str) -> Translator:
    try:
        if name == "nvcc":
            return NvccTranslator(open_nvcc(), Worker(grace_s=0.05))
        return NvrtcTranslator(open_nvrtc())
    except CompileError as error:
        pytest.skip(str(error))


@pytest.fixture(params=[pytest.param("nvcc", marks=pytest.mark.nvcc), "nvrtc"])
def translator(request: pytest.FixtureRequest) -> Iterator[Translator]:
    translator = open_translator(request.param)
    yield translator
    translator.close()


@pytest.fixture
def source(tmp_path: Path) -> KernelSource:
    write_settled(tmp_path / "tile.h", "#define TILE 1\n")
    return KernelSource(
        KERNELS,
        "sum<float, 32>",
        "sm_80",
        path=str(tmp_path / "kernels.cu"),
        macros=(("FACTOR", "2"), ("LIST", "sizeof(int[sizeof(char[2][3])])")),
    )


Build = Callable[[KernelSource], Artifact]


@pytest.fixture
def build(translator: Translator) -> Iterator[Build]:
    def build(source: KernelSource) -> Artifact:
        built = compiler.build(source)
        assert built.artifact is not None, built.reason
        return built.artifact

    with BuildCache() as cache:
        compiler = CachedCompiler(translator, cache)
        yield build


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("function", [SENTINEL, FINGERPRINT])
def test_the_harnesss_own_kernels_compile(build: Build, architecture: str, function: str) -> None:
    made = build(KernelSource(SOURCE, function, architecture))
    assert made.function == function
    assert not made.resources.spill_store_bytes


UNROLLED = """\
#define SAME FACTOR
extern "C" __global__ void unrolled(float *x)
{
#pragma unroll FACTOR
    for (int i = 0; i < 64; ++i)
        x[i * blockDim.x] *= 3;
#pragma unroll (FACTOR * OTHER) // twice as much
    for (int i = 0; i < 64; ++i)
        x[i * blockDim.x] += 3;
}
"""


def test_macros_in_unroll_pragmas(build: Build) -> None:
    """nvcc knows none there, so tuned factors are written as numbers; others it refuses."""
    source = KernelSource(
        UNROLLED, "unrolled", "sm_80", macros=(("FACTOR", "4"),), options=("-DOTHER=2",)
    )
    four = build(source)
    assert build(replace(source, macros=(("FACTOR", "8"),))).digest != four.digest
    written = UNROLLED.replace("roll FACTOR", "roll 4").replace("FACTOR * OTHER", "8")
    assert build(replace(source, text=written)).digest == four.digest


@pytest.mark.nvcc
def test_other_macros_in_unroll_pragmas_are_explained() -> None:
    translator = open_translator("nvcc")
    text = UNROLLED.replace("roll FACTOR", "roll SAME")
    source = KernelSource(text, "unrolled", "sm_80", macros=(("FACTOR", "4"),))
    made = translator.translate(source)
    translator.close()
    assert 'identifier "SAME" is undefined; nvcc expands no macros in #pragma' in made.reason


def test_entries(build: Build, source: KernelSource) -> None:
    artifacts = [build(replace(source, function=function)) for function in NAMES]
    assert [artifact.function for artifact in artifacts] == list(NAMES.values())
    assert len({artifact.digest for artifact in artifacts}) == len(NAMES)
    spill = artifacts[4].resources
    assert spill.max_threads == 1024
    assert spill.spill_store_bytes
    sizes = [artifact.resources.parameter_bytes for artifact in artifacts]
    assert sizes == [(8, 8), (8, 8), (8, 8), (8,), (8, 8, 4), (8, 4)]


def test_cache_and_digest(build: Build, source: KernelSource, tmp_path: Path) -> None:
    first = build(source)
    assert first.resources.shared_bytes == 32 * 4
    assert (first.resources.max_threads, first.resources.spill_store_bytes) == (256, 0)
    assert first.resources.registers > 0
    assert build(source) == replace(first, cached=True)
    (tmp_path / "tile.h").write_text("#define TILE 1 // changed\n")
    again = build(source)
    assert (again.cached, again.digest) == (False, first.digest)
    moved = build(replace(source, path="", include_directories=(str(tmp_path),)))
    assert (moved.cached, moved.digest) == (False, first.digest)
    (tmp_path / "tile.h").write_text("#define TILE 7\n")
    assert build(source).digest != first.digest


def test_digest_is_of_the_kernel_asked_for(build: Build, source: KernelSource) -> None:
    plain = replace(source, function="plain")
    other = replace(plain, macros=(("FACTOR", "3"), source.macros[1]))  # changes only sum
    assert build(plain).digest == build(other).digest
    assert build(source).digest != build(replace(other, function=source.function)).digest


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_resources_are_what_ptxas_says(
    translator: Translator, source: KernelSource, architecture: str, tmp_path: Path
) -> None:
    made = translator.translate(replace(source, architecture=architecture))
    assert made.kind is OutcomeKind.OK, made.reason
    for function in (made.function, "spill", "nested"):
        check_with_log(replace(made, function=function))
        check_with_cuobjdump(replace(made, function=function), tmp_path / "kernel.cubin")
    assert inspect(replace(made, function="spill")).resources.parameter_bytes == (8, 8, 4)


def check_with_log(made: Translation) -> None:
    said = made.log.partition(f"Compiling entry function '{made.function}'")[2]
    said = said.partition("Compile time")[0]
    numbers = {what: int(number) for number, what in re.findall(r"(\d+) (?:bytes )?(\w+)", said)}
    resources = inspect(made).resources
    assert resources.registers == numbers["registers"]
    assert resources.shared_bytes == numbers.get("smem", 0)
    assert resources.local_bytes == numbers.get("cumulative", numbers["stack"])
    spilled = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", said)
    assert spilled is not None
    assert (resources.spill_store_bytes, resources.spill_load_bytes) == tuple(
        map(int, spilled.groups())
    )


def check_with_cuobjdump(made: Translation, path: Path) -> None:
    """Where it is installed; it counts what the system reserves as the kernel's."""
    program = shutil.which("cuobjdump")
    if program is None:
        return
    path.write_bytes(made.binary)
    command = [program, "--dump-resource-usage", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    usage = said.partition(f"Function {made.function}:")[2].strip().partition("\n")[0]
    numbers = dict(re.findall(r"(\S+):(\d+)", usage))
    common = re.search(r"CONSTANT\[3\]:(\d+)", said)
    assert common is not None
    resources = inspect(made).resources
    reserved = 1024 if resources.shared_bytes != int(numbers["SHARED"]) else 0
    assert resources.registers == int(numbers["REG"])
    assert resources.shared_bytes + reserved == int(numbers["SHARED"])
    assert resources.local_bytes == int(numbers["STACK"])
    assert resources.constant_bytes == int(numbers["CONSTANT[0]"]) + int(common[1])


def test_errors(translator: Translator, source: KernelSource) -> None:
    made = translator.translate(replace(source, macros=source.macros[1:]))
    assert made.kind is OutcomeKind.COMPILE_FAILED
    assert made.reason == f'{source.path}(8): error: identifier "FACTOR" is undefined'
    assert made.evidence is not None
    assert "FACTOR" in made.evidence.output
    assert source.path in made.evidence.command
    made = translator.translate(replace(source, function="product<float>"))
    assert 'error: identifier "product" is undefined' in made.reason
    made = translator.translate(replace(source, text='#include "none.h"'))
    assert "none.h" in made.reason
    made = translator.translate(replace(source, options=("--no-such-option",)))
    assert made.kind is OutcomeKind.COMPILE_FAILED
    assert "no-such-option" in made.reason


def test_inputs(translator: Translator, source: KernelSource, tmp_path: Path) -> None:
    (tmp_path / "device.h").write_text("")
    text = "#include <cuda_fp16.h>\n#ifdef __CUDA_ARCH__\n#include <device.h>\n#endif\n"
    made = translator.translate(replace(source, text=text + source.text, function="plain"))
    assert made.kind is OutcomeKind.OK, made.reason
    assert made.inputs is not None
    assert {str(tmp_path / "tile.h"), str(tmp_path / "device.h")} <= set(made.inputs)
    assert any(path.endswith("/cuda_fp16.h") for path in made.inputs)
    assert all(Path(path).is_file() for path in made.inputs)


def test_headers_beside_headers(
    translator: Translator, source: KernelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a library's folder: a header in quotes is looked for beside the one that names it."""
    library = tmp_path / "include" / "library"
    (library / "detail").mkdir(parents=True)
    write_settled(library / "all.h", '#include "detail/scale.h"\n')
    write_settled(library / "detail" / "scale.h", '#include "factor.h"\n')
    write_settled(library / "detail" / "factor.h", "#define SCALE 3\n")
    text = "#include <library/all.h>\n__global__ void scale(float* x) { *x *= SCALE; }"
    folders = (str(tmp_path / "include"),)
    source = replace(source, text=text, function="scale", macros=(), include_directories=folders)
    made = translator.translate(source)
    assert made.kind is OutcomeKind.OK, made.reason
    read = {os.path.normpath(path) for path in made.inputs or ()}
    assert str(library / "detail" / "factor.h") in read
    made = translator.translate(replace(source, path=""))
    assert made.kind is OutcomeKind.OK, made.reason
    monkeypatch.chdir(library / "detail")
    made = translator.translate(replace(source, text='#include "factor.h"'))
    assert "factor.h" in made.reason  # the folder of this process is none of the source's


def test_options_of_the_host_code(translator: Translator, source: KernelSource) -> None:
    """A config does not know which of the compilers will be there."""
    options = ("-O3", "-Xcompiler", "-fno-math-errno", "-std", "c++17", "-Xptxas", "-O2", "-m64")
    made = translator.translate(replace(source, function="plain", options=options))
    assert made.kind is OutcomeKind.OK, made.reason


def test_architectures(translator: Translator, source: KernelSource) -> None:
    with pytest.raises(CompileError, match=r"cannot compile for sm_35: it knows .*sm_90"):
        translator.translate(replace(source, architecture="sm_35"))
    made = translator.translate(replace(source, architecture="sm_90a"))
    assert made.kind is OutcomeKind.OK


LIMITED = """
extern "C" __global__ void fill(float* out, int n) {
    out[threadIdx.x] = sqrtf(float(n)) + std::numeric_limits<float>::epsilon();
}
"""


@pytest.mark.nvcc
def test_binary_is_the_same_without_special_functions(source: KernelSource) -> None:
    nvcc = open_nvcc()
    with Worker(grace_s=0.05) as worker:
        translator = NvccTranslator(nvcc, worker)
        for function in ("sum<double, 4 * 16>", "spill"):
            made = [
                translator._attempt(replace(source, function=function), briefly)
                for briefly in (True, False)
            ]
            digests = {digest_code(Cubin(one.binary), one.function) for one in made}
            assert len(digests) == 1
            files = [set(one.inputs or ()) for one in made]
            assert files[0] < files[1]
        limited = replace(source, text=LIMITED, function="fill")
        limited = replace(limited, options=("--expt-relaxed-constexpr",))
        assert translator.translate(limited).kind is OutcomeKind.OK
        translator.close()
