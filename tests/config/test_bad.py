"""Each file in bad/ holds one mistake, and in its first line what must be said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.load import load_config
from harness.errors import ConfigError

BAD = sorted((Path(__file__).parent / "bad").iterdir())


def load_problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.exit_code == 2
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_a_bad_file_gives_its_message_and_no_other(path: Path) -> None:
    expected = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("# "):
            break
        expected.append(line.removeprefix("# "))
    assert expected
    assert load_problems(path) == expected


def test_ten_mistakes_give_ten_messages() -> None:
    problems = load_problems(Path(__file__).parent / "bad" / "ten_mistakes.toml")
    assert len(problems) == 10
    assert not any("Traceback" in problem or "\n" in problem for problem in problems)


def test_there_are_bad_files_of_both_formats() -> None:
    assert {path.suffix for path in BAD} == {".toml", ".conf"}
