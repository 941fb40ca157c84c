"""Configurations compiled per second: nvcc to an executable, nvcc and NVRTC to cubins, the cache.

    python -m tests.benchmarks.bench_compile [configurations per round] [rounds] [kernel …]

Every way compiles the same kernels with two compiles at once, taking turns; rates are medians of
the rounds, ratios those within a round. Each compiler is also called bare, as a user would, without
the harness: what it makes of the same sources in the same threads is as much as the harness could
make by it, and what the harness makes is told as a share of that. On a busy machine, processor time
per configuration is the better number to compare: with two idle cores, the rate is what it allows.
Where kernels are named (`"tiled matmul"`), only they are compiled, and the rest is left out. Needs
nvcc; NVRTC where the extra is installed. No GPU is used.
"""

from __future__ import annotations

import itertools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.compile.base import Stoppable, Translator
from harness.compile.cache import BuildCache
from harness.compile.cached import CachedCompiler
from harness.compile.nvcc import NvccTranslator
from harness.compile.nvrtc import NvrtcTranslator
from harness.compile.nvrtc_library import MINIMAL, Nvrtc, call, open_nvrtc, read
from harness.compile.source import KernelSource, define_macros
from harness.compile.toolkit import open_nvcc
from harness.errors import CompileError
from harness.model import Command
from harness.procs.worker import Worker

from .common import describe_machine, interleave

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = "sm_80"
AT_ONCE = 2

SAXPY = """
__global__ void kernel(int n, float a, const float* x, float* y) {
    int first = (blockIdx.x * BLOCK + threadIdx.x) * EACH;
#pragma unroll
    for (int i = first; i < first + EACH; i++)
        if (i < n) y[i] = a * x[i] + y[i];
}
"""
SAXPY_HALF = "#include <cuda_fp16.h>\n" + SAXPY.replace("float", "__half")
MATMUL = """
__global__ void kernel(int n, float alpha, const float* a, float* c) {
    const int rows = BLOCK / 32;
    __shared__ float left[8 * EACH][32], right[32][33];
    float sum[EACH] = {};
    int x = threadIdx.x % 32, y = threadIdx.x / 32 % rows;
    for (int k = 0; k < n; k += 32) {
#pragma unroll
        for (int i = 0; i < EACH; i++)
            left[y % 8 + 8 * i][x] = a[(blockIdx.y * 8 * EACH + y + 8 * i) * n + k + x];
        for (int i = y; i < 32; i += rows) right[i][x] = a[(k + i) * n + blockIdx.x * 32 + x];
        __syncthreads();
#pragma unroll
        for (int j = 0; j < 32; j++)
#pragma unroll
            for (int i = 0; i < EACH; i++) sum[i] += left[y % 8 + 8 * i][j] * right[j][x];
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < EACH; i++)
        c[(blockIdx.y * 8 * EACH + y + 8 * i) * n + blockIdx.x * 32 + x] = alpha * sum[i];
}
"""
KERNELS = {"saxpy": SAXPY, "saxpy of cuda_fp16.h": SAXPY_HALF, "tiled matmul": MATMUL}
MAIN = """
#include <cstdio>
int main() {
    TYPE *x, *y;
    int n = 1024;
    cudaMalloc(&x, n * n * sizeof(TYPE));
    cudaMalloc(&y, n * n * sizeof(TYPE));
    kernel<<<dim3(n / 32, n / 32), BLOCK>>>(n, TYPE(2), x, y);
    printf("%s\\n", cudaGetErrorString(cudaDeviceSynchronize()));
}
"""
Macros = tuple[tuple[str, str], ...]


def configurations(count: int) -> list[Macros]:
    """As many as asked for, all different."""
    pairs = itertools.product((64, 128, 256, 512, 1024), range(1, 17))
    chosen = list(itertools.islice(pairs, count))
    return [(("BLOCK", str(block)), ("EACH", str(each))) for block, each in chosen]


def make_sources(text: str, count: int) -> list[KernelSource]:
    return [KernelSource(text, "kernel", ARCHITECTURE, macros=m) for m in configurations(count)]


Do = Callable[[int, KernelSource], None]
"""Compiles a source, as one of those that compile at once."""
Open = Callable[[], AbstractContextManager[Do]]
BASE = "nvcc to an executable"
"""What all others are compared with."""


def rate(sources: Sequence[KernelSource], do: Do, at_once: int = AT_ONCE) -> float:
    """Configurations per second."""
    waiting = iter(sources)  # shared: next() of it is one step of the interpreter

    def work(seat: int) -> None:
        for source in waiting:
            do(seat, source)

    started_s = time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(work, range(at_once)))
    return len(sources) / (time.perf_counter() - started_s)


