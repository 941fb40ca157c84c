"""Functions named in configs: what is missing is found without importing anything."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import harness
from harness.app.named_functions import find_problem
from harness.app.setup import prepare
from harness.errors import ConfigError


def look(base: Path, name: str, text: str) -> str:
    """What is wrong with `name` where `right.py` holds `text`, which must not be run."""
    (base / "right.py").write_text(f"print(1 / 0)\n{text}\n")
    return find_problem(name, [str(base)])


@pytest.mark.parametrize(
    "text",
    [
        "def scale(x): return x",
        "async def scale(x): return x",
        "scale = lambda x: x",
        "from numpy import multiply as scale",
        "if True:\n    def scale(x): return x",
        "try:\n    import nowhere\nexcept ImportError:\n    scale = abs",
        "def make():\n    global scale\n    scale = abs",
        "from os.path import *",
        "globals()['scale'] = abs",
        "def __getattr__(name): return abs",
    ],
)
def test_what_is_there_or_may_be_is_taken(tmp_path: Path, text: str) -> None:
    assert look(tmp_path, "right:scale", text) == ""


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("right:scal", "def scale(x): return x", "there is no scal in .*right.py; did you mean sc"),
        ("right:scale", "a = scale", "there is no scale in .*right.py; define it"),
        ("rigth:scale", "", r"there is no module rigth; did you mean right\? \(looked for in"),
        ("a.b:scale", "", r"there is no module a.b; write a/b.py"),
        ("right:scale", "import nowhere.at_all", "right.py imports nowhere, which is not there"),
        ("right:scale", "from nowhere import scale", "right.py imports nowhere"),
        ("right:scale", "def scale(:", "right.py, line 2: .*; correct it"),
        ("empty:scale", "", "empty is a folder without __init__.py"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    assert re.search(said, look(tmp_path, name, text))


def test_modules_are_found_where_workers_find_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "above" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("1 / 0\n")
    (package / "right.py").write_text("from . import other\ndef scale(x): return x\n")
    assert "no module package" in find_problem("package.right:scale", [str(tmp_path)])
    monkeypatch.syspath_prepend(str(tmp_path / "above"))
    assert find_problem("package.right:scale", [str(tmp_path)]) == ""
    assert find_problem("math:sqrt", [str(tmp_path)]) == ""  # no text to read
    made = ModuleType("made_by_a_program")
    made.scale = abs  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "made_by_a_program", made)
    assert find_problem("made_by_a_program:scale", [str(tmp_path)]) == ""


def test_a_config_is_refused_before_anything_is_tested(tmp_path: Path) -> None:
    (tmp_path / "k.cu").write_text('extern "C" __global__ void k(float *x) {}\n')
    data: dict[str, Any] = {
        "backend": "mock",
        "parameters": {"A": [1, 2]},
        "kernel": {
            "source": "k.cu",
            "function": "k",
            "grid": 1,
            "block": 32,
            "arguments": [{"name": "x", "shape": 32, "role": "inout", "fill": "data:make"}],
            "reference": {"function": "right:k"},
        },
        "mock": {"time": "virtual"},
    }
    spec = harness.make_spec(data, base=tmp_path)
    with pytest.raises(ConfigError) as caught:
        prepare(spec)
    first, second = caught.value.problems
    assert 'kernel.reference.function = "right:k": there is no module right' in first
    assert 'kernel.arguments[0].fill = "data:make": there is no module data' in second
    (tmp_path / "right.py").write_text("def k(x): return x\n")
    (tmp_path / "data.py").write_text("def make(shape, seed): ...\n")
    assert prepare(spec).kernel is not None
