"""Reads Ben Spencer's `.conf` format, as his tuner did, and the plan's option `parallel`.

The file is turned into the tables of the TOML format and checked as those are; messages name the
sections and options of the `.conf` file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from harness.config.ini import IniFile, parse_ini
from harness.config.parallel import parse_parallel
from harness.config.problems import Key, Problem, find_nearest, raise_problems, suggest
from harness.config.read import read_config_text, read_spec
from harness.config.spec import Spec
from harness.config.substitute import Template
from harness.errors import ConfigError
from harness.space.tree import format_tree, parse_tree

OPTIONS: Mapping[str, Mapping[str, str]] = {
    "variables": {"variables": "variables"},
    "values": {},
    "testing": {
        "compile": "compile",
        "compiler": "compile",
        "test": "test",
        "clean": "clean",
        "cleanup": "clean",
        "parallel": "parallel",
    },
    "scoring": {"optimal": "optimal", "repeat": "repeat"},
    "output": {"log": "log", "script": "script", "importance": "importance"},
}
"""The options of each section, with those that mean the same (those of [values] are variables)."""


def load_conf(path: Path) -> Spec:
    """The Spec in the `.conf` file `path`.

    Values are texts. Commands hold no escapes: a percent sign that belongs to no known placeholder
    is itself. Without `parallel`, tests run one after another, each compiled, run and cleaned
    before the next, as in his tuner.

    Raises:
        ConfigError: with every problem of the file.
    """
    ini = parse_ini(read_config_text(path))
    reader = _Reader(ini)
    data = reader.read()
    spec, further = read_spec(data, path)
    noted = {problem.key for problem in reader.problems}
    problems = [Problem((), text) for text in ini.problems] + reader.problems
    for problem in further:
        key = reader.find_place(problem.key)
        if all(key[: len(known)] != known for known in noted):
            problems.append(Problem(key, problem.text, problem.shown))
    raise_problems(problems, str(path), ini.sections, _format_place)
    return spec


def _format_place(key: Key) -> str:
    """`[values] BLOCK_X, value 3`."""
    if not key:
        return ""
    place = " ".join([f"[{key[0]}]", *(str(part) for part in key[1:2])])
    return f"{place}, value {int(key[2]) + 1}" if len(key) > 2 else place


class _Reader:
    """Turns sections into tables.

    Attributes:
        problems: what is wrong with the file as a `.conf` file.
    """

    def __init__(self, ini: IniFile) -> None:
        self._sections = ini.sections
        self._names: tuple[str, ...] = ()
        self.problems: list[Problem] = []

    def read(self) -> dict[str, object]:
        """The tables of the TOML format that say the same."""
        self._check_known()
        for name in ("variables", "values", "testing"):
            if name not in self._sections:
                self.problems.append(Problem((name,), "the section is missing; add it"))
        data: dict[str, object] = self._read_variables()
        data["parameters"] = self._read_values()
        data.update(self._read_testing())
        data["scoring"] = self._read_scoring()
        data["output"] = {
            name: value
            for name in OPTIONS["output"]
            if (value := self._get("output", name)) is not None
        }
        return data

    def find_place(self, key: Key) -> Key:
        """Where the file says what stands at `key` in the TOML format."""
        first, *rest = key
        if first == "space" or key == ("parameters",):
            return ("variables", "variables")
        if key == ("scoring", "aggregate"):
            return ("scoring", "repeat")
        if first == "parallel":
            return ("testing", "parallel")
        if first == "command":
            given = self._sections.get("testing", {})
            phase = rest[0] if rest else "test"
            same = [name for name, meant in OPTIONS["testing"].items() if meant == phase]
            return ("testing", next((name for name in same if name in given), same[0]))
        return ("values" if first == "parameters" else first, *rest)

    def _note(self, key: Key, text: str, shown: str = "") -> None:
        self.problems.append(Problem(key, text, shown))

    def _get(self, section: str, name: str) -> str | None:
        """The value of an option under any of its names; None if it is not set."""
        options = self._sections.get(section, {})
        same = [option for option, meant in OPTIONS[section].items() if meant == name]
        found = [option for option in same if option in options]
        if len(found) > 1:
            self._note((section, found[1]), f"means the same as {found[0]}; remove one of the two")
        return "\n".join(options[found[0]]).strip() if found else None

    def _check_known(self) -> None:
        for section, options in self._sections.items():
            if section not in OPTIONS:
                self._note((section,), f"unknown section; {suggest(section, OPTIONS, 'sections')}")
            elif section != "values":
                known = OPTIONS[section]
                for option in options:
                    if option not in known:
                        remedy = suggest(option, known, "options")
                        self._note((section, option), f"unknown option; {remedy}")

    def _read_variables(self) -> dict[str, object]:
        key = ("variables", "variables")
        text = self._get("variables", "variables")
        if not text:
            if "variables" in self._sections:
                self._note(key, "missing; write variables = A, B, C")
            return {}
        try:
            tree = parse_tree(text)
        except ConfigError as error:
            for problem in error.problems:
                self._note(key, problem)
            self._names = tuple(dict.fromkeys(re.findall(r"[^\s{},]+", text)))
            return {}
        self._names = tree.all_variables()
        return {"space": {"tree": format_tree(tree)}} if "{" in text else {}

    def _read_values(self) -> dict[str, object]:
        options = self._sections.get("values", {})
        by_option = {name.lower(): name for name in self._names}
        for option in options:
            if self._names and option not in by_option:
                near = find_nearest(option, self._names)
                remedy = f"did you mean {near}?" if near else f"add {option} to [variables]"
                self._note(("values", option), f"no such variable; {remedy}")
        parameters: dict[str, object] = {}
        for name in self._names:
            lines = options.get(name.lower())
            if lines is None and "values" in self._sections:
                self._note(("values", name), f"missing; write {name} = followed by its values")
            parameters[name] = self._split_values(name, "\n".join(lines or []))
        return parameters

    def _split_values(self, name: str, text: str) -> list[str]:
        if not text.strip():
            return []
        values = [value.strip() for value in text.split(",")]
        for index, value in enumerate(values):
            if "\n" in value:
                shown = " / ".join(value.splitlines())
                self._note(("values", name, index), "a comma is missing between the lines", shown)
        return values

    def _read_testing(self) -> dict[str, object]:
        command: dict[str, object] = {}
        for phase in ("compile", "test", "clean"):
            text = self._get("testing", phase)
            if text:
                command[phase] = Template.parse_lenient(text, self._names).format()
            elif phase == "test" and "testing" in self._sections:
                self._note(("testing", "test"), "missing; write test = and the command to time")
        lanes: dict[str, object] = {"parallel": 1, "distribution": "per-test"}
        text = self._get("testing", "parallel")
        if text is not None:
            lanes = {"parallel": self._parse_parallel(text)}
        return {"command": command, "backend": "none", **lanes}

    def _parse_parallel(self, text: str) -> object:
        key = ("testing", "parallel")
        remedy = "write a number of at least 1, or names separated by commas"
        try:
            parallel = parse_parallel(text)
        except ConfigError as error:
            for problem in error.problems:
                self._note(key, problem.split(": ", 1)[1], text or '""')
            return 1
        if parallel == "auto":
            self._note(key, f"there are no devices to count; {remedy}", text)
            return 1
        return parallel

    def _read_scoring(self) -> dict[str, object]:
        scoring: dict[str, object] = {}
        optimal = self._get("scoring", "optimal")
        if optimal is not None:
            scoring["optimal"] = optimal
        repeat = self._get("scoring", "repeat")
        if repeat is not None:
            count, _, aggregate = (part.strip() for part in repeat.partition(","))
            if re.fullmatch(r"[0-9]{1,18}", count) and int(count) > 0:
                scoring["repeat"] = int(count)
            else:
                text = "must be a whole number >= 1, or that and an aggregate; write 3, med"
                self._note(("scoring", "repeat"), text, repeat or '""')
            if aggregate:
                scoring["aggregate"] = aggregate
        return scoring
