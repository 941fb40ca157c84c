"""What the device knows as right, and the kernel that makes fingerprints, run on the CPU."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from harness.clock import VirtualClock
from harness.compile.source import KernelSource
from harness.emulation.compiler import find_compiler
from harness.emulation.emulator import Emulator
from harness.emulation.program import Kind, Order, Run
from harness.landscape import Landscape
from harness.measurement import Argument, Launch
from harness.procs.worker import Worker
from harness.timing import fingerprints
from harness.timing.driver import Parameter, Pointer, Scalar
from harness.timing.fingerprints import PIECE, THREADS, Fingerprints
from harness.timing.own_kernels import FINGERPRINT, SOURCE
from tests.timing.test_server import Recording

_ODD = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def mix(x: int) -> int:
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        x = ((x ^ x >> 33) * factor) & _MASK
    return x ^ x >> 33


def make_sums(data: bytes) -> tuple[int, int, int]:
    """What the kernel should make of it."""
    pieces = [data[at : at + PIECE].ljust(PIECE, b"\0") for at in range(0, len(data), PIECE)]
    first = second = 0
    for number, piece in enumerate(pieces):
        low, high = struct.unpack("<QQ", piece)
        value = mix(mix(mix(number + 1) ^ low) ^ high)
        first += value
        second += mix(value ^ _ODD)
    return first & _MASK, second & _MASK, len(pieces)


# -- the kernel ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    with pytest.MonkeyPatch.context() as patch, Worker() as worker:
        patch.setenv("HARNESS_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "emulation"))
        emulator = Emulator(compiler, worker)
        yield emulator
        emulator.close()


def run_kernel(emulator: Emulator, datas: Sequence[bytes], blocks: int) -> list[tuple[int, ...]]:
    program = emulator.build(KernelSource(SOURCE, FINGERPRINT, "sm_86"), 0)
    found = []
    for data in datas:
        problem = [
            (Kind.INPUT, data),
            (Kind.SCALAR, struct.pack("=Q", len(data))),
            (Kind.WRITABLE, bytes(24)),
        ]
        runs = [Run(0, 0, order, Launch((blocks, 1, 1), (32, 1, 1)), blocks) for order in Order]
        left = {sums for (sums,) in emulator.run(program, problem, runs)}
        assert len(left) == 1, "in another order of the threads it is another"
        found.append(struct.unpack("=QQQ", left.pop()))
    return found


@pytest.mark.parametrize("blocks", [1, 3])
def test_the_kernel_sums_the_hashes_of_all_pieces(emulator: Emulator, blocks: int) -> None:
    source = np.random.default_rng(1)
    datas = [source.bytes(size) for size in (1, 15, 16, 17, 16 * 96, 16 * 200 + 9)]
    assert run_kernel(emulator, datas, blocks) == [make_sums(data) for data in datas]


def test_what_differs_has_another_fingerprint() -> None:
    data = bytearray(np.random.default_rng(2).bytes(64))
    seen = {make_sums(bytes(data))[:2]}
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        seen.add(make_sums(bytes(changed))[:2])
    seen.add(make_sums(bytes(data[16:] + data[:16]))[:2])  # the same pieces in other places
    seen.add(make_sums(bytes(data[8:16] + data[:8] + data[16:]))[:2])
    seen.add(make_sums(bytes(64))[:2])
    sums = {number for pair in seen for number in pair}
    assert len(sums) == 2 * len(seen) == 2 * (8 * 64 + 4)


# -- what is known by it ---------------------------------------------------------------------


class Fingerprinting(Recording):
    """A device that makes fingerprints; `skipped` pieces are not looked at."""

    def __init__(self) -> None:
        super().__init__(Landscape(), VirtualClock())
        self.skipped = 0
        self.modules: list[str] = []

    def load_own(self, path: str, function: str) -> int:
        assert function == FINGERPRINT
        self.modules.append(path)
        return 7

    def launch(self, kernel: int, launch: Launch, parameters: tuple[Parameter, ...]) -> None:
        data, size, sums = parameters
        assert kernel == 7
        assert launch.block == (THREADS, 1, 1)
        assert isinstance(data, int)
        assert isinstance(size, Scalar)
        assert isinstance(sums, int)
        held = bytearray(*struct.unpack("=Q", size.data))
        self.read(data, memoryview(held))
        first, second, seen = make_sums(bytes(held))
        self.write(sums, memoryview(struct.pack("=QQQ", first, second, seen - self.skipped)))


OUTPUT = Argument("y", "out", "float32", (100,))
OTHER = Argument("z", "out", "float32", (100,))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "LEAST_BYTES", 400)


def put(driver: Fingerprinting, value: float) -> Pointer:
    pointer = driver.allocate(400)
    driver.write(pointer, memoryview(np.full(100, value, "float32").tobytes()))
    return pointer


def test_every_output_that_was_right_is_known_with_its_error() -> None:
    driver = Fingerprinting()
    known = Fingerprints(driver, "/own.cubin")
    one, two = put(driver, 1.0), put(driver, 2.0)
    assert known.find_error(OUTPUT, one) is None
    assert driver.modules == []  # where nothing is known, nothing is looked at
    known.add(OUTPUT, one, 0.5)
    assert known.find_error(OUTPUT, two) is None
    known.add(OUTPUT, two, 0.25)
    assert known.find_error(OUTPUT, put(driver, 1.0)) == 0.5
    assert known.find_error(OUTPUT, two) == 0.25
    assert known.find_error(OTHER, one) is None  # right there is not right here
    assert known.find_error(OUTPUT, put(driver, 3.0)) is None
    known.release()


def test_a_fingerprint_of_less_than_all_tells_nothing() -> None:
    driver = Fingerprinting()
    known = Fingerprints(driver, "/own.cubin")
    one = put(driver, 1.0)
    known.add(OUTPUT, one, 0.5)
    driver.skipped = 1
    assert known.find_error(OUTPUT, one) is None
    known.add(OTHER, one, 0.5)
    driver.skipped = 0
    assert known.find_error(OTHER, one) is None
    assert known.find_error(OUTPUT, one) == 0.5


@pytest.mark.parametrize(("module", "least"), [("", 0), ("/own.cubin", 401)])
def test_without_the_kernel_and_of_small_outputs_nothing_is_known(
    module: str, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprints, "LEAST_BYTES", least)
    driver = Fingerprinting()
    known = Fingerprints(driver, module)
    one = put(driver, 1.0)
    known.add(OUTPUT, one, 0.5)
    assert known.find_error(OUTPUT, one) is None
    assert driver.modules == []
