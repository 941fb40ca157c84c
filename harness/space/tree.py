"""Variable trees: which parameters can be optimised independently of which.

`{A, B, {C, D}, {E, F}}` says: for fixed A and B, the best C and D do not depend on E and F, nor
the other way round. The notation is that of Spencer (2011), section 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.errors import ConfigError
from harness.units import excerpt

MAX_DEPTH = 100
SHOWN_LENGTH = 300

_TOKEN = re.compile(r"\s*(?:([{},])|([^\s{},]+))")


@dataclass(frozen=True, slots=True)
class Node:
    """A group of variables, and the groups that are independent of each other given these.

    Attributes:
        variables: optimised together.
        children: each optimised on its own, once `variables` are fixed.
    """

    variables: tuple[str, ...]
    children: tuple[Node, ...] = ()

    def all_variables(self) -> tuple[str, ...]:
        """This node's and all its descendants' variables, depth first."""
        return tuple(self._walk())

    def _walk(self) -> Iterator[str]:
        yield from self.variables
        for child in self.children:
            yield from child._walk()


class _Parser:
    """Recursive descent over the tokens `{`, `}`, `,` and names."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [
            (match.group(1) or match.group(2), match.start(match.lastindex or 0))
            for match in _TOKEN.finditer(text)
        ]
        self._next = 0
        self._seen: set[str] = set()

    def _problem(self, reason: str, remedy: str) -> ConfigError:
        at = self._tokens[self._next][1] if self._next < len(self._tokens) else len(self._text)
        line = self._text.count("\n", 0, at) + 1
        column = at - (self._text.rfind("\n", 0, at) + 1) + 1
        shown = " ".join(excerpt(self._text, at, SHOWN_LENGTH).split())
        return ConfigError(
            f'variable tree "{shown}", line {line}, column {column}: {reason}; {remedy}'
        )

    def _peek(self) -> str | None:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else None

    def parse(self) -> Node:
        if self._peek() is None:
            raise self._problem("empty", "write {A, B, {C}, {D}} or remove it")
        if self._peek() == "{":
            self._next += 1
            node = self._parse_group(1)
        else:
            node = self._parse_members(0)
        if self._peek() is not None:
            raise self._problem(
                f"{self._peek()!r} after the end of the tree", "put everything into one pair of { }"
            )
        return node

    def _parse_group(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self._problem(f"nested more than {MAX_DEPTH} deep", "use fewer levels")
        node = self._parse_members(depth)
        if self._peek() != "}":
            raise self._problem("a { is not closed", "add }")
        self._next += 1
        return node

    def _parse_members(self, depth: int) -> Node:
        variables: list[str] = []
        children: list[Node] = []
        while True:
            member = self._peek()
            if member == "{":
                self._next += 1
                children.append(self._parse_group(depth + 1))
            elif member is None or member in "},":
                found = "the end" if member is None else repr(member)
                raise self._problem(
                    f"a variable or {{ expected, found {found}", "name a variable here"
                )
            else:
                if member in self._seen:
                    raise self._problem(f"{member} appears twice", "name each variable once")
                self._seen.add(member)
                variables.append(member)
                self._next += 1
            if self._peek() not in (",", "{"):  # the comma before a group may be left out
                return Node(tuple(variables), tuple(children))
            if self._peek() == ",":
                self._next += 1


def parse_tree(text: str) -> Node:
    """The tree that `{A, B, {C, D}, {E, F}}` or, flat, `A, B, C` says.

    Raises:
        ConfigError: not a tree, or a variable twice; with line and column.
    """
    return _Parser(text).parse()


def format_tree(node: Node) -> str:
    """The tree on one line; `parse_tree` reads it back."""
    members = [*node.variables, *(format_tree(child) for child in node.children)]
    return "{" + ", ".join(members) + "}"


def draw_tree(node: Node, sizes: Mapping[str, int]) -> str:
    """The tree for people, one group per line.

    Args:
        sizes: how many values each variable has; shown behind its name.
    """
    return "\n".join(_draw(node, sizes, "", ""))


def _draw(node: Node, sizes: Mapping[str, int], first: str, rest: str) -> Iterator[str]:
    names = (f"{name} ({sizes[name]})" if name in sizes else name for name in node.variables)
    yield first + (", ".join(names) or "·")
    for index, child in enumerate(node.children):
        if index < len(node.children) - 1:
            yield from _draw(child, sizes, rest + "├─ ", rest + "│  ")
        else:
            yield from _draw(child, sizes, rest + "└─ ", rest + "   ")
