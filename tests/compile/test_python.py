"""Kernels from factories: the worker's process, and what becomes of what it answers."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.compile.base import KernelBuild
from harness.compile.cupy import CupyCompiler
from harness.compile.elf import Cubin
from harness.compile.factory_link import Maker
from harness.compile.numba import NumbaTranslator, open_numba
from harness.compile.source import KernelSource
from harness.errors import CompileError
from harness.model import OutcomeKind

FAKE = Maker("tests.compile.makers:open_fake", "Fake", "install it")
WRITER = Maker("tests.compile.makers:open_writer", "Writer", "install it")
SOURCE = """\
import os
from pathlib import Path
import helper

def make(N, T="float"):
    data = Path(__file__).with_name("data.txt").read_text()
    return f"{N} {T} {helper.VALUE} {data} {__name__} {__package__}"

def fail(N):
    raise ValueError("no\\nway")

def slow(N):
    return "slow"

def fatal(N):
    return "fatal"

def number(N):
    return N

def die(N):
    print("last words")
    os._exit(3)

def visible(N):
    return os.environ["CUDA_VISIBLE_DEVICES"] + "!"

class CudaSupportError(Exception):
    "As Numba's"

def asks_device(N):
    raise CudaSupportError("Error at driver init: \\n\\nno device:")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "kernels").mkdir()
    (tmp_path / "helper.py").write_text("VALUE = 1\n")
    (tmp_path / "kernels" / "data.txt").write_text("data")
    (tmp_path / "kernels" / "k.py").write_text(SOURCE)
    return tmp_path / "kernels" / "k.py"


def ask(path: Path, factory: str = "make", value: str = "4", text: str = SOURCE) -> KernelSource:
    return KernelSource(
        text,
        factory,
        "sm_90",
        str(path),
        (("N", value),),
        ("-x",),
        (str(path.parents[1]),),
        "numba",
        ("float32[1]",),
    )


@pytest.fixture
def open_translator() -> Iterator[Callable[..., NumbaTranslator]]:
    opened: list[NumbaTranslator] = []
    numba = open_numba(FAKE)

    def open_one(timeout_s: float | None = None) -> NumbaTranslator:
        opened.append(NumbaTranslator(numba, timeout_s=timeout_s, maker=FAKE))
        return opened[-1]

    yield open_one
    for translator in opened:
        translator.close()


Open = Callable[..., NumbaTranslator]


def code_of(binary: bytes) -> str:
    section = Cubin(binary).find(".text.made")
    assert section is not None
    return section.data.decode()


def test_it_says_what_it_is() -> None:
    numba = open_numba(FAKE)
    assert (numba.version, numba.build) == ("1.2", "numba-cuda 1.2 python 3")
    with pytest.raises(CompileError, match=r"Numba 1\.2 cannot compile for sm_75: it knows sm_80"):
        numba.check_architecture("sm_75")


def test_what_is_not_installed_is_said_in_one_line() -> None:
    maker = Maker("tests.compile.makers:open_nothing", "Numba", "install it")
    said = "^Numba cannot be used: ImportError: no module named numba; install it$"
    with pytest.raises(CompileError, match=said):
        open_numba(maker)


def test_a_factory_that_asks_for_a_device_is_told_that_there_is_none(
    open_translator: Open, path: Path
) -> None:
    made = open_translator().translate(ask(path, "asks_device"))
    assert made.kind is OutcomeKind.COMPILE_FAILED
    assert made.reason.startswith("CudaSupportError: Error at driver init; no GPU is to be seen")
    assert made.reason.endswith("such as a signature in @cuda.jit")


def test_a_factory_makes_a_kernel(open_translator: Open, path: Path) -> None:
    translator = open_translator()
    made = translator.translate(ask(path))
    assert (made.kind, made.function, made.log) == (OutcomeKind.OK, "made", "said nothing")
    assert code_of(made.binary) == (
        "4 float 1 data kernels.k kernels ('float32[1]',) ('-x',) kernels.k"
    )
    assert made.inputs == (str(path.parents[1] / "helper.py"), str(path.parent / "data.txt"))


def test_the_text_counts_and_not_the_file(open_translator: Open, path: Path) -> None:
    text = SOURCE.replace("{N}", "other")
    assert code_of(open_translator().translate(ask(path, text=text)).binary).startswith("other ")


