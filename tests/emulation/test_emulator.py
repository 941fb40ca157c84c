"""Kernels on the CPU, one at a time: what the emulator says, and that it can be stopped."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.compile.source import KernelSource
from harness.emulation.compiler import find_compiler
from harness.emulation.emulator import EmulationCancelledError, Emulator
from harness.emulation.program import Kind, Order, Run, find_dynamic
from harness.emulation.verify import Reference, Task, Verdict, Verifier
from harness.measurement import Argument, Launch
from harness.model import Command, ProcessResult
from harness.procs.worker import Worker

COMPILER = find_compiler()
pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")

SOURCE = """\
template <typename T, int STEP> __global__ void fill(T *out, int n)
{
    extern __shared__ __align__(16) unsigned char bytes[];
    T *const mine = reinterpret_cast<T *>(bytes);
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        mine[threadIdx.x] = T(STEP * i);
        __syncwarp();
        out[i] = mine[threadIdx.x];
    }
}
"""
TASK = Task(
    KernelSource(SOURCE, "fill<float, 3>", "sm_86", macros=(("UNUSED", "a, b"),)),
    Launch((1, 1, 1), (32, 1, 1), 128),
    (
        Argument("out", "out", "float32", (64,)),
        Argument("n", "in", "int32", None, 64),
    ),
    Reference("threes:fill", 0.0, 0.0),
    (),
)


@pytest.fixture
def folder(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "emulation"))
    text = "import numpy as np\ndef fill(out, n):\n    return 3 * np.arange(n, dtype='float32')\n"
    (tmp_path / "threes.py").write_text(text)
    return tmp_path


class WatchedWorker(Worker):
    """Says when a program of the emulation is about to run, or to be compiled."""

    def __init__(self) -> None:
        super().__init__()
        self.programs: list[str] = []
        self.running = threading.Event()

    def run(self, command: Command, unless: Callable[[], bool] = lambda: False) -> ProcessResult:
        self.programs.append(Path(command.argv[0]).name)
        if self.programs[-1] == "kernel":
            self.running.set()
        return super().run(command, unless)


@pytest.fixture
def worker() -> Iterator[WatchedWorker]:
    watched = WatchedWorker()
    yield watched
    watched.close()


def verify(folder: Path, worker: Worker, task: Task = TASK) -> Verdict:
    assert COMPILER is not None
    emulator = Emulator(COMPILER, worker)
    try:
        return Verifier(emulator, {}).verify(replace(task, folders=(str(folder),)))
    finally:
        emulator.close()


def test_a_template_with_shared_memory_of_its_own_type_is_right(
    folder: Path, worker: WatchedWorker
) -> None:
    assert verify(folder, worker) == Verdict(error=0.0)


VARIABLES = """\
__constant__ float factors[4];
namespace inner { __device__ int offset; }
__global__ void scale(const float *x, float *y, int n)
{
    if (threadIdx.x < n)
        y[threadIdx.x] = factors[threadIdx.x % 4] * x[threadIdx.x] + inner::offset;
}
__global__ void simple(const float *x, float *y, int n)
{
    for (int i = 0; i < n; ++i)
        y[i] = factors[i % 4] * x[i] + inner::offset;
}
"""
SCALE = Task(
    KernelSource(VARIABLES, "scale", "sm_86"),
    Launch((1, 1, 1), (32, 1, 1)),
    (
        Argument("x", "in", "float32", (30,)),
        Argument("factors", "constant", "float32", (4,)),
        Argument("y", "out", "float32", (30,)),
        Argument("n", "in", "int32", None, 30),
        Argument("offset", "constant", "int32", None, 7),
    ),
    Reference("scales:scale", 0.0, 1e-6),
    (),
)


SIMPLE = Reference("simple", 0.0, 1e-6, replace(SCALE.source, function="simple"), SCALE.launch)


@pytest.mark.parametrize(
    ("text", "reference", "wrong"),
    [
        (VARIABLES, SCALE.reference, ""),
        (VARIABLES, SIMPLE, ""),
        (VARIABLES.replace("% 4]", "% 3]", 1), SCALE.reference, "are wrong, such as y[3] is"),
    ],
)
def test_variables_of_the_source_are_filled(
    folder: Path, worker: WatchedWorker, text: str, reference: Reference, wrong: str
) -> None:
    scales = "import numpy as np\ndef scale(x, w, y, n, at):\n    return np.resize(w, n) * x + at\n"
    (folder / "scales.py").write_text(scales)
    task = replace(SCALE, source=replace(SCALE.source, text=text), reference=reference)
    verdict = verify(folder, worker, task)
    assert verdict.unverified == ""
    assert wrong in verdict.wrong
    assert bool(wrong) == bool(verdict.wrong)


def test_a_variable_that_is_too_small_is_told(folder: Path, worker: WatchedWorker) -> None:
    few = replace(SCALE.source, text=VARIABLES.replace("factors[4]", "factors[2]"))
    (folder / "scales.py").write_text("def scale(x, w, y, n, at):\n    return y\n")
    verdict = verify(folder, worker, replace(SCALE, source=few))
    assert "argument factors: the variable has 8 bytes; it is given 16" in verdict.wrong


def test_another_instance_is_wrong(folder: Path, worker: WatchedWorker) -> None:
    source = replace(TASK.source, function="fill<float, 4>")
    verdict = verify(folder, worker, replace(TASK, source=source))
    assert verdict.wrong == (
        "63 of 64 values are wrong, such as out[1] is 4.0, expected 3.0 (atol 0, rtol 0)"
    )


def test_more_shared_memory_than_the_launch_has_is_wrong(
    folder: Path, worker: WatchedWorker
) -> None:
    launch = replace(TASK.launch, shared_bytes=64)
    verdict = verify(folder, worker, replace(TASK, launch=launch))
    assert "byte 64 of dynamic shared memory was written; the launch has 64" in verdict.wrong
    assert verdict.evidence is not None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "__shared__ float s[8];\n    s[threadIdx.x] = out[0]; out[0] = s[threadIdx.x];",
            r"block \(1, 0, 0\) thread \(8, 0, 0\): k.cu:4: index 8 out of bounds .*'float \[8\]'",
        ),
        (
            "if (threadIdx.x == 3) out[100] = 1;",
            r"block \(1, 0, 0\) thread \(3, 0, 0\): argument out: access to byte 400; it has 256",
        ),
        ("out[-1] = 1;", "argument out: byte -4 was written; it has 256"),
        (
            "if (threadIdx.x) __syncthreads();",
            r"block \(1, 0, 0\): 31 threads wait at a barrier that 1 threads never reach",
        ),
    ],
)
def test_who_did_it_is_said_as_far_as_it_is_known(
    folder: Path, worker: WatchedWorker, body: str, said: str
) -> None:
    text = f"__global__ void k(float *out, int n)\n{{\n    if (blockIdx.x == 1) {{ {body} }}\n}}\n"
    source = KernelSource(text, "k", "sm_86", path=str(folder / "k.cu"))
    task = replace(TASK, source=source, launch=Launch((2, 1, 1), (32, 1, 1)))
    assert re.fullmatch(said, verify(folder, worker, task).wrong)


def test_what_nobody_has_written_is_hinted_at(folder: Path, worker: WatchedWorker) -> None:
    source = KernelSource("__global__ void k(float *out, int n) {}", "k", "sm_86")
    task = replace(TASK, source=source, launch=Launch((1, 1, 1), (32, 1, 1)))
    verdict = verify(folder, worker, task)
    assert "out[0] is nan, expected 0.0" in verdict.wrong
    assert "what nobody has written is nan here" in verdict.wrong


def test_what_all_programs_share_is_compiled_once(
    folder: Path, worker: WatchedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(folder / "cache"))
    verify(folder, worker)
    assert len(worker.programs) == 3  # the shared part, the kernel, the run
    second = WatchedWorker()
    verify(folder, second)
    assert len(second.programs) == 2


def test_it_can_be_stopped_while_a_kernel_runs(folder: Path, worker: WatchedWorker) -> None:
    assert COMPILER is not None
    emulator = Emulator(COMPILER, worker)
    source = KernelSource(
        "__global__ void f(float *x) { while (blockDim.x) *x += 1; }", "f", "sm_90"
    )
    program = emulator.build(source, 0)
    ended: list[type[BaseException]] = []

    def run() -> None:
        try:
            emulator.run(
                program,
                [(Kind.WRITABLE, bytes(4))],
                [Run(0, 0, Order.FORWARDS, Launch((1, 1, 1), (1, 1, 1)))],
            )
        except EmulationCancelledError as error:
            ended.append(type(error))

    thread = threading.Thread(target=run)
    thread.start()
    assert worker.running.wait(30)
    while thread.is_alive():  # what is about to begin is not cancelled yet
        emulator.cancel()
        thread.join(0.1)
    assert ended == [EmulationCancelledError]
    with pytest.raises(EmulationCancelledError):  # and nothing is begun after it
        emulator.build(source, 0)
    emulator.close()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("extern __shared__ float tile[];", "tile"),
        ("extern __shared__ __align__(16) unsigned char bytes[];", "bytes"),
        ("extern  __shared__ float4 all [ ];", "all"),
        ("__shared__ float tile[64];", None),
        ("extern float elsewhere[];", None),
    ],
)
def test_dynamic_shared_memory_is_found_by_its_declaration(line: str, name: str | None) -> None:
    assert find_dynamic(f"void f()\n{{\n    {line}\n}}\n") == name
