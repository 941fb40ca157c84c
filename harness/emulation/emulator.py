"""Compiles kernels for the CPU and runs them, one at a time, in processes of their own."""

from __future__ import annotations

import re
import shlex
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from harness.compile.cache_folder import find_directory
from harness.compile.files import hash_bytes, write_file
from harness.compile.messages import first_error
from harness.compile.source import KernelSource, define_macros
from harness.emulation.program import (
    EXIT_MISBEHAVED,
    FLAGS,
    HOME,
    INCLUDE,
    RUNTIME,
    RUNTIME_FLAGS,
    Problem,
    Run,
    make_program,
    read_result,
    write_request,
)
from harness.model import Command, Evidence, ProcessResult
from harness.procs.explain import describe_failure, make_evidence
from harness.procs.worker import Worker
from harness.units import format_seconds

COMPILE_S = 120.0
RUN_S = 30.0
"""How long a kernel may compile and run; one that takes longer is not verified."""

_OPTIONS = re.compile(r"-[DUI]")
_STALLED = "no block has ended"
_SANITIZED = re.compile(r"^(\S.*?:\d+):\d+: runtime error: (.*)", re.MULTILINE)
_BY = re.compile(
    r"^run \d+: (block \(.*?\) thread \(.*?\): )stopped by the sanitizer$", re.MULTILINE
)
"""Where and what the sanitizer says, and the thread that did it."""


class NotEmulatedError(Exception):
    """The kernel cannot be emulated; the message says why. It may be right or wrong."""


class MisbehavedError(Exception):
    """The kernel did what no kernel may do; the message says what.

    Attributes:
        evidence: the command and what it said.
    """

    def __init__(self, text: str, evidence: Evidence) -> None:
        super().__init__(text)
        self.evidence = evidence


class EmulationCancelledError(Exception):
    """It was stopped from another thread."""


_HOST = re.compile(r"\bcuda[A-Z]\w*'|<<<|multiple definition of .main'")
"""In what a compiler says of host code: the runtime's functions, launches, a program's main."""


