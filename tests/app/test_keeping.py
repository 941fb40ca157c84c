from __future__ import annotations

from pathlib import Path

import pytest

import harness

FILES = ("log.csv", "script.txt", "tuned.h", "tuned.json")


def tune(base: Path, backend: str) -> dict[str, str]:
    """What was done with each file."""
    emit = [
        {"path": "tuned.h", "format": "header"},
        {"path": "tuned.json", "format": "values"},
    ]
    data = {
        "backend": backend,
        "parameters": {"A": [1, 2, 3]},
        "command": {"test": "true %A%"},
        "output": {"log": FILES[0], "script": FILES[1], "emit": emit},
    }
    result = harness.tune(harness.make_spec(data, base=base), parallel=1)
    return {Path(file.path).name: file.remark for file in result.summary.files}


def is_simulated(base: Path) -> list[bool]:
    """By a word in each file that says so."""
    words = {"log.csv": ",Simulated", "script.txt": "(simulated)", "tuned.h": "SIMULATED"}
    return [words.get(name, '"simulated": true') in (base / name).read_text() for name in FILES]


def test_what_was_measured_is_not_overwritten_by_what_was_simulated(tmp_path: Path) -> None:
    assert set(tune(tmp_path, "none")) == set(FILES)
    before = [(tmp_path / name).read_bytes() for name in FILES]
    done = tune(tmp_path, "mock")
    assert all(done[name].startswith("kept: it holds measured results") for name in FILES)
    assert [(tmp_path / name).read_bytes() for name in FILES] == before


@pytest.mark.parametrize("name", FILES)
def test_simulated_files_give_way_to_either(tmp_path: Path, name: str) -> None:
    tune(tmp_path, "mock")
    assert is_simulated(tmp_path) == [True] * 4
    (tmp_path / name).unlink()
    assert not any("kept" in what for what in tune(tmp_path, "mock").values())
    assert is_simulated(tmp_path) == [True] * 4
    tune(tmp_path, "none")
    assert is_simulated(tmp_path) == [False] * 4
