"""What C++ calls a variable of a source: its name after those of the namespaces that it is in."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_SCOPE = re.compile(r"\bnamespace\b(?P<name>[\w\s:]*)\{|[{}]")


def qualify(name: str, source: str) -> str:
    """The name with its namespaces, as the source declares it.

    It stays as it is where it is declared in no namespace, in several, or in a header; and where
    braces that only `#if` sorts out hide where it is.
    """
    text = _COMMENT.sub(" ", source)
    declaration = rf"\b__(?:constant|device)__\b(?:\([^()]*\)|[^;{{}}()])*?\b{name}\s*[\[;={{,]"
    found = {_find_scope(text, each.start()) for each in re.finditer(declaration, text)}
    return "::".join([*found.pop(), name]) if len(found) == 1 else name


def _find_scope(text: str, end: int) -> tuple[str, ...]:
    """The namespaces with a name that are open there."""
    scopes: list[str] = []
    for scope in _SCOPE.finditer(text, 0, end):
        if scope[0] != "}":
            scopes.append((scope["name"] or "").strip())
        elif scopes:
            scopes.pop()
    return tuple(scope for scope in scopes if scope)
