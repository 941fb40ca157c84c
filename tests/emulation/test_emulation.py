"""The emulation computes what a GPU would, and finds what a GPU would let pass."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from harness.emulation.program import Kind, Order, Run
from harness.measurement import Launch
from tests.emulation.emulate import EmulationError, build, run
from tests.emulation.variants import Variant

SOURCE = Path(__file__).parent / "probes.cu"
NAMES = tuple(dict.fromkeys(re.findall(r"PROBE == (\w+)", SOURCE.read_text())))
NUMBER_OF = {name: number for number, name in enumerate(NAMES)}

Floats = npt.NDArray[np.float32]
INPUT = np.random.default_rng(1).random(64).astype(np.float32)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    variants = [Variant({**NUMBER_OF, "PROBE": name}, shared_bytes=128) for name in NAMES]
    return build(SOURCE, "probe", variants, tmp_path_factory.mktemp("probes"))


def launch(
    program: Path,
    name: str,
    order: Order = Order.FORWARDS,
    *,
    given: npt.NDArray[np.generic] = INPUT,
    room: int = 64,
    grid: tuple[int, int, int] = (1, 1, 1),
    block: tuple[int, int, int] = (64, 1, 1),
    resident: int = 1,
) -> Floats:
    """What the probe leaves in `out`, which begins as zeros."""
    problem = [(Kind.INPUT, given.tobytes()), (Kind.WRITABLE, bytes(4 * room))]
    each = Run(NUMBER_OF[name], 0, order, Launch(grid, block, 128), resident)
    (left,) = run(program, [problem], [each])
    return np.frombuffer(left[0], np.float32)


both = pytest.mark.parametrize("order", Order, ids=lambda order: order.name)


@both
def test_threads_meet_at_a_barrier(program: Path, order: Order) -> None:
    np.testing.assert_array_equal(launch(program, "REVERSED", order), INPUT[::-1])


@both
def test_lanes_meet_at_a_warp_barrier(program: Path, order: Order) -> None:
    expected = INPUT.reshape(2, 32)[:, ::-1].ravel()
    np.testing.assert_array_equal(launch(program, "WARP_BARRIER", order), expected)


@pytest.mark.parametrize("name", ["NO_BARRIER", "NO_WARP_BARRIER", "NEVER_WRITTEN"])
def test_what_nobody_has_written_yet_is_not_a_number(program: Path, name: str) -> None:
    assert np.isnan(launch(program, name)).any()


@pytest.mark.parametrize(
    ("name", "room", "message"),
    [
        ("READ_BEYOND", 64, "argument 0: access to byte 256; it has 256"),
        ("READ_BEFORE", 64, "argument 0: access to byte -4096; it has 256"),
        ("READ_NOWHERE", 64, "access to address 0x40, which is no argument's"),
        ("WRITE_BEYOND", 5, "argument 1: byte 20 was written; it has 20|access to byte"),
        ("WRITE_INPUT", 64, "argument 0: access to byte 0; .* is an input: it was written"),
        ("MISALIGNED", 64, "misaligned address .* for type 'const struct float4'"),
        ("BEYOND_SHARED", 64, "index 64 out of bounds"),
        ("BEYOND_DYNAMIC", 64, "byte 128 of dynamic shared memory was written; .* has 128"),
        ("ENDED_EARLY", 64, "63 threads wait at a barrier that 1 threads never reach"),
        ("LANE_ENDED", 64, "lanes of mask ffffffff wait for lane 7, which has ended"),
        ("NOT_IN_MASK", 64, "lane 16 calls a warp intrinsic with mask 0000ffff"),
        ("READS_OUTSIDE_MASK", 64, "lane 0 reads lane 16, which is not in mask 0000ffff"),
        ("HALF_AT_BARRIER", 64, "deadlock"),
        ("WAITS_FOR_BLOCK", 64, "no block has ended for"),
        ("UNALIGNED_FRAGMENT", 64, "wmma: .*not a multiple of 32 bytes"),
    ],
)
def test_misbehaviour_is_an_error(program: Path, name: str, room: int, message: str) -> None:
    with pytest.raises(EmulationError, match=message):
        launch(program, name, room=room)


@both
def test_resident_blocks_can_wait_for_each_other(program: Path, order: Order) -> None:
    done = launch(program, "WAITS_FOR_BLOCK", order, grid=(3, 1, 1), resident=3)
    np.testing.assert_array_equal(done[:4], [1, 1, 1, 0])


def test_indices_run_along_x_first(program: Path) -> None:
    found = launch(program, "INDICES", grid=(2, 3, 2), block=(4, 2, 3), room=288)
    blocks, threads = np.divmod(np.arange(288), 24)
    np.testing.assert_array_equal(found, 1000 * blocks + threads)


@both
def test_warp_intrinsics(program: Path, order: Order) -> None:
    found = launch(program, "SHUFFLES", order, room=384).reshape(6, 64)
    t = np.arange(64)
    np.testing.assert_array_equal(found[0], INPUT[t // 8 * 8 + (t + 3) % 8])
    np.testing.assert_array_equal(found[1], INPUT[t ^ 5])
    np.testing.assert_array_equal(found[2], INPUT[np.where(t % 16 < 3, t, t - 3)])
    np.testing.assert_array_equal(found[3], INPUT[np.where(t % 16 >= 13, t, np.minimum(t + 3, 63))])
    votes = [int(sum(1 << i for i in range(16) if INPUT[32 * w + i] < 0.5)) for w in range(2)]
    np.testing.assert_array_equal(found[4], np.repeat(votes, 32))
    np.testing.assert_array_equal(found[5], np.repeat([2, 1], 32))


@both
def test_atomics_return_what_was_there(program: Path, order: Order) -> None:
    found = launch(program, "ATOMICS", order, room=4).view(np.uint32)
    assert found[0] == 63  # the first to add saw 0 and the last 63, whichever they were


def test_every_half_becomes_its_float(program: Path) -> None:
    halfs = np.arange(65536, dtype=np.uint16).view(np.float16)
    found = launch(program, "HALFS", given=halfs, room=65536, grid=(1024, 1, 1))
    np.testing.assert_array_equal(found, halfs.astype(np.float32))
