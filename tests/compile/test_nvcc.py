from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from harness.compile.base import Translation
from harness.compile.messages import first_error
from harness.compile.nvcc import NvccTranslator, parse_rule
from harness.compile.source import KernelSource
from harness.compile.toolkit import Nvcc
from harness.errors import CompileError
from harness.model import OutcomeKind
from harness.procs.worker import Worker
from harness.testing.cubins import FakeKernel, make_cubin
from harness.testing.programs import PYTHON, Programs

SOURCE = KernelSource("text", "scale", "sm_90", macros=(("N", "1, 2"),), options=("-O3",))
SPECIAL = "-D_GLIBCXX_BITS_SPECFUN_H"
BINARY = make_cubin([FakeKernel("scale"), FakeKernel("_Z13harness_entryI")])


def make_nvcc(program: str) -> Nvcc:
    return Nvcc(program, "a test", "13.0.88", "fake", ("sm_75", "sm_90"))


Make = Callable[..., NvccTranslator]


@pytest.fixture
def make(worker: Worker) -> Iterator[Make]:
    made: list[NvccTranslator] = []

    def make(program: str, timeout_s: float | None = None) -> NvccTranslator:
        made.append(NvccTranslator(make_nvcc(program), worker, timeout_s=timeout_s))
        return made[-1]

    yield make
    for translator in made:
        translator.close()


def test_translation(make: Make, programs: Programs, tmp_path: Path) -> None:
    header = tmp_path / "a b.h"
    source = replace(SOURCE, text=f"// reads {header}\n// reads {tmp_path}/k.cu", path="/x/k.cu")
    translator = make(programs.compiles_cuda(BINARY))
    made = translator.translate(source)
    assert (made.kind, made.binary, made.function) == (OutcomeKind.OK, BINARY, "scale")
    assert made.inputs == (str(header), f"{tmp_path}/k.cu")
    assert f"'-arch=sm_90', '-cubin', '-O3', '-I/x', '{SPECIAL}', '-Xcompiler'" in made.log
    assert translator.identity == "nvcc 13.0.88"


def test_failure_keeps_the_message_and_a_command_to_repeat_it(
    make: Make, programs: Programs, tmp_path: Path
) -> None:
    program = programs.compiles_cuda(BINARY)
    path = str(tmp_path / "scale.cu")
    made = make(program).translate(replace(SOURCE, text="#error", path=path))
    assert (made.kind, made.reason) == (
        OutcomeKind.COMPILE_FAILED,
        "scale.cu(1): error: #error directive",
    )
    assert made.evidence is not None
    assert made.evidence.command == (
        f"{program} -arch=sm_90 -cubin -O3 -I{tmp_path} '-DN=1, 2' {path}"
    )
    assert made.evidence.exit_code == 1
    assert made.evidence.output.endswith("scale.cu(1): error: #error directive")


@pytest.mark.parametrize(
    ("binary", "reason"),
    [
        (b"", "nvcc reports success but left no usable binary: not a whole ELF file of 0 bytes"),
        (
            make_cubin([FakeKernel("_Z5scalef"), FakeKernel("_Z5scaled")]),
            "which of the binary's kernels is 'scale' is unclear: _Z5scalef, _Z5scaled",
        ),
        (make_cubin([]), "which of the binary's kernels is 'scale' is unclear: none"),
    ],
)
def test_binary_without_the_kernel(
    make: Make, programs: Programs, binary: bytes, reason: str
) -> None:
    made = make(programs.compiles_cuda(binary)).translate(SOURCE)
    assert made.kind is OutcomeKind.COMPILE_FAILED
    assert made.reason.startswith(reason)
    assert made.evidence is not None
    assert made.reason in made.evidence.output


def test_what_was_made_before_does_not_count(
    make: Make, programs: Programs, tmp_path: Path
) -> None:
    program = programs.compiles_cuda(BINARY)
    translator = make(program)
    assert translator.translate(SOURCE).kind is OutcomeKind.OK
    Path(program).write_text(Path(programs.exits(0)).read_text())
    assert "left no usable binary" in translator.translate(SOURCE).reason


