"""The INI dialect of Python 2's RawConfigParser, which `.conf` files are written in.

Sections in brackets; options with `=` or `:`, whichever comes first; an indented line goes on with
the option above it, even if it looks like a comment; a line that starts with `#`, `;` or the word
`rem` is a comment, and so is the rest of an option's first line from its first `;`, if a space is
before it. Option names know no case. A section that comes again adds to the one before. Python's
parser lets an option that comes again replace the first in silence; here it is a problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SECTION = re.compile(r"\[([^]]+)\]")
_OPTION = re.compile(r"([^:=\s][^:=]*)[:=](.*)$")
_COMMENT = re.compile(r"[#;]|[rR][eE][mM](\s|$)")


@dataclass
class IniFile:
    """What a file says.

    Attributes:
        sections: name -> option (lower case) -> lines of its value, without surrounding spaces.
        problems: lines that say nothing, each with the number of the line.
    """

    sections: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def parse_ini(text: str) -> IniFile:
    """The sections, options and values in `text`."""
    ini = IniFile()
    section: dict[str, list[str]] | None = None
    value: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or _COMMENT.match(line):
            continue
        if line[0].isspace() and value is not None:
            value.append(line.strip())
        elif heading := _SECTION.match(line):
            section = ini.sections.setdefault(heading.group(1), {})
            value = None
        elif section is None:
            shown = line.strip()
            ini.problems.append(f"line {number}: {shown}: before any section; add [variables]")
        elif option := _OPTION.match(line):
            value = [_strip_comment(option.group(2))]
            name = option.group(1).strip()
            if name.lower() in section:
                ini.problems.append(
                    f"line {number}: {name}: given twice in this section; remove one of the two"
                )
            section[name.lower()] = value
        else:
            shown = line.strip()
            ini.problems.append(
                f"line {number}: {shown}: neither a section nor an option; write NAME = VALUE, or "
                "indent it to go on with the option above"
            )
    return ini


def _strip_comment(text: str) -> str:
    text = text.strip()
    semicolon = text.find(";")
    if semicolon > 0 and text[semicolon - 1].isspace():
        text = text[:semicolon].strip()
    return "" if text == '""' else text
