"""The example with a Makefile: it builds with tuned values, and tunes when something changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.config.load import load_config
from harness.store.sessions import list_sessions, load_session

EXAMPLE = Path(__file__).resolve().parents[1] / "configs" / "makefile"

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None or shutil.which("cc") is None, reason="needs make and cc"
)


class Project:
    """A copy of the example, whose scores do not depend on how busy this machine is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("out", "tuned.h", "transpose")
        shutil.copytree(EXAMPLE, folder, ignore=ignored)
        self.config = folder / "tune.toml"
        self.edit(self.config, "[8, 16, 32, 64, 128]", "[16, 128]")
        self.edit(
            self.config,
            'test = ["out/transpose_%%ID%%"]',
            "test = \"out/transpose_%%ID%% && expr 1000 - %BLOCK_I% - 2 '*' %BLOCK_J%\"",
        )
        self.edit(self.config, "repeat = 3", 'repeat = 1\noptimal = "max"')

    @staticmethod
    def edit(path: Path, old: str, new: str) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        return subprocess.run(
            ["make", *arguments, f"HARNESS={sys.executable} -m harness"],
            cwd=self.folder,
            env=kept,
            capture_output=True,
            text=True,
            check=False,
        )

    def build(self) -> str:
        """Build, and say what the program says."""
        assert self.make().returncode == 0
        return subprocess.run(
            [self.folder / "transpose"], capture_output=True, text=True, check=True
        ).stdout

    def tune(self) -> tuple[str, list[str]]:
        """`make tune`: the first line of its result, and what it found stale."""
        made = self.make("tune")
        assert made.returncode == 0, made.stderr
        lines = made.stderr.splitlines()
        stale = [line.removeprefix("stale: ") for line in lines if line.startswith("stale: ")]
        return made.stdout.splitlines()[0], stale

    def is_built(self) -> bool:
        """Whether make would leave the program as it is."""
        return self.make("--question", "transpose").returncode == 0

    def sessions(self) -> int:
        return len(list_sessions(self.folder / ".harness" / "journal.sqlite"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def test_a_build_takes_the_values_and_tuning_is_done_when_due(project: Project) -> None:
    assert project.build() == "transposed in blocks of 64 x 64\n"
    result, stale = project.tune()
    assert (result, stale) == ("best: 952 (n=1)", ["there is no session of this config yet"])
    assert not project.is_built()
    assert project.build() == "transposed in blocks of 16 x 16\n"

    # Nothing changed: nothing is done, and nothing built.
    header = (project.folder / "tuned.h").stat()
    assert project.tune() == ("up to date: session 1, best 952", [])
    assert project.is_built()

    # An included file changed.
    project.edit(project.folder / "matrix.h", "SIZE 2048", "SIZE 1024")
    assert not project.is_built()
    result, stale = project.tune()
    assert (result, stale) == ("best: 952 (n=1)", ["matrix.h changed"])
    assert project.sessions() == 2
    assert project.build() == "transposed in blocks of 16 x 16\n"

    # Tuned once more, with the same values: the header is not touched, nothing is built.
    project.edit(project.config, "repeat = 1", "repeat = 2")
    assert project.tune()[1] == ["scoring.repeat: 1 -> 2"]
    assert project.sessions() == 3
    assert (project.folder / "tuned.h").stat().st_mtime_ns == header.st_mtime_ns
    assert project.is_built()

    # Other values: the program is built with them.
    project.edit(project.config, "[16, 128]", "[32, 128]")
    project.tune()
    assert not project.is_built()
    assert project.build() == "transposed in blocks of 32 x 32\n"


def test_a_header_that_is_gone_is_written_again_without_tests(project: Project) -> None:
    project.tune()
    (project.folder / "tuned.h").unlink()
    assert project.build() == "transposed in blocks of 64 x 64\n"  # make has put its own there
    result, stale = project.tune()
    assert result == "nothing to test; written again from session 1, best 952"
    assert stale == ["tuned.h is not as session 1 left it"]
    assert project.build() == "transposed in blocks of 16 x 16\n"
    assert project.sessions() == 1


def test_every_test_of_the_example_is_right(project: Project) -> None:
    """As it is, with all of its values at their ends."""
    project.tune()
    outcomes = load_session(project.folder / ".harness" / "journal.sqlite").outcomes
    assert [outcome.kind.value for outcome in outcomes] == ["ok"] * 4
    assert not list((project.folder / "out").glob("transpose_*"))


def test_the_page_shows_the_example() -> None:
    page = (EXAMPLE.parents[1] / "docs" / "makefiles.md").read_text()
    (rules,) = re.findall(r"^```make\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    makefile = (EXAMPLE / "Makefile").read_text().replace("$(HARNESS)", "harness")
    for rule in rules.strip().split("\n\n"):
        assert rule in makefile
    (config,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    spec = load_config(EXAMPLE / "tune.toml")
    assert [f"{name} = {list(values)}" in config for name, values in spec.parameters.items()] == [
        True,
        True,
    ]
