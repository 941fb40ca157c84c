"""The calls of CUDA's driver, against a library in C that has the same functions and no GPU."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import RunError
from harness.measurement import Argument, Launch
from harness.model import OutcomeKind
from harness.timing.cuda import open_cuda
from harness.timing.driver import DriverError
from harness.timing.link import PipeLink
from harness.timing.protocol import Expectation, Measure, Measured, Refused
from harness.timing.stopping import Stopping
from tests.timing.kernels import build_library, no_limits

UUID = f"GPU-{'ab' * 4}-{'ab' * 2}-{'ab' * 2}-{'ab' * 2}-{'ab' * 6}"
LAUNCH = Launch((4, 1, 1), (64, 1, 1), 64 * 1024)

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_library(tmp_path_factory.mktemp("fake"))


def settings(library: str, uuid: str = UUID) -> str:
    return json.dumps({"uuid": uuid, "library": library})


@pytest.fixture
def link(library: str) -> Iterator[PipeLink]:
    made = PipeLink("harness.timing.cuda:open_cuda", settings(library), uuid=UUID, environment={})
    made.open()
    yield made
    made.close()


def request(kernel: str, folder: Path, **changes: object) -> Measure:
    fields: dict[str, object] = {
        "number": 1,
        "module": f"/somewhere/{kernel}",
        "function": kernel,
        "launch": LAUNCH,
        "arguments": (
            Argument("x", "inout", "float32", (200,), fill="arange"),
            Argument("n", "in", "int32", None, 200),
            Argument("factor", "in", "float64", None, 2.5),
        ),
        "mode": "cold",
        "stopping": Stopping("repeat", repeat=3),
        "folders": (str(folder),),
        "expectation": Expectation("scaler:scale", 0.0, 1e-6),
    }
    (folder / "scaler.py").write_text("def scale(x, n, factor):\n    return x * factor\n")
    return Measure(**{**fields, **changes})  # type: ignore[arg-type]  # as a request has them


def ask(link: PipeLink, made: Measure) -> Measured:
    answer = link.ask(made, no_limits)
    assert isinstance(answer, Measured), answer
    return answer


def test_a_kernel_is_loaded_verified_and_timed(link: PipeLink, tmp_path: Path) -> None:
    answer = ask(link, request("scale", tmp_path))
    assert (answer.kind, answer.verified, answer.reason) == (OutcomeKind.OK, True, "")
    # 50 us for a launch and nothing of the copy and the flush before it
    assert answer.samples_s == pytest.approx([50e-6] * 3)
    again = ask(link, request("scale", tmp_path, number=2, mode="hot"))
    assert again.samples_s == pytest.approx([50e-6] * 3)


def test_a_kernel_is_the_reference_of_another(link: PipeLink, tmp_path: Path) -> None:
    """And the one that is wrong, since it is launched with too few threads, is found."""
    right = Expectation("scale", 0.0, 0.0, "/elsewhere/scale", Launch((4, 1, 1), (64, 1, 1)))
    assert ask(link, request("scale", tmp_path, expectation=right)).verified
    few = Launch((1, 1, 1), (64, 1, 1))
    answer = ask(link, request("scale", tmp_path, expectation=right, launch=few))
    assert answer.kind is OutcomeKind.WRONG_RESULT
    broken = Expectation("scale", 0.0, 0.0, "/absent", LAUNCH)
    refused = link.ask(request("scale", tmp_path, expectation=broken), no_limits)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("kernel.reference.kernel: cuModuleLoad")


TWICE = (
    Argument("x", "in", "float32", (200,), fill="ones"),
    Argument("y", "out", "float32", (200,)),
    Argument("n", "in", "int32", None, 200),
)


def test_what_a_reference_does_not_write_a_kernel_must_not_write_either(
    link: PipeLink, tmp_path: Path
) -> None:
    """Instead of what happened to be in the memory; the first value is not written by `odd`."""
    even, odd = Launch((2, 1, 1), (128, 1, 1)), Launch((2, 1, 1), (160, 1, 1))
    expectation = Expectation("twice", 0.0, 0.0, "/elsewhere/twice", odd)
    made = request("twice", tmp_path, arguments=TWICE, expectation=expectation, launch=even)
    answer = ask(link, made)
    assert answer.kind is OutcomeKind.WRONG_RESULT
    assert answer.reason.startswith("1 of 200 values is wrong: y[0] is 2.0, expected nan")
    made = request("twice", tmp_path, arguments=TWICE, expectation=expectation, launch=odd)
    assert ask(link, made).verified


def test_a_reference_that_writes_nothing_is_refused(link: PipeLink, tmp_path: Path) -> None:
    one = Launch((1, 1, 1), (1, 1, 1))
    arguments = (*TWICE[:2], Argument("n", "in", "int32", None, 0))
    expectation = Expectation("twice", 0.0, 0.0, "/elsewhere/twice", one)
    made = request("twice", tmp_path, arguments=arguments, expectation=expectation, launch=one)
    refused = link.ask(made, no_limits)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("kernel.reference.kernel: y is nan everywhere")


def test_a_numba_kernel_gets_what_it_takes_for_an_array(link: PipeLink, tmp_path: Path) -> None:
    made = request(
        "numba",
        tmp_path,
        convention="numba",
        arguments=(
            Argument("x", "inout", "float32", (3, 5), fill="arange"),
            Argument("factor", "in", "float64", None, 2.5),
        ),
    )
    (tmp_path / "scaler.py").write_text("def scale(x, factor):\n    return x * factor\n")
    answer = ask(link, made)
    assert (answer.kind, answer.verified, answer.reason) == (OutcomeKind.OK, True, "")


def test_the_reference_of_a_numba_kernel_gets_pointers(link: PipeLink, tmp_path: Path) -> None:
    """It is CUDA C++, whose arguments are one parameter each."""
    plain = Expectation("scale", 0.0, 0.0, "/elsewhere/scale", Launch((4, 1, 1), (64, 1, 1)))
    made = request("numba", tmp_path, convention="numba", expectation=plain)
    answer = ask(link, made)
    assert answer.kind is OutcomeKind.RUN_FAILED  # `numba` takes two dimensions, and there is one
    assert answer.reason.startswith("cuLaunchKernel: ")


def test_blocks_that_wait_for_each_other_are_launched_at_once(
    link: PipeLink, tmp_path: Path
) -> None:
    answer = ask(link, request("together", tmp_path))
    assert answer.reason.startswith("cuLaunchKernel: ")
    answer = ask(link, request("together", tmp_path, launch=replace(LAUNCH, cooperative=True)))
    assert (answer.kind, answer.verified) == (OutcomeKind.OK, True)


def test_a_wrong_result_is_found(link: PipeLink, tmp_path: Path) -> None:
    few = Launch((1, 1, 1), (64, 1, 1))
    answer = ask(link, request("scale", tmp_path, launch=few))
    assert answer.kind is OutcomeKind.WRONG_RESULT
    assert answer.reason.startswith("136 of 200 values are wrong, such as x[64] is 64.0")


def test_an_illegal_access_corrupts_the_context(link: PipeLink, tmp_path: Path) -> None:
    answer = ask(link, request("fault", tmp_path))
    assert (answer.kind, answer.sticky) == (OutcomeKind.RUN_FAILED, True)
    assert "CUDA_ERROR_ILLEGAL_ADDRESS: as tests want it" in answer.reason


def test_a_launch_that_is_refused_corrupts_nothing(link: PipeLink, tmp_path: Path) -> None:
    big = Launch((1, 1, 1), (2048, 1, 1))
    answer = ask(link, request("scale", tmp_path, launch=big))
    assert (answer.kind, answer.sticky) == (OutcomeKind.RUN_FAILED, False)
    assert ask(link, request("scale", tmp_path)).kind is OutcomeKind.OK


def test_a_binary_without_the_kernel_fails(link: PipeLink, tmp_path: Path) -> None:
    absent = ask(link, request("scale", tmp_path, module="/absent"))
    assert absent.reason.startswith("cuModuleLoad: ")
    other = ask(link, request("scale", tmp_path, function="other"))
    assert other.reason.startswith("cuModuleGetFunction: ")


def test_a_binary_that_is_too_new_for_the_driver_says_so(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CUDA", "image")
    (tmp_path / "new.cubin").write_bytes(b"a binary")
    driver = open_cuda(settings(library))
    message = (
        r"cuModuleLoad: CUDA_ERROR_INVALID_IMAGE: .* supports CUDA 12\.8; .*upgrade the driver"
    )
    with pytest.raises(DriverError, match=message):
        driver.load(str(tmp_path / "new.cubin"), "scale")


def test_memory_that_is_not_there_is_told(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CUDA", "memory")
    driver = open_cuda(settings(library))
    message = r"no 4\.00 GiB on the device: cuMemAlloc_v2: .*\(3\.00 GiB of 16\.0 GiB are free: "
    with pytest.raises(DriverError, match=message) as raised:
        driver.allocate(4 << 30)
    assert not raised.value.sticky


def test_the_driver_finds_the_lanes_device(library: str) -> None:
    driver = open_cuda(settings(library))
    assert driver.facts.name == "Fake 11"
    assert driver.facts.l2_bytes == 1 << 16
    assert driver.facts.versions == {"cuda": "12.8"}
    driver.close()


def test_a_device_that_is_not_in_sight_is_told(library: str) -> None:
    with pytest.raises(DriverError, match=r"CUDA shows 2 devices .* but the lane's is GPU-1234"):
        open_cuda(settings(library, "GPU-1234"))
    link = PipeLink(
        "harness.timing.cuda:open_cuda",
        settings(library, "GPU-1234"),
        uuid="GPU-1234",
        environment={},
    )
    with pytest.raises(RunError, match="cannot open its device: CUDA shows 2 devices"):
        link.open()
    link.close()


def test_without_a_driver_the_remedy_is_told() -> None:
    with pytest.raises(DriverError, match="kernel tests need NVIDIA's driver"):
        open_cuda(settings("libno_such_library.so"))