def test_timeout(make: Make, programs: Programs) -> None:
    made = make(programs.hangs(), timeout_s=0.05).translate(SOURCE)
    assert (made.kind, made.reason) == (OutcomeKind.TIMEOUT, "took longer than 50.0 ms")


def test_cancel(make: Make, programs: Programs, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    translator = make(programs.hangs(fifo))
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(translator.translate, SOURCE)
        fifo.read_text()
        translator.cancel()
        assert running.result().kind is OutcomeKind.INTERRUPTED


def test_unknown_architecture_stops_the_session(make: Make, programs: Programs) -> None:
    translator = make(programs.exits(0))
    with pytest.raises(CompileError, match="cannot compile for sm_61"):
        translator.translate(replace(SOURCE, architecture="sm_61"))


def test_settings_of_the_environment_are_another_compiler(
    make: Make, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    translator = make(programs.exits(0))
    before = translator.fingerprint
    monkeypatch.setenv("NVCC_APPEND_FLAGS", "-O0")
    assert translator.fingerprint != before


def test_close_leaves_no_files(worker: Worker, programs: Programs) -> None:
    translator = NvccTranslator(make_nvcc(programs.prints_python("os.getcwd()")), worker)
    folder = Path(translator.translate(SOURCE).log.strip())
    assert folder.is_dir()
    translator.close()
    assert not folder.exists()


def test_what_needs_what_was_left_out_is_compiled_with_all(
    make: Make, programs: Programs, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    program = programs.compiles_cuda(BINARY)
    wrapper = programs.write(
        PYTHON,
        "import os, sys",
        f"brief, text = {SPECIAL!r} in sys.argv, open(sys.argv[-1]).read()",
        f"open({str(log)!r}, 'a').write('brief ' if brief else 'all ')",
        "if brief and 'numeric_limits' in text: sys.exit('k.cu(1): error: no numeric_limits')",
        "if 'huge' in text: sys.exit('ptxas error : too much shared data')",
        f"os.execv({program!r}, [{program!r}, *sys.argv[1:]])",
    )
    translator = make(wrapper)

    def translate(text: str) -> tuple[OutcomeKind, str, str]:
        log.write_text("")
        made = translator.translate(replace(SOURCE, text=text))
        command = made.evidence.command if made.evidence else ""
        assert SPECIAL not in command
        return made.kind, made.reason, log.read_text()

    ok, failed = OutcomeKind.OK, OutcomeKind.COMPILE_FAILED
    assert translate("plain") == (ok, "", "brief ")
    assert translate("numeric_limits") == (ok, "", "brief all ")
    assert translate("numeric_limits") == (ok, "", "all ")
    assert translate("#error") == (failed, "scale.cu(1): error: #error directive", "brief all ")
    assert translate("huge") == (failed, "ptxas error : too much shared data", "brief ")


def test_cancel_between_two_attempts(make: Make, programs: Programs) -> None:
    translator = make(programs.compiles_cuda(BINARY))
    attempt = translator._attempt

    def fail(source: KernelSource, briefly: bool) -> Translation:
        made = attempt(source, briefly)
        translator.cancel()
        return made

    translator._attempt = fail  # type: ignore[method-assign]
    assert translator.translate(replace(SOURCE, text="#error")).kind is OutcomeKind.INTERRUPTED
    translator._attempt = attempt  # type: ignore[method-assign]
    assert translator.translate(SOURCE).kind is OutcomeKind.OK


def test_rules_of_makefiles() -> None:
    rule = "a.cubin : a.cu \\\n    /usr/include/a\\ b.h \\\n  c$$d.h e\\#f.h\n"
    assert parse_rule(rule) == ("a.cu", "/usr/include/a b.h", "c$d.h", "e#f.h")


def test_first_error() -> None:
    log = "a.cu(1): warning #1\n  a.cu(3): error: no\na.cu(4): error: nor this\n"
    assert first_error(log) == "a.cu(3): error: no"
    assert first_error("ptxas fatal   : out of registers") == "ptxas fatal   : out of registers"
    assert first_error("no terrors here") == ""
