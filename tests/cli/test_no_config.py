"""`harness tune` without CONFIG: the folder's only one, or a list; the example in a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.app.example import default_config

from .helpers import SLEEPERS, Cli

ROOT = Path(__file__).resolve().parents[2]
OTHERS = {
    "pyproject.toml": "[project]\nname = 'x'\n",
    "site.toml": "[build]\n# [parameters]\n",
    "nginx.conf": "server { listen 80; }\n",
    "data.json": "{}",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with files that are no configs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".harness").mkdir()
    for name, text in OTHERS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_only_config_is_tuned(cli: Cli, folder: Path) -> None:
    (folder / "mine.toml").write_text(SLEEPERS)
    ended = cli("tune", "--budget", "2")
    assert ended.code == 0
    assert "no config given: tuning mine.toml, the only config in this folder" in ended.err
    assert (folder / ".harness" / "journal.sqlite").is_file()


def test_of_several_none_is_chosen(cli: Cli, folder: Path) -> None:
    (folder / "b.toml").write_text(SLEEPERS)
    (folder / "a.conf").write_text("[variables]\nvariables = A\n")
    ended = cli("tune")
    assert ended.code == 2
    assert "no config given, and this folder has a.conf, b.toml; name one: harness" in ended.err


def test_without_any_nothing_is_tuned(cli: Cli, folder: Path) -> None:
    ended = cli("tune")
    assert ended.code == 2
    assert "no config given, and this folder has none; name one" in ended.err
    assert not list((folder / ".harness").iterdir())


def test_a_config_with_mistakes_is_one(cli: Cli, folder: Path) -> None:
    (folder / "mine.toml").write_text("parameters.A = [1, 2]\n[command\n")
    assert "mine.toml: line 2" in cli("tune").err


def test_a_checkout_has_an_example() -> None:
    path, why = default_config(ROOT)
    assert path.parent == ROOT / "configs"
    assert "CPU program" in why or "CUDA kernel" in why
