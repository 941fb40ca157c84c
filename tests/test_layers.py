"""Imports point down only: the table of docs/architecture.md, enforced."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import harness

PACKAGE = Path(harness.__file__).parent
ROWS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "_version"}),
    frozenset({"units", "extras", "measurement", "mounts"}),
    frozenset({"configuration", "lane", "clock"}),
    frozenset({"model"}),
    frozenset(
        {
            "stats",
            "procs",
            "space",
            "landscape",
            "limits",
            "comparison",
            "changes",
            "occupancy",
            "effects",
            "events",
        }
    ),
    frozenset({"config", "device", "compile", "timing", "search", "store", "export"}),
    frozenset({"schedule", "report", "replay", "emulation"}),
    frozenset({"app", "testing"}),
    frozenset({"cli"}),
)
ROW_OF = {name: row for row, names in enumerate(ROWS) for name in names}
FRONT_DOOR = {"__init__", "__main__", "api"}  # what users import: may use everything


def _modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room not in FRONT_DOOR:
            found.append((room, path))
    return found


def _imported_rooms(path: Path) -> set[str]:
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "harness":
                rooms |= {alias.name for alias in node.names}
            elif node.module and node.module.startswith("harness."):
                rooms.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("harness."):
                    rooms.add(alias.name.split(".")[1])
    return rooms - {"__version__"}


@pytest.mark.parametrize(
    ("room", "path"),
    _modules(),
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_imports_point_down(room: str, path: Path) -> None:
    for other in _imported_rooms(path) - {room}:
        assert other in ROW_OF, f"{path.name} imports {other}, which has no row"
        assert ROW_OF[other] < ROW_OF[room], f"{room} must not import {other}"


def test_every_room_has_a_row() -> None:
    assert {room for room, _ in _modules()} <= set(ROW_OF)
