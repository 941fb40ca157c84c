"""What C++ calls a variable of a source: its name after those of the namespaces that it is in."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_SCOPE = re.compile(r"\bnamespace\b(?P<name>[\w\s:]*)\{|[{}]")


def qualify(name: str, source: str) -> str:
    """The name with its namespaces as the source declares it; as it is where it is not found.

    A source whose braces only `#if` sorts out may hide them: then the name stays as it is, too.
    """
    text = _COMMENT.sub(" ", source)
    declared = re.search(
        rf"\b__(?:constant|device)__\b(?:\([^()]*\)|[^;{{}}()])*?\b{name}\s*[\[;={{,]", text
    )
    if declared is None:
        return name
    scopes: list[str] = []
    for scope in _SCOPE.finditer(text, 0, declared.start()):
        if scope[0] != "}":
            scopes.append((scope["name"] or "").strip())
        elif scopes:
            scopes.pop()
    return "::".join([*(scope for scope in scopes if scope), name])
