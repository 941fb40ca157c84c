"""Finding nvcc, and what it can do."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.compile.homes import find_header_folders, find_programs
from harness.errors import CompileError
from harness.model import Command
from harness.procs.explain import describe_end
from harness.procs.version import read_version
from harness.procs.worker import Worker

_ASK_S = 60.0
_ENVIRONMENT = (
    *("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS", "NVCC_CCBIN"),
    *("CPATH", "CPLUS_INCLUDE_PATH", "C_INCLUDE_PATH"),
)
"""Variables by which users change what nvcc compiles, or finds."""


@dataclass(frozen=True, slots=True)
class Nvcc:
    """An installed nvcc.

    Attributes:
        program: absolute path.
        found: how it was found, for messages.
        version: `13.0.88`.
        build: the toolkit's build, which tells apart what the version does not.
        architectures: what it can compile for: `sm_75` …, without the letters of variants.
    """

    program: str
    found: str
    version: str
    build: str
    architectures: tuple[str, ...]

    @property
    def identity(self) -> str:
        """See `base.Translator`."""
        return f"nvcc {self.version}"

    @property
    def fingerprint(self) -> str:
        """See `base.Translator`."""
        settings = [f"{name}={os.environ[name]}" for name in _ENVIRONMENT if name in os.environ]
        return "\n".join([self.identity, self.build, *settings])

    def check_architecture(self, architecture: str) -> None:
        """Raises CompileError unless nvcc can compile for `architecture`."""
        try:
            check_architecture(
                architecture, self.architectures, f"nvcc {self.version} ({self.program})", "toolkit"
            )
        except CompileError as error:
            others = _list_others(self)
            if not others:
                raise
            found = f"also installed: {', '.join(others)} (CUDACXX, kernel.nvcc)"
            raise CompileError(f"{error}; {found}") from error


def check_architecture(
    architecture: str, accepted: tuple[str, ...], compiler: str, remedy: str
) -> None:
    """Raise CompileError, naming both, unless the compiler accepts the architecture.

    Args:
        architecture: `sm_90`; variants such as `sm_90a` go with their base.
        remedy: what to install another version of.
    """
    match = re.fullmatch(r"(sm_(\d+))[af]?", architecture)
    if match is None:
        raise CompileError(
            f"architecture {architecture!r}: not of the form sm_90; it is `sm_` and the device's "
            "compute capability without the point"
        )
    if match[1] in accepted:
        return
    numbers = sorted(int(name.removeprefix("sm_")) for name in accepted)
    age = "an older" if numbers and int(match[2]) < numbers[0] else "a newer"
    raise CompileError(
        f"{compiler} cannot compile for {architecture}: it knows "
        f"{', '.join(f'sm_{number}' for number in numbers) or 'no architecture'}; install {age} "
        f"{remedy}, or set the architecture to one of these"
    )


def _list_others(nvcc: Nvcc) -> list[str]:
    """Every other nvcc on this machine of another version; only who must choose needs to know."""
    others: dict[str, str] = {}
    for place, _ in find_programs(os.environ):
        found = parse_version(read_version(str(place))) if is_program(place) else None
        if found is not None and found[0] != nvcc.version:
            others.setdefault(found[0], str(place))
    return [f"{version} in {place}" for version, place in others.items()]


def find_nvcc(program: str = "", environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """The nvcc to use, and how it was found.

    Looked for in this order: `program`, which the config names; `CUDACXX`; then as
    `homes.find_programs` says. One that the first two name and that is not there is an error, not
    passed over.

    Raises:
        CompileError: none is found.
    """
    for name, how in ((program, "kernel.nvcc"), (environment.get("CUDACXX", ""), "CUDACXX")):
        if name:
            path = shutil.which(name, path=environment.get("PATH"))
            if path is None:
                raise CompileError(f"no nvcc at {name!r}, which {how} names; correct or remove it")
            return str(Path(path).absolute()), how
    looked: list[str] = []
    for place, how in find_programs(environment):
        if is_program(place):
            return str(place.absolute()), how
        looked.append(str(place))
    missing = ", ".join(f"{place} is missing" for place in looked)
    raise CompileError(
        "no nvcc found: not named by the config or CUDACXX, not in PATH, nor where toolkits are "
        f"usually installed{missing and f' ({missing})'}; install the CUDA toolkit, or "
        "`pip install 'gpu-harness[cuda13]'`, or use the compiler nvrtc"
    )


def is_program(path: Path) -> bool:
    """Whether it can be run."""
    return os.access(path, os.X_OK) and path.is_file()


def header_folders(major: int, environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Folders of the toolkit's headers, for a compiler that has none of its own.

    Those of the first toolkit that `homes.find_header_folders` knows whose headers are of CUDA
    `major`. Empty if there is none.
    """
    for parts in find_header_folders(environment):
        versions = {part: _read_cuda_version(part) for part in parts}
        if any(version // 1000 == major for version in versions.values()):
            fitting = [
                place for place, version in versions.items() if version // 1000 in (major, 0)
            ]
            found = [folder for place in fitting for folder in (place, place / "cccl")]
            return tuple(folder for folder in found if folder.is_dir())
    return ()


def _read_cuda_version(folder: Path) -> int:
    """`CUDA_VERSION` of the folder's cuda.h, such as 13000; 0 if there is none."""
    try:
        with (folder / "cuda.h").open(encoding="utf-8", errors="replace") as file:
            head = file.read(1 << 16)
    except OSError:
        return 0
    match = re.search(r"#define CUDA_VERSION\s+(\d+)", head)
    return int(match[1]) if match else 0


def parse_version(said: str) -> tuple[str, str] | None:
    """Version and build in what `nvcc --version` says; None if nvcc does not speak so."""
    release = re.search(r"V(\d+(?:\.\d+)+)", said)
    build = re.search(r"^Build (\S+)", said, re.MULTILINE)
    return None if release is None else (release[1], build[1] if build else "")


def open_nvcc(program: str = "", environment: Mapping[str, str] = os.environ) -> Nvcc:
    """Find nvcc and ask it for its version and architectures.

    Raises:
        CompileError: none is found, or it does not answer as nvcc does.
    """
    path, how = find_nvcc(program, environment)
    with Worker() as worker:
        version = _ask(worker, path, how, "--version")
        architectures = _ask(worker, path, how, "--list-gpu-arch")
    release = parse_version(version)
    known = re.findall(r"^compute_(\d+)$", architectures, re.MULTILINE)
    if release is None or not known:
        raise CompileError(
            f"{path} (found by {how}) is no nvcc of CUDA 11 or newer: it says {version[:200]!r} "
            f"and {architectures[:200]!r}"
        )
    return Nvcc(
        program=path,
        found=how,
        version=release[0],
        build=release[1],
        architectures=tuple(f"sm_{number}" for number in known),
    )


def _ask(worker: Worker, path: str, how: str, option: str) -> str:
    command = Command((path, option), f"{path} {option}", "/", timeout_s=_ASK_S)
    result = worker.run(command)
    if not result.succeeded:
        said = (result.stderr or result.stdout).strip()[-500:]
        raise CompileError(
            f"{command.text} (found by {how}): {describe_end(command, result)}"
            f"{': ' if said else ''}{said}; name a working nvcc in the config or CUDACXX"
        )
    return result.stdout