@contextmanager
def closing_all(things: Sequence[Stoppable | Worker]) -> Iterator[None]:
    with ExitStack() as stack:
        for thing in things:
            stack.callback(thing.close)
        yield


@contextmanager
def call_nvcc(program: str, *options: str, main: str = "") -> Iterator[Do]:
    """nvcc as a user calls it; with a main, to a program, as a tuner of commands does."""
    workers = [Worker() for _ in range(AT_ONCE)]
    with tempfile.TemporaryDirectory() as folder, closing_all(workers):

        def do(seat: int, source: KernelSource) -> None:
            kind = "__half" if "__half" in source.text else "float"
            path = Path(folder) / f"app{seat}.cu"
            path.write_text(source.text + main.replace("TYPE", kind))
            macros = [f"-D{name}={value}" for name, value in source.macros]
            asked = [f"-arch={ARCHITECTURE}", *options, *macros]
            argv = (program, *asked, "-o", f"app{seat}", str(path))
            result = workers[seat].run(Command(argv, " ".join(argv), folder))
            assert result.succeeded, result.stderr

        yield do


@contextmanager
def call_nvrtc(nvrtc: Nvrtc) -> Iterator[Do]:
    """NVRTC's functions in a row, as a user calls them, with the option that takes least time."""

    def do(_: int, source: KernelSource) -> None:
        bindings, text = nvrtc.bindings, define_macros(source).encode()
        program = call(bindings, "nvrtcCreateProgram", text, b"kernel.cu", 0, None, None)
        call(bindings, "nvrtcAddNameExpression", program, source.function.encode())
        options = [f"-arch={ARCHITECTURE}", *(f"-I{folder}" for folder in nvrtc.headers)]
        options += [MINIMAL] if nvrtc.knows_minimal else []
        encoded = [option.encode() for option in options]
        call(bindings, "nvrtcCompileProgram", program, len(encoded), encoded)
        assert read(bindings, "nvrtcGetCUBIN", program)
        call(bindings, "nvrtcDestroyProgram", program)

    yield do


@contextmanager
def make_binaries(make: Callable[[], Translator], cache: BuildCache) -> Iterator[Do]:
    compilers = [CachedCompiler(make(), cache) for _ in range(AT_ONCE)]
    with closing_all(compilers):

        def do(seat: int, source: KernelSource) -> None:
            built = compilers[seat].build(source)
            assert built.artifact is not None, built.reason

        yield do


class Way:
    """One way to compile, and what it took.

    Attributes:
        cpu_s: processor time per configuration, of this process and all it started, per round.
    """

    def __init__(self, open_do: Open, sources: Sequence[KernelSource]) -> None:
        self._open = open_do
        self._sources = sources
        self.cpu_s: list[float] = []

    def measure(self, at_once: int = AT_ONCE) -> float:
        """Configurations per second, without what starts on first use."""
        before_s = used_cpu_s()
        with self._open() as do:
            first = replace(self._sources[0], text=self._sources[0].text + "// other\n")
            rate([first] * at_once, do, at_once)
            found = rate(self._sources, do, at_once)
        self.cpu_s.append((used_cpu_s() - before_s) / (len(self._sources) + 1))
        return found


