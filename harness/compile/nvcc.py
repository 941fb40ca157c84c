"""Kernels to cubins by nvcc, in a worker's process."""

from __future__ import annotations

import re
import shlex
import tempfile
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.compile.base import Translation
from harness.compile.brief import compile_briefly
from harness.compile.elf import Cubin, ElfError
from harness.compile.entry import find_candidates, mark_entry, pick_entry
from harness.compile.messages import first_error
from harness.compile.shell import judge
from harness.compile.source import KernelSource
from harness.compile.toolkit import Nvcc
from harness.model import Command, OutcomeKind, ProcessResult
from harness.procs.explain import describe_end, make_evidence
from harness.procs.worker import Worker

_TEXT, _BINARY, _INPUTS = "kernel.cu", "kernel.cubin", "kernel.d"
_WITHOUT_SPECIAL_FUNCTIONS = "-D_GLIBCXX_BITS_SPECFUN_H"
"""Leaves out `std::cyl_bessel_j` and the like, which no device code can call.

nvcc includes the host's <cmath> before every source, and from C++17 on this has them in GNU's
library: a fifth of what the device's front end reads, and of a small kernel's processor time.
What needs a header that only they include does not compile, and is compiled again with all.
"""


class NvccTranslator:
    """Runs nvcc on one source at a time by means of its worker.

    Args:
        timeout_s: for one compile; None: no limit.
    """

    def __init__(self, nvcc: Nvcc, worker: Worker, *, timeout_s: float | None = None) -> None:
        self._nvcc = nvcc
        self._worker = worker
        self._timeout_s = timeout_s
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._need_all: set[str] = set()
        self._cancelled = threading.Event()

    @property
    def identity(self) -> str:
        """See `base.Translator`."""
        return self._nvcc.identity

    @property
    def fingerprint(self) -> str:
        """See `base.Translator`."""
        return self._nvcc.fingerprint

    def translate(self, source: KernelSource) -> Translation:
        """See `base.Translator`."""
        self._nvcc.check_architecture(source.architecture)
        try:
            return compile_briefly(source.text, self._need_all, partial(self._attempt, source))
        finally:
            self._cancelled.clear()

    def _attempt(self, source: KernelSource, briefly: bool) -> Translation:
        if self._cancelled.is_set():
            return Translation(OutcomeKind.INTERRUPTED, reason="cancelled")
        folder = self._prepare()
        (folder / _TEXT).write_text(mark_entry(source), encoding="utf-8")
        command = self._make_command(source, folder, briefly)
        result = self._worker.run(command)
        log = result.stdout + result.stderr
        kind = judge(result)
        if kind is not OutcomeKind.OK:
            return Translation(
                kind=kind,
                log=log,
                reason=_explain(command, result),
                evidence=make_evidence(command, result),
            )
        try:
            binary = (folder / _BINARY).read_bytes()
            entries = Cubin(binary).entries
        except (OSError, ElfError) as error:
            reason = f"nvcc reports success but left no usable binary: {error}"
            return _fail(command, result, reason)
        function = self._find_entry(entries, source.function)
        if function is None:
            return _fail(command, result, _explain_entries(source.function, entries))
        return Translation(OutcomeKind.OK, binary, function, log, _read_inputs(folder))

    def cancel(self) -> None:
        """Kill the nvcc that runs now, and begin no other."""
        self._cancelled.set()
        self._worker.cancel()

    def pause(self) -> None:
        """Stop nvcc until `resume`."""
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

    def _prepare(self) -> Path:
        """The folder to compile in, without what the compile before left."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="harness-nvcc-")
        folder = Path(self._folder.name)
        for name in (_BINARY, _INPUTS):
            (folder / name).unlink(missing_ok=True)
        return folder

    def _make_command(self, source: KernelSource, folder: Path, briefly: bool) -> Command:
        """What is run, and what a person would type to compile the same for a look at it."""
        options = [f"-arch={source.architecture}", "-cubin", *source.options]
        options += [f"-I{directory}" for directory in source.search_directories]
        # nvcc's own -MD looks at the source a second time, which takes a quarter longer
        ours = ["-Xcompiler", f"-MD,-MF,{_INPUTS}", "-Xptxas", "-v", "-o", _BINARY, _TEXT]
        brief = [_WITHOUT_SPECIAL_FUNCTIONS] if briefly else []
        macros = [f"-D{name}={value}" for name, value in source.macros]
        return Command(
            argv=(self._nvcc.program, *options, *brief, *ours),
            text=shlex.join([self._nvcc.program, *options, *macros, source.name]),
            directory=str(folder),
            environment=(("TMPDIR", str(folder)),),  # a killed nvcc leaves files there
            timeout_s=self._timeout_s,
        )

    def _find_entry(self, entries: tuple[str, ...], function: str) -> str | None:
        candidates = find_candidates(entries, function)
        if len(candidates) == 1:
            return candidates[0]
        # which of several it is only their names can tell
        command = Command(("c++filt", *entries), "c++filt", "/", timeout_s=60.0)
        result = self._worker.run(command)
        if not result.succeeded:
            return None
        return pick_entry(dict(zip(entries, result.stdout.splitlines(), strict=False)))


def parse_rule(text: str) -> tuple[str, ...]:
    """What the target of a makefile's rule depends on, as compilers write such rules."""
    _, _, files = text.replace("\\\n", " ").partition(": ")
    words = re.findall(r"(?:\\.|[^\s\\])+", files)
    return tuple(re.sub(r"\\(.)", r"\1", word).replace("$$", "$") for word in words)


def _read_inputs(folder: Path) -> tuple[str, ...] | None:
    """What the host compiler read when it preprocessed the text; None if that is not clear."""
    try:
        rule = (folder / _INPUTS).read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return tuple(str(folder / name) for name in parse_rule(rule) if name != _TEXT)


def _explain(command: Command, result: ProcessResult) -> str:
    error = first_error(result.stderr) if result.exit_code else ""
    if 'identifier "' in error and re.search(
        r"^\s*#\s*pragma\s+unroll", result.stderr, re.MULTILINE
    ):
        error += "; nvcc expands no macros in #pragma unroll: write a number or a constexpr there"
    return error or describe_end(command, result)


def _explain_entries(function: str, entries: tuple[str, ...]) -> str:
    names = ", ".join(find_candidates(entries, function)) or "none"
    return (
        f"which of the binary's kernels is {function!r} is unclear: {names}; give it a name that "
        "no other kernel has, or install c++filt (binutils)"
    )


def _fail(command: Command, result: ProcessResult, reason: str) -> Translation:
    evidence = make_evidence(command, result)
    evidence = replace(evidence, output=f"{evidence.output}\n{reason}".strip())
    log = result.stdout + result.stderr
    return Translation(OutcomeKind.COMPILE_FAILED, log=log, reason=reason, evidence=evidence)
