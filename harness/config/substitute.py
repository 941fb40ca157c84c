"""Placeholders: how the values of a test come into its commands.

A template is read once, from left to right, as

    %%ID%% %%PARALLEL%% %%DEVICE%% %%UUID%%   the test's number, its lane's name, and the place and
                                              UUID of the lane's device
    %NAME%                                    the value of the parameter or problem size NAME
    %%%%                                      one percent sign
    anything else                             itself, lone percent signs included

so `date +%s`, `${file%%.c}` and `100 %` need no escape, `%NB%` is never taken for `%N%`, and a
value that looks like a placeholder is not read again. `%WORD%` and `%%WORD%%` with an unknown WORD
are errors; where they are meant literally, a percent sign before the WORD is written `%%%%`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from harness.config.problems import find_nearest, suggest
from harness.configuration import Value, format_value
from harness.errors import ConfigError
from harness.lane import Lane
from harness.model import Command

BUILTINS = ("ID", "PARALLEL", "DEVICE", "UUID")
LANE_BUILTINS = frozenset({"PARALLEL", "DEVICE", "UUID"})
ESCAPED_PERCENT = "%%%%"
SHELL = ("/bin/sh", "-c")

NAME_PATTERN = r"[A-Za-z_][A-Za-z0-9_]*"
_PLACEHOLDER = re.compile(
    rf"(?P<escape>%%%%)|%%(?P<builtin>{NAME_PATTERN})%%|%(?P<name>{NAME_PATTERN})%"
)


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stays as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """`%NAME%`."""

    name: str


@dataclass(frozen=True, slots=True)
class Builtin:
    """`%%NAME%%`."""

    name: str


Piece = Literal | Parameter | Builtin


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders.

    Attributes:
        pieces: what it consists of, in order.
    """

    pieces: tuple[Piece, ...]

    @classmethod
    def parse(
        cls, text: str, names: Collection[str], constants: Mapping[str, Value] | None = None
    ) -> Template:
        """The template that `text` says.

        Args:
            names: the parameters.
            constants: further names, whose values become part of the text.

        Raises:
            ConfigError: unknown placeholders, one problem each.
        """
        pieces: list[Piece] = []
        problems: list[str] = []
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            pieces.append(Literal(text[end : match.start()]))
            end = match.end()
            if match["escape"]:
                pieces.append(Literal("%"))
            elif match["builtin"] in BUILTINS:
                pieces.append(Builtin(match["builtin"]))
            elif match["name"] in names:
                pieces.append(Parameter(match["name"]))
            elif constants and match["name"] in constants:
                pieces.append(Literal(format_value(constants[match["name"]])))
            else:
                problems.append(_say_unknown(match.group(), [*names, *(constants or ())]))
        if problems:
            raise ConfigError(dict.fromkeys(problems))
        pieces.append(Literal(text[end:]))
        return cls(_merge(pieces))

    @classmethod
    def parse_lenient(cls, text: str, names: Collection[str]) -> Template:
        """The template as the .conf format reads it: what is no known placeholder is literal."""
        known = [f"%%{name}%%" for name in BUILTINS] + [f"%{name}%" for name in names]
        pieces: list[Piece] = []
        end = 0
        for match in re.finditer("|".join(map(re.escape, known)), text):
            pieces.append(Literal(text[end : match.start()]))
            end = match.end()
            name = match.group().strip("%")
            pieces.append(Builtin(name) if match.group().startswith("%%") else Parameter(name))
        pieces.append(Literal(text[end:]))
        return cls(_merge(pieces))

    def format(self) -> str:
        """Its text; `parse` reads the same template back."""
        plain = "".join(_format_piece(piece, "%") for piece in self.pieces)
        try:
            if Template.parse(plain, self.names) == self:
                return plain
        except ConfigError:
            pass  # something literal looks like a placeholder
        return "".join(_format_piece(piece, ESCAPED_PERCENT) for piece in self.pieces)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters it depends on, each once."""
        return tuple(
            dict.fromkeys(piece.name for piece in self.pieces if isinstance(piece, Parameter))
        )

    @property
    def builtins(self) -> frozenset[str]:
        """The built-in placeholders in it: `ID`, `PARALLEL` …."""
        return frozenset(piece.name for piece in self.pieces if isinstance(piece, Builtin))

    @property
    def uses_lane(self) -> bool:
        """Whether its text depends on the lane the test runs on."""
        return bool(self.builtins & LANE_BUILTINS)

    @property
    def uses_id(self) -> bool:
        """Whether its text depends on the number of the test."""
        return "ID" in self.builtins

    def expand(self, configuration: Mapping[str, Value], test_id: int, lane: Lane) -> str:
        """The text for one test; values are inserted as they are, unquoted."""
        return self._fill(configuration, _make_builtins(test_id, lane))

    def symbolic(self, configuration: Mapping[str, Value]) -> str:
        """The text with parameters substituted and `%%ID%%` and its like left as they are.

        It is the same for every test of the configuration.
        """
        return self._fill(configuration, {name: f"%%{name}%%" for name in BUILTINS})

    def _fill(self, configuration: Mapping[str, Value], builtins: Mapping[str, str]) -> str:
        parts = []
        for piece in self.pieces:
            if isinstance(piece, Literal):
                parts.append(piece.text)
            elif isinstance(piece, Parameter):
                parts.append(format_value(configuration[piece.name]))
            else:
                parts.append(builtins[piece.name])
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class CommandTemplate:
    """A command with placeholders.

    Attributes:
        parts: one template for the shell, or one for each argument.
        shell: whether the shell runs it. Values are inserted into a shell command unquoted, so a
            value can hold several words, or be a command of its own; in a list, each element is
            one argument whatever its values hold.
    """

    parts: tuple[Template, ...]
    shell: bool

    @classmethod
    def parse(
        cls,
        command: str | Iterable[str],
        names: Collection[str],
        constants: Mapping[str, Value] | None = None,
    ) -> CommandTemplate:
        """The command that a string (for the shell) or a list (of arguments) says.

        Args:
            names, constants: as for `Template.parse`.

        Raises:
            ConfigError: unknown placeholders, one problem each.
        """
        shell = isinstance(command, str)
        parts: list[Template] = []
        problems: list[str] = []
        for text in [command] if isinstance(command, str) else command:
            try:
                parts.append(Template.parse(text, names, constants))
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(dict.fromkeys(problems))
        return cls(tuple(parts), shell)

    @property
    def text(self) -> str:
        """The command with its placeholders, in one line."""
        return " ".join(part.format() for part in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters it depends on, each once."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.names))

    @property
    def uses_lane(self) -> bool:
        """Whether it depends on the lane the test runs on."""
        return any(part.uses_lane for part in self.parts)

    @property
    def uses_id(self) -> bool:
        """Whether it depends on the number of the test."""
        return any(part.uses_id for part in self.parts)

    def expand(
        self,
        configuration: Mapping[str, Value],
        test_id: int,
        lane: Lane,
        *,
        directory: str,
        environment: tuple[tuple[str, str], ...] = (),
        timeout_s: float | None = None,
    ) -> Command:
        """The command for one test.

        Args:
            directory: absolute.
            environment: added to the harness's own.
        """
        texts = [part.expand(configuration, test_id, lane) for part in self.parts]
        argv = (*SHELL, texts[0]) if self.shell else tuple(texts)
        return Command(argv, self._join(texts), directory, environment, timeout_s)

    def symbolic(self, configuration: Mapping[str, Value]) -> str:
        """The command line with parameters substituted and `%%ID%%` and its like left."""
        return self._join([part.symbolic(configuration) for part in self.parts])

    def _join(self, texts: list[str]) -> str:
        return texts[0] if self.shell else shlex.join(texts)


def _make_builtins(test_id: int, lane: Lane) -> dict[str, str]:
    return {
        "ID": str(test_id),
        "PARALLEL": lane.name,
        "DEVICE": str(lane.device.index),
        "UUID": lane.device.uuid,
    }


def _format_piece(piece: Piece, percent: str) -> str:
    if isinstance(piece, Literal):
        return piece.text.replace("%", percent)
    return f"%{piece.name}%" if isinstance(piece, Parameter) else f"%%{piece.name}%%"


def _merge(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The same pieces, with neighbouring texts joined and empty ones left out."""
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Literal):
            if not piece.text:
                continue
            if merged and isinstance(last := merged[-1], Literal):
                merged[-1] = Literal(last.text + piece.text)
                continue
        merged.append(piece)
    return tuple(merged)


def _say_unknown(placeholder: str, names: Collection[str]) -> str:
    word = placeholder.strip("%")
    single = not placeholder.startswith("%%")
    if single and word in BUILTINS:
        remedy = f"did you mean %%{word}%%?"
    elif not single and word in names:
        remedy = f"did you mean %{word}%?"
    elif not single and (near := find_nearest(word, BUILTINS)):
        remedy = f"did you mean %%{near}%%?"
    elif near := find_nearest(word, names):
        remedy = f"did you mean %{near}%?"
    elif single:
        remedy = suggest(word, names, "parameters")
    else:
        remedy = f"there are {', '.join(f'%%{name}%%' for name in BUILTINS)}"
    literal = f"{ESCAPED_PERCENT}{word}%" if single else f"{ESCAPED_PERCENT * 2}{word}%%"
    return f"unknown placeholder {placeholder}; {remedy} (literally: {literal})"
