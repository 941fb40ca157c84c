"""The commands of a config as templates, ready to be filled in for a test."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.config.spec import Spec
from harness.config.substitute import CommandTemplate, Template
from harness.config.tables import CommandLine
from harness.lane import Lane
from harness.model import Command, Phase, Test

_OUTPUT = re.compile(r"(?:^|\s)-o\s*(\S+)")
_LOCAL = re.compile(r"(?:^|\s)(?:\.{1,2}/|[\w.]+/)")
_NAMED_BY_VALUES = re.compile(r"[\w./-]%\w+%|%\w+%[\w./-]")
"""A word with a value in it, such as `build_%N%/app`: not each of them is the program's file."""
_WORD = re.compile(r"(?<![\w%./-])[A-Za-z_][\w.%-]*(?![\w/=])")


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of a test, as templates.

    Attributes:
        environment: name and value of each variable that the config adds.
        directory: absolute.
    """

    phases: Mapping[Phase, CommandTemplate]
    environment: Mapping[str, Template]
    directory: str
    timeouts_s: Mapping[Phase, float | None]

    def __contains__(self, phase: object) -> bool:
        return phase in self.phases

    def expand(self, phase: Phase, test: Test, lane: Lane) -> Command:
        """The command of a phase that exists, ready to start."""
        added = tuple(
            (name, value.expand(test.configuration, test.id, lane))
            for name, value in self.environment.items()
        )
        return self.phases[phase].expand(
            test.configuration,
            test.id,
            lane,
            directory=self.directory,
            environment=(*lane.environment, *added),
            timeout_s=self.timeouts_s[phase],
        )

    @property
    def shared_folder(self) -> Path | None:
        """The folder in which tests tell their files apart by their numbers, or not at all.

        Another session's tests have the same numbers, so only one may run there at a time.
        """
        uses_id = any(template.uses_id for template in self.phases.values())
        return Path(self.directory) if uses_id or self.overwrite else None

    @property
    def overwrite(self) -> bool:
        """Whether compiling one test overwrites the program of another that is yet to run.

        That is certain where the compiler's output (`-o app`) is the same for all tests, or where
        the test command is and names a file: of the folder (`./app`), or one that the compile
        command names, too.
        """
        if not self.is_blind:
            return False
        compiler, test = (self.phases[phase].text for phase in (Phase.COMPILE, Phase.TEST))
        shared = set(_WORD.findall(compiler)).intersection(_WORD.findall(test))
        files = [word for word in shared if shutil.which(word) is None]
        return bool(_LOCAL.search(test) or files) or _is_fixed(compiler)

    @property
    def is_blind(self) -> bool:
        """Whether the test command can be the same for tests that are compiled differently."""
        compiler, test = self.phases.get(Phase.COMPILE), self.phases.get(Phase.TEST)
        if compiler is None or test is None:
            return False
        added = list(self.environment.values())
        if compiler.uses_id or test.uses_id or any(value.uses_id for value in added):
            return False
        told = {*test.names, *(name for value in added for name in value.names)}
        is_one = _is_fixed(compiler.text) and _NAMED_BY_VALUES.search(test.text) is None
        return bool(compiler.names) and (is_one or not told.issuperset(compiler.names))

    @property
    def test_uses_lane(self) -> bool:
        """Whether tests on different lanes differ in their command or environment."""
        test, added = self.phases.get(Phase.TEST), self.environment.values()
        return test is not None and (test.uses_lane or any(value.uses_lane for value in added))

    @property
    def compile_uses_lane(self) -> bool:
        """Whether what is compiled fits only the lane it was compiled for."""
        compiler = self.phases.get(Phase.COMPILE)
        in_environment = any(value.uses_lane for value in self.environment.values())
        return compiler is not None and (compiler.uses_lane or in_environment)

    @property
    def lines(self) -> list[str]:
        """The command lines with their placeholders, for whoever looks for files in them."""
        return [template.text for template in self.phases.values()]


def _is_fixed(compiler: str) -> bool:
    """Whether the compiler's output is the same file whatever the parameters are."""
    target = _OUTPUT.search(compiler)
    return target is not None and not set("%$`").intersection(target[1])


def make_commands(spec: Spec) -> Commands:
    """The commands that `spec` has."""
    names = tuple(spec.parameters)
    given: dict[Phase, CommandLine | None] = {
        Phase.COMPILE: spec.command.compile,
        Phase.TEST: spec.command.test,
        Phase.CLEAN: spec.command.clean,
    }
    return Commands(
        phases={
            phase: CommandTemplate.parse(command, names, spec.problem)
            for phase, command in given.items()
            if command is not None
        },
        environment={
            name: Template.parse(value, names, spec.problem)
            for name, value in spec.command.environment.items()
        },
        directory=str(spec.directory),
        timeouts_s={phase: getattr(spec.command.timeout_s, phase.value) for phase in Phase},
    )
