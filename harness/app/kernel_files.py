"""The files that a kernel test is made of, and what is added to its source."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from harness.compile.factories import find_imports
from harness.compile.includes import IncludeScanner
from harness.config.kernel_tables import KernelTable
from harness.config.spec import Spec, project_folder
from harness.configuration import Configuration, format_value
from harness.errors import ConfigError
from harness.store.sources import hash_file


def source_path(spec: Spec, kernel: KernelTable) -> Path:
    """The kernel's file; of a text, the file that messages and includes take it for."""
    suffix = ".cu" if kernel.language == "cuda" else ".py"
    return (spec.base / (kernel.source or f"{spec.name}{suffix}")).resolve()


def read_source(spec: Spec, kernel: KernelTable) -> str:
    """The kernel's source.

    Raises:
        ConfigError: it cannot be read.
    """
    if kernel.code is not None:
        return kernel.code
    try:
        return source_path(spec, kernel).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"kernel.source = {kernel.source!r}: {error}; name a text file"
        raise ConfigError(problem) from error


def identify_kernel(spec: Spec, kernel: KernelTable, source_text: str) -> dict[str, object]:
    """What decides about results, beside the parameters: the table and the files it names."""
    # What comes beside or after the tests decides nothing about them.
    measure = structs.replace(
        kernel.measure, finalists=True, energy=False, sentinel=True, retake=True
    )
    return {
        "kernel": repr(structs.replace(kernel, measure=measure)),
        "problem": {name: repr(value) for name, value in spec.problem.items()},
        "files": {
            os.path.relpath(path, spec.base): hash_file(path)
            for path in find_files(spec, kernel, source_text)
        },
    }


def find_files(spec: Spec, kernel: KernelTable, source_text: str) -> list[Path]:
    """Source, data, the reference and modules that are named, with what these include or import.

    Those that are there.
    """
    base = spec.base
    source = source_path(spec, kernel)
    found = {source}
    folders = [(base / name).resolve() for name in kernel.include_directories]
    if kernel.language == "cuda":
        found |= _find_included(source_text, [source.parent, *folders])
    else:
        found |= find_imports(source_text, source, [*search_folders(spec), source.parent])
    for pattern in kernel.more_sources:
        found |= {path.resolve() for path in _match(base, pattern)}
    names = [argument.fill for argument in kernel.arguments]
    if kernel.reference is not None:
        names += [kernel.reference.function or "", kernel.reference.file or ""]
        if kernel.reference.source:
            reference = (base / kernel.reference.source).resolve()
            found |= {reference, *_find_included(_read(reference), [reference.parent, *folders])}
    for name in names:
        module, is_function, _ = name.partition(":")
        if is_function:
            found |= find_imports(f"import {module}", spec.path, search_folders(spec))
        elif name.endswith((".npy", ".npz")):
            found.add(base / name)
    made = {path.resolve() for path in spec.output_paths}
    return sorted(path for path in found - made if path.is_file())


def _find_included(text: str, folders: Sequence[Path]) -> set[Path]:
    """The files that a CUDA C++ text includes, and what these include."""
    included = IncludeScanner(()).scan(text, [str(folder) for folder in folders])
    return {Path(path).resolve() for path in included.files}


def _read(path: Path) -> str:
    """A file's text; empty if it is none, which whoever uses it will say."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _match(base: Path, pattern: str) -> list[Path]:
    """The files that a pattern names; it may begin with `../` or be absolute."""
    names = glob.glob(str(base / pattern), recursive=True)  # noqa: PTH207 - Path takes no ../
    return [Path(name) for name in names]


def declare_constants(configuration: Configuration) -> str:
    """A `constexpr` for each parameter, on one line."""
    lines = []
    for name, value in configuration.items():
        if isinstance(value, str):
            lines.append(f"#define {name} {value}\n")  # a type or an identifier, not a value
        else:
            kind = "double" if isinstance(value, float) else "bool" if value is True else "auto"
            lines.append(f"constexpr {kind} {name} = {format_value(value)};\n")
    return "".join(lines)


def search_folders(spec: Spec) -> list[Path]:
    """Where modules are looked for: the config's folder and those above it, up to the project's."""
    base = spec.base.resolve()
    project = project_folder(base)
    above = [folder for folder in base.parents if folder.is_relative_to(project)]
    return [base, *above]