def test_a_module_that_changes_is_imported_again(open_translator: Open, path: Path) -> None:
    translator = open_translator()
    assert " 1 data" in code_of(translator.translate(ask(path)).binary)
    helper = path.parents[1] / "helper.py"
    helper.write_text("VALUE = 234\n")
    assert " 234 data" in code_of(translator.translate(ask(path)).binary)


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        ("fail", "ValueError: no"),
        ("number", "number returned 4; return a text"),
        ("absent", "AttributeError: module 'kernels.k' has no attribute 'absent'"),
        ("die", "the process that runs the factory ended with 3"),
    ],
)
def test_what_goes_wrong_is_a_result(
    open_translator: Open, path: Path, factory: str, reason: str
) -> None:
    translator = open_translator()
    made = translator.translate(ask(path, factory))
    assert (made.kind, made.reason) == (OutcomeKind.COMPILE_FAILED, reason)
    assert made.evidence is not None
    assert made.evidence.command == f"{path}: {factory}(N=4), (float32[1]) for sm_90"
    if factory == "fail":
        assert made.evidence.output.startswith(f'  File "{path}", line 10, in fail\n')
        assert made.evidence.output.endswith("ValueError: no\nway")
    if factory == "die":
        assert made.evidence.output == "last words"
    assert translator.translate(ask(path)).kind is OutcomeKind.OK  # the next is none the worse


def test_what_no_kernel_can_be_made_with_ends_the_session(
    open_translator: Open, path: Path
) -> None:
    with pytest.raises(CompileError, match="Fake: nothing works"):
        open_translator().translate(ask(path, "fatal"))


def test_no_gpu_is_in_sight(
    open_translator: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert code_of(open_translator().translate(ask(path, "visible")).binary).startswith("! ")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"


def test_a_compile_that_takes_too_long_is_stopped(open_translator: Open, path: Path) -> None:
    translator = open_translator(timeout_s=0.2)
    translator.translate(ask(path))  # starts the worker, which has time of its own
    made = translator.translate(ask(path, "slow"))
    assert (made.kind, made.reason) == (OutcomeKind.TIMEOUT, "took longer than 200 ms")


def test_a_compile_can_be_cancelled(open_translator: Open, path: Path) -> None:
    translator = open_translator()
    translator.translate(ask(path))
    made = []
    thread = threading.Thread(target=lambda: made.append(translator.translate(ask(path, "slow"))))
    thread.start()
    translator.cancel()  # before or while it runs
    thread.join(30)
    assert [result.kind for result in made] == [OutcomeKind.INTERRUPTED]
    assert translator.translate(ask(path)).kind is OutcomeKind.OK


def test_a_cancel_before_there_is_a_worker_is_not_lost(open_translator: Open, path: Path) -> None:
    translator = open_translator()
    translator.cancel()
    assert translator.translate(ask(path)).kind is OutcomeKind.INTERRUPTED
    assert translator.translate(ask(path)).kind is OutcomeKind.OK


def test_a_compile_can_be_paused(open_translator: Open, path: Path) -> None:
    translator = open_translator()
    translator.translate(ask(path))
    translator.pause()
    made = []
    thread = threading.Thread(target=lambda: made.append(translator.translate(ask(path))))
    thread.start()
    time.sleep(0.1)
    assert not made
    translator.resume()
    thread.join(30)
    assert [result.kind for result in made] == [OutcomeKind.OK]


def test_the_time_of_a_pause_does_not_count(open_translator: Open, path: Path) -> None:
    translator = open_translator(timeout_s=0.3)
    translator.translate(ask(path))
    translator.pause()
    made = []
    thread = threading.Thread(target=lambda: made.append(translator.translate(ask(path))))
    thread.start()
    thread.join(0.8)
    translator.resume()
    thread.join(30)
    assert [result.kind for result in made] == [OutcomeKind.OK]


class Listener:
    """Stands behind a CupyCompiler."""

    def __init__(self) -> None:
        self.asked: list[KernelSource] = []
        self.told: list[str] = []

    def build(self, source: KernelSource) -> KernelBuild:
        self.asked.append(source)
        return KernelBuild(OutcomeKind.COMPILE_FAILED, reason="as asked")

    def cancel(self) -> None:
        self.told.append("cancel")

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")

    def close(self) -> None:
        self.told.append("close")


def test_what_cupy_would_compile_is_compiled_as_cuda(path: Path) -> None:
    behind = Listener()
    compiler = CupyCompiler(behind, maker=WRITER)
    assert compiler.build(ask(path)).reason == "as asked"
    (source,) = behind.asked
    assert source.text == "4 float 1 data kernels.k kernels"
    assert (source.language, source.function, source.macros) == ("cuda", "named", ())
    assert source.options == ("-DA=1", "-x")
    assert source.include_directories == (str(path.parents[1]), "/cupy")
    failed = compiler.build(ask(path, "fail"))
    assert (failed.kind, failed.reason) == (OutcomeKind.COMPILE_FAILED, "ValueError: no")
    assert len(behind.asked) == 1
    compiler.pause()
    compiler.resume()
    compiler.cancel()
    assert compiler.build(ask(path)).kind is OutcomeKind.INTERRUPTED
    compiler.close()
    assert behind.told == ["pause", "resume", "cancel", "close"]