def used_cpu_s() -> float:
    """Of this process, and of those it started that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usage = [resource.getrusage(kind) for kind in kinds]
    return sum(used.ru_utime + used.ru_stime for used in usage)


def compare(title: str, text: str, count: int, rounds: int) -> None:
    """Print the rates of all ways for one kernel."""
    nvcc, sources = open_nvcc(), make_sources(text, count)
    with tempfile.TemporaryDirectory() as folder, BuildCache(Path(folder)) as kept:
        ways = {BASE: Way(lambda: call_nvcc(nvcc.program, main=MAIN), sources)}

        def add(name: str, bare: Open, make: Callable[[], Translator]) -> None:
            ways[f"{name}, bare"] = Way(bare, sources)
            ways[f"{name} to a cubin"] = Way(lambda: make_fresh(make), sources)
            ways[f"{name}, warm cache"] = Way(lambda: make_binaries(make, kept), sources)
            ways[f"{name}, warm cache"].measure()

        add(
            "nvcc",
            lambda: call_nvcc(nvcc.program, "-cubin"),
            lambda: NvccTranslator(nvcc, Worker()),
        )
        try:
            nvrtc = open_nvrtc()
            add("NVRTC", lambda: call_nvrtc(nvrtc), lambda: NvrtcTranslator(nvrtc))
        except CompileError as error:
            print(f"without NVRTC: {error}")
        rates = interleave({name: way.measure for name, way in ways.items()}, rounds)
    print(f"\n{title}: {count} configurations, {rounds} rounds")
    for name, values in rates.items():
        each_ms = 1e3 / statistics.median(values)
        line = f"  {name:22s} {1e3 / each_ms:8.2f} /s {each_ms:8.2f} ms each"
        line += f" {describe_ratio(values, rates[BASE]):>20s}"
        if "warm" not in name:
            cpu_s, least_s = (statistics.median(ways[way].cpu_s) for way in (name, BASE))
            line += f"; {1e3 * cpu_s:.0f} ms of processor: {least_s / cpu_s:.1f} x"
        if "cubin" in name:
            bare = rates[name.replace(" to a cubin", ", bare")]
            line += f"; {describe_ratio(values, bare, digits=2)} of what it makes bare"
        print(line)


def describe_ratio(values: Sequence[float], of: Sequence[float], digits: int = 1) -> str:
    """The median of the ratios of rounds, and the least and the greatest."""
    ratios = [value / other for value, other in zip(values, of, strict=True)]
    shown = [f"{x:.{digits}f}" for x in (statistics.median(ratios), min(ratios), max(ratios))]
    return f"{shown[0]} x ({shown[1]} to {shown[2]})"


@contextmanager
def make_fresh(make: Callable[[], Translator]) -> Iterator[Do]:
    """With a cache that knows nothing."""
    with (
        tempfile.TemporaryDirectory() as folder,
        BuildCache(Path(folder)) as cache,
        make_binaries(make, cache) as do,
    ):
        yield do


def build_for(directory: str, count: int) -> None:
    """What a process of `share` does: build all, and print how many it had to compile."""
    nvcc = open_nvcc()
    compiled = 0
    with BuildCache(Path(directory)) as cache:
        compiler = CachedCompiler(NvccTranslator(nvcc, Worker()), cache)
        for source in make_sources(SAXPY, count):
            built = compiler.build(source)
            assert built.artifact is not None, built.reason
            compiled += not built.artifact.cached
        compiler.close()
    print(compiled)


def scale_threads(count: int) -> None:
    """Whether NVRTC in two threads compiles twice as much as in one, or what keeps it from that."""
    sources, nvrtc = make_sources(MATMUL, count), open_nvrtc()
    blocked: list[float] = []

    def measure(at_once: int) -> float:
        with make_fresh(lambda: NvrtcTranslator(nvrtc)) as do:
            rate([replace(sources[0], text=MATMUL + "// other\n")] * at_once, do, at_once)
            before_s, started_s = read_ready_s(), time.perf_counter()
            found = rate(sources, do, at_once)
            wall_s = time.perf_counter() - started_s
            if at_once > 1:
                after_s = read_ready_s()
                blocked.extend(1 - (after_s[n] - before_s.get(n, 0.0)) / wall_s for n in after_s)
        return found

    rates = interleave({str(n): partial(measure, n) for n in (1, 2)}, 5)
    ratios = [two / one for one, two in zip(rates["1"], rates["2"], strict=True)]
    print(
        f"\nNVRTC in two threads, of one: {statistics.median(ratios):.2f} x ({min(ratios):.2f} to "
        f"{max(ratios):.2f}); of its time, such a thread neither ran nor waited for a processor "
        f"{100 * statistics.median(blocked):.0f} % ({100 * max(blocked):.0f} % at most)"
    )


def read_ready_s() -> dict[int, float]:
    """Of each NVRTC thread, how long it ran or waited for a processor that others used."""
    ready = {}
    for thread in threading.enumerate():
        if thread.name.startswith("harness-nvrtc"):
            path = Path(f"/proc/self/task/{thread.native_id}/schedstat")
            ran, waited, _ = map(int, path.read_text().split())
            ready[thread.native_id or 0] = (ran + waited) / 1e9
    return ready


def share(count: int) -> None:
    """Two processes build the same with one cache, by nvcc."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [sys.executable, "-m", "tests.benchmarks.bench_compile", "build", folder]
        builders = [
            subprocess.Popen([*arguments, str(count)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        compiled = [int(builder.communicate()[0]) for builder in builders]
    print(
        f"\ntwo processes, one cache, the same {count} configurations: compiled "
        f"{' + '.join(map(str, compiled))} = {sum(compiled)}"
    )
    assert sum(compiled) == count


def main() -> None:
    if sys.argv[1:2] == ["build"]:
        build_for(sys.argv[2], int(sys.argv[3]))
        return
    count, rounds = map(int, (*sys.argv[1:3], *("12", "3")[len(sys.argv) - 1 :]))
    print(f"{describe_machine()}, load {os.getloadavg()[0]:.1f}, {open_nvcc().version}")
    named = sys.argv[3:]
    for title in named or KERNELS:
        compare(title, KERNELS[title], count, rounds)
    if not named:
        share(count)
        scale_threads(count)


if __name__ == "__main__":
    main()