class Emulator:
    """Builds and runs kernels by means of its worker; belongs to one thread.

    Args:
        compiler: the host's C++ compiler.
    """

    def __init__(self, compiler: str, worker: Worker) -> None:
        self._compiler = compiler
        self._worker = worker
        self._cancelled = threading.Event()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._runtime: Path | None = None

    def build(
        self,
        source: KernelSource,
        shared_bytes: int,
        name: str = "kernel",
        variables: Sequence[str] = (),
    ) -> Path:
        """The program that runs the kernel with up to so much dynamic shared memory.

        Args:
            name: of the program's file, which replaces what had it before.
            variables: of the source, that are filled before each run.

        Raises:
            NotEmulatedError: the compiler does not understand it.
        """
        folder = self._home()
        text, program = folder / f"{name}.cpp", folder / name
        made = make_program(
            source.text, define_macros(source), source.function, shared_bytes, variables
        )
        text.write_text(made, encoding="utf-8")
        command = self._make_command(source, text, program)
        result = self._run(command)
        if result.timed_out:
            raise NotEmulatedError(f"its compile took longer than {format_seconds(COMPILE_S)}")
        if not result.succeeded:
            said = first_error(result.stderr) or describe_failure(command, result)
            said = _shorten(said, folder)
            if _HOST.search(result.stderr):
                said += "; host code must be under #ifndef __CUDACC_RTC__"
            raise NotEmulatedError(f"the emulation cannot compile it: {said}")
        return program

    def run(self, program: Path, problem: Problem, runs: Sequence[Run]) -> list[tuple[bytes, ...]]:
        """What each run leaves in the arrays that it may write.

        Raises:
            MisbehavedError: a run did what it may not.
            NotEmulatedError: it took too long, or more than the emulation has.
        """
        request, answer = program.with_suffix(".request"), program.with_suffix(".result")
        request.write_bytes(write_request([problem], runs))
        argv = (str(program), str(request), str(answer))
        command = Command(argv, shlex.join(argv), str(self._home()), timeout_s=RUN_S)
        result = self._run(command)
        if result.timed_out:
            raise NotEmulatedError(f"it took longer than {format_seconds(RUN_S)}")
        if not result.succeeded:
            raise self._explain(command, result, runs)
        return read_result(answer.read_bytes(), [problem], runs)

    def _explain(
        self, command: Command, result: ProcessResult, runs: Sequence[Run]
    ) -> MisbehavedError | NotEmulatedError:
        """What the end of a run means."""
        if sanitized := _SANITIZED.search(result.stderr):
            by = _BY.search(result.stderr)
            place = f"{Path(sanitized[1]).name}: {sanitized[2]}"
            return MisbehavedError((by[1] if by else "") + place, make_evidence(command, result))
        said = re.sub(r"^run \d+: ", "", result.stderr.strip().split("\n")[-1])
        evidence = make_evidence(command, result)
        alone = any(run.resident < run.launch.blocks for run in runs)
        if result.exit_code == EXIT_MISBEHAVED and not (_STALLED in said and alone):
            if "no memory for" in said or "has room for" in said:
                return NotEmulatedError(said)
            return MisbehavedError(said, evidence)
        return NotEmulatedError(said or describe_failure(command, result))

    def _run(self, command: Command) -> ProcessResult:
        if self._cancelled.is_set():
            raise EmulationCancelledError
        result = self._worker.run(command)
        if result.cancelled:
            raise EmulationCancelledError
        return result

    def _make_command(self, source: KernelSource, text: Path, program: Path) -> Command:
        folders = [f"-I{folder}" for folder in (INCLUDE, *source.search_directories)]
        options = [option for option in source.options if _OPTIONS.match(option)]
        options.append("-D__CUDACC_RTC__")  # as NVRTC, whose sources have no host code either
        options.append(f"-D__CUDA_ARCH__={re.sub('[^0-9]', '', source.architecture)}0")
        runtime = self._make_runtime()
        argv = (
            self._compiler,
            *FLAGS,
            *options,
            *folders,
            "-o",
            *map(str, (program, text, runtime)),
        )
        return _command(argv, self._home())

    def _make_runtime(self) -> Path:
        """The part that all programs share, compiled; kept for later sessions."""
        if self._runtime is None:
            parts = [*sorted(HOME.glob("*.[hc]*")), *sorted(INCLUDE.glob("*.h"))]
            content = b"\0".join(path.read_bytes() for path in parts)
            key = hash_bytes(repr((self._compiler, RUNTIME_FLAGS)).encode() + content)
            kept = find_directory() / "emulation" / f"{key[:32]}.o"
            if not kept.is_file():
                made = self._home() / "run.o"
                argv = (self._compiler, *RUNTIME_FLAGS, f"-I{INCLUDE}", "-c", "-o")
                command = _command((*argv, str(made), str(RUNTIME)), self._home())
                result = self._run(command)
                if not result.succeeded:
                    failure = describe_failure(command, result)
                    raise NotEmulatedError(f"the emulation itself cannot be compiled: {failure}")
                write_file(kept, made.read_bytes())
            self._runtime = kept
        return self._runtime

    def _home(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="harness-emulation-")
        return Path(self._folder.name)

    def cancel(self) -> None:
        """Stop what runs now, and all that follows, from any thread."""
        self._cancelled.set()
        self._worker.cancel()

    def pause(self) -> None:
        """Hold what runs now, and what starts before `resume`."""
        self._worker.pause()

    def resume(self) -> None:
        """Let it go on."""
        self._worker.resume()

    def close(self) -> None:
        """End the worker and remove the temporary files."""
        self._worker.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _command(argv: tuple[str, ...], folder: Path) -> Command:
    environment = (("LC_ALL", "C"), ("TMPDIR", str(folder)))
    return Command(argv, shlex.join(argv), str(folder), environment, COMPILE_S)


def _shorten(text: str, folder: Path) -> str:
    """A compiler's line without the temporary folder's name."""
    return re.sub(r"^\S*?:\d+:\d+: (fatal )?error: ", "", text.replace(f"{folder}/", ""))
