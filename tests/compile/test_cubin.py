from __future__ import annotations

import pytest

from harness.compile.cubin import add_spills, digest_code, read_resources
from harness.compile.elf import Cubin, ElfError
from harness.model import Resources
from harness.testing.cubins import FakeKernel, make_cubin

SCALE = FakeKernel(
    "scale",
    b"code of scale",
    registers=24,
    shared_bytes=272,
    local_bytes=8,
    arguments_bytes=364,
    max_threads=512,
)
OTHER = FakeKernel("other", b"code of other", registers=40)


def digest(*kernels: FakeKernel, function: str = "scale", **options: bytes) -> str:
    return digest_code(Cubin(make_cubin(kernels, **options)), function)  # type: ignore[arg-type]


def test_resources_of_each_kernel() -> None:
    cubin = Cubin(make_cubin([SCALE, OTHER], constants=bytes(400)))
    assert cubin.entries == ("scale", "other")
    assert read_resources(cubin, "scale") == Resources(
        registers=24,
        shared_bytes=272,
        constant_bytes=764,
        local_bytes=8,
        spill_store_bytes=None,
        spill_load_bytes=None,
        max_threads=512,
    )
    assert read_resources(cubin, "other").registers == 40


@pytest.mark.parametrize("sizes", [(8, 8, 4), (4, 8, 2, 1), (300,)])
def test_the_size_of_each_parameter(sizes: tuple[int, ...]) -> None:
    end = 0
    for size in sizes:
        end += -end % size + size
    kernel = FakeKernel("scale", arguments_bytes=end, parameter_bytes=sizes)
    assert read_resources(Cubin(make_cubin([kernel])), "scale").parameter_bytes == sizes
    none = FakeKernel("scale", arguments_bytes=0)
    assert read_resources(Cubin(make_cubin([none])), "scale").parameter_bytes == ()
    other = FakeKernel("scale", arguments_bytes=end + 8, parameter_bytes=sizes)
    assert read_resources(Cubin(make_cubin([other])), "scale").parameter_bytes is None


def test_what_the_system_reserves_is_not_the_kernels() -> None:
    cubin = Cubin(make_cubin([SCALE, OTHER], reserved_bytes=1024))
    assert read_resources(cubin, "scale").shared_bytes == 272
    assert read_resources(cubin, "other").shared_bytes == 0


def test_no_such_kernel() -> None:
    with pytest.raises(ElfError, match="no kernel 'nope' among scale, other"):
        read_resources(Cubin(make_cubin([SCALE, OTHER])), "nope")


LOG = """\
ptxas info    : Compiling entry function 'scale' for 'sm_80'
ptxas info    : Function properties for other
    16 bytes stack frame, 12 bytes spill stores, 14 bytes spill loads
ptxas info    : Function properties for scale
{margin}1112 bytes stack frame, 1928 bytes spill stores, 2264 bytes spill loads
ptxas info    : Used 32 registers, used 1 barriers, 1112 bytes cumulative stack size
"""


@pytest.mark.parametrize("margin", ["    ", "ptxas         .     "], ids=["nvcc", "nvrtc"])
def test_spills_come_from_the_log(margin: str) -> None:
    log = LOG.format(margin=margin)
    spilled = add_spills(Resources(registers=32), log, "scale")
    assert (spilled.registers, spilled.spill_store_bytes, spilled.spill_load_bytes) == (
        *(32, 1928, 2264),
    )
    assert add_spills(Resources(), log, "other").spill_store_bytes == 12
    assert add_spills(Resources(), log, "scal").spill_store_bytes is None


def test_digest_is_of_machine_code_only() -> None:
    assert digest(SCALE) == digest(SCALE, note=b"made by somebody else") == digest(SCALE, OTHER)
    named = FakeKernel(**{**vars(SCALE), "name": "_Z5scaleILi16EEvPf"})
    assert digest(named, function="_Z5scaleILi16EEvPf") == digest(SCALE)


@pytest.mark.parametrize(
    "change",
    [
        {"code": b"code of SCALE"},
        {"registers": 25},
        {"shared_bytes": 280},
        {"local_bytes": 16},
        {"arguments_bytes": 372},
        {"max_threads": 256},
    ],
    ids=lambda change: next(iter(change)),
)
def test_digest_tells_kernels_apart(change: dict[str, object]) -> None:
    assert digest(FakeKernel(**{**vars(SCALE), **change})) != digest(SCALE)


def test_digest_knows_the_modules_constants() -> None:
    assert digest(SCALE, constants=b"12") != digest(SCALE, constants=b"13")
    assert digest(SCALE, constants=b"12") != digest(SCALE)


@pytest.mark.parametrize("name", ["a", "e", "info", "constant3", "text"])
def test_names_that_look_like_parts_of_others(name: str) -> None:
    named = FakeKernel(**{**vars(SCALE), "name": name})
    assert digest(named, function=name, constants=b"12") == digest(SCALE, constants=b"12")
    other = FakeKernel(name)
    assert digest(SCALE, other, constants=b"12") == digest(SCALE, constants=b"12")
    assert digest(SCALE, other, constants=b"13") != digest(SCALE, constants=b"12")


def test_damaged_files_are_refused() -> None:
    whole = make_cubin([SCALE])
    for size in range(len(whole)):
        with pytest.raises(ElfError):
            Cubin(whole[:size])
    with pytest.raises(ElfError, match="not a CUDA binary"):
        Cubin(whole.replace(b"\x7fELF", b"\x7fFLE"))
