"""What is compiled for a configuration: a CUDA C++ text, or Python with a factory's arguments."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.app.kernel_files import (
    declare_constants,
    read_source,
    search_folders,
    source_path,
)
from harness.compile.factories import Factory, find_factory
from harness.compile.source import KernelSource, Language
from harness.config.kernel_tables import KernelTable
from harness.config.launch import as_list
from harness.config.spec import Spec
from harness.config.substitute import Parameter, Template
from harness.configuration import Configuration, Value, format_value
from harness.errors import ConfigError


def _check_factory(spec: Spec, kernel: KernelTable, text: str) -> Factory | None:
    """The factory of a source that has one; None: CUDA C++.

    Raises:
        ConfigError: it is not there, or its arguments are no parameters.
    """
    if kernel.language == "cuda":
        return None
    place = f"kernel.function = {kernel.function!r}"
    try:
        factory = find_factory(text, kernel.function)
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f"{source_path(spec, kernel)}: no Python: {error}; correct it") from error
    if factory is None:
        raise ConfigError(
            f"{place}: no such function at the top level of {source_path(spec, kernel)}; "
            "define it there, with def"
        )
    if factory.places:
        names = ", ".join(factory.places)
        raise ConfigError(f"{place}: its arguments are given by name; remove the / after {names}")
    known = {*spec.parameters, *spec.problem}
    unknown = [name for name in factory.needed if name not in known]
    if unknown:
        raise ConfigError(
            f"{place}: its argument {unknown[0]} is no parameter and no problem size; rename it to "
            f"one of {', '.join(sorted(known))}, or give it a default"
        )
    return factory


@dataclass(frozen=True, slots=True)
class SourceTemplate:
    """What is compiled, for any configuration.

    Attributes:
        path: absolute; of a text, the file that messages and includes take it for.
        folders: where includes or modules are looked for.
        factory: what makes the kernel; None: the source is CUDA C++.
        signature: as of `KernelSource`.
        problem: names and sizes.
    """

    text: str
    path: Path
    language: Language
    function: Template
    options: tuple[Template, ...]
    folders: tuple[str, ...]
    parameters: Literal["macros", "constants", "none"]
    factory: Factory | None
    signature: tuple[str, ...]
    problem: Mapping[str, Value]

    def expand(self, configuration: Configuration, architecture: str) -> KernelSource:
        """What to compile for a configuration."""
        text, macros = self.text, self._define(configuration)
        if self.parameters == "constants":
            text = f'{declare_constants(configuration)}#line 1 "{self.path}"\n{text}'
        return KernelSource(
            text=text,
            function=self.function.symbolic(configuration),
            architecture=architecture,
            path=str(self.path),
            macros=macros,
            options=tuple(self._list_options(configuration)),
            include_directories=self.folders,
            language=self.language,
            signature=self.signature,
        )

    def _list_options(self, configuration: Configuration) -> Iterator[str]:
        """The options; one that is a parameter and nothing else may be several, or none."""
        for option in self.options:
            text = option.symbolic(configuration)
            if len(option.pieces) == 1 and isinstance(option.pieces[0], Parameter):
                yield from _split(text)
            else:
                yield text

    def _define(self, configuration: Configuration) -> tuple[tuple[str, str], ...]:
        """The macros; or what the factory is called with, as Python writes it.

        A factory gets what its arguments name; one that takes any name, all parameters besides.
        """
        if self.factory is None:
            if self.parameters != "macros":
                return ()
            return tuple((name, format_value(value)) for name, value in configuration.items())
        values = {**self.problem, **dict(configuration.items())}
        names = [name for name in self.factory.names if name in values]
        if self.factory.takes_all:
            names += [name for name in configuration.names if name not in names]
        return tuple((name, repr(values[name])) for name in names)


def _split(text: str) -> list[str]:
    """Its words, as a shell takes them."""
    try:
        return shlex.split(text)
    except ValueError:  # a quote that nothing closes
        return text.split()


def make_source_template(spec: Spec, kernel: KernelTable) -> SourceTemplate:
    """The template that a config says.

    Raises:
        ConfigError: the source cannot be read, or its factory cannot be called.
    """
    text, names = read_source(spec, kernel), tuple(spec.parameters)
    folders = [(spec.base / name).resolve() for name in kernel.include_directories]
    if kernel.language != "cuda":
        folders += search_folders(spec)
    return SourceTemplate(
        text=text,
        path=source_path(spec, kernel),
        language=kernel.language,
        function=Template.parse(kernel.function, names, spec.problem),
        options=tuple(Template.parse(option, names, spec.problem) for option in kernel.options),
        folders=tuple(map(str, folders)),
        parameters=kernel.parameters,
        factory=_check_factory(spec, kernel, text),
        signature=_list_types(kernel) if kernel.language == "numba" else (),
        problem=spec.problem,
    )


def _list_types(kernel: KernelTable) -> tuple[str, ...]:
    """The type of each argument; of an array with its dimensions: `float32[2]`."""
    return tuple(
        argument.dtype
        if argument.shape is None
        else f"{argument.dtype}[{len(as_list(argument.shape))}]"
        for argument in kernel.arguments
    )
