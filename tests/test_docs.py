"""What the documentation promises: its commands exist, its examples work, its links lead."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import harness
from harness.cli import cli, main
from harness.config.load import load_config
from harness.configuration import Configuration
from harness.limits import LIMITS
from harness.model import OutcomeKind
from harness.procs.worker import OUTPUT_LIMIT_BYTES
from harness.space.constraints import make_constraint
from harness.space.functions import FUNCTIONS
from harness.space.parameters import Parameter
from harness.space.space import make_space
from harness.stats import relative_noise
from harness.testing.strategies import StrategyConformance, drive, succeed
from harness.timing.command import OUTPUT_CHARACTERS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
each = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def find_blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def find_commands(page: Path) -> list[list[str]]:
    """What stands behind a prompt, without what a comment says of it."""
    lines = "\n".join(find_blocks(page, "console")).splitlines()
    return [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]


@each
def test_commands_exist_with_these_options(page: Path) -> None:
    for program, *arguments in find_commands(page):
        if program == ".":
            assert arguments == [".venv/bin/activate"]
        elif program == "make":
            targets = {word for word in arguments if "=" not in word}
            assert targets <= TARGETS, arguments
        elif program == "harness":
            name, *rest = arguments
            command = cli.get_command(click.Context(cli), name)
            assert command is not None, name
            command.make_context(name, rest)  # raises what a wrong option would


@each
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), link


def test_the_config_of_the_readme_is_one(tmp_path: Path) -> None:
    (block,) = find_blocks(ROOT / "README.md", "toml")
    path = tmp_path / "tune.toml"
    path.write_text(block)
    assert load_config(path).scoring.repeat == 5


def test_the_strategy_of_the_page_keeps_the_contract() -> None:
    strategy, learner, test, *_ = find_blocks(ROOT / "docs" / "extending.md", "python")
    names: dict[str, object] = {}
    exec(strategy + learner + test, names)
    suite = names["TestBackwards"]
    assert isinstance(suite, type)
    assert issubclass(suite, StrategyConformance)
    around = names["AroundTheBest"]
    assert callable(around)
    learning = type("", (suite,), {"make": lambda _, space, seed: around(space, goal="min")})
    for conformance in (suite(), learning()):
        for name in dir(conformance):
            if name.startswith("test_"):
                getattr(conformance, name)()
    backwards = names["Backwards"]
    assert callable(backwards)
    outcomes = drive(backwards(make_space([Parameter("A", (1, 2, 3))])), succeed)
    assert [o.configuration for o in outcomes] == [Configuration(("A",), (n,)) for n in (3, 2, 1)]


def test_the_limits_of_the_concepts_are_those_of_the_code() -> None:
    page = " ".join((ROOT / "docs" / "concepts.md").read_text(encoding="utf-8").split())
    assert f"more than {OUTPUT_LIMIT_BYTES >> 20} MiB to stdout" in page
    assert f"the last {OUTPUT_CHARACTERS} characters" in page
    assert "1.4826 · MAD / median" in page
    assert relative_noise([1.0, 1.0, 1.1, 1.2, 1.3]) == pytest.approx(1.4826 * 0.1 / 1.1)


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on PATH")
@pytest.mark.parametrize("name", ["a b.toml", "a;b.toml"])
def test_make_takes_a_config_of_any_name(name: str) -> None:
    made = subprocess.run(
        ["make", "--dry-run", "tune", f"CONFIG={name}"],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if not key.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=True,
    )
    words = shlex.split(made.stdout.splitlines()[-1])
    assert words[1:] == ["tune", name]


def test_the_concepts_name_every_outcome() -> None:
    page = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    missing = [kind.value for kind in OutcomeKind if f"| `{kind.value}` |" not in page]
    assert missing == []


SPACES = ROOT / "docs" / "spaces.md"


def test_the_spaces_of_the_page_look_as_it_says(
    cli_in_page: Callable[[list[str]], str],
) -> None:
    shown = "\n".join(find_blocks(SPACES, "console")[:1])
    for entry in re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]:
        command, _, expected = entry.partition("\n")
        said = cli_in_page(shlex.split(command)[1:])
        assert _timeless(said) == _timeless(expected), command


def _timeless(text: str) -> str:
    return re.sub(r"^made in .*", "made in time", text, flags=re.MULTILINE)


def test_the_page_of_spaces_names_all_that_a_constraint_can_say() -> None:
    page = SPACES.read_text(encoding="utf-8")
    assert [name for name in FUNCTIONS if f"`{name}(" not in page] == []
    assert [name for name in LIMITS if f"`{name}`" not in page] == []


def test_the_function_of_the_page_is_a_constraint(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = find_blocks(SPACES, "python")
    given: list[Callable[..., object]] = []
    monkeypatch.setattr(harness, "tune", lambda _, constraints: given.extend(constraints))
    exec(block, {})
    constraint = make_constraint(given[0], ("BLOCK_X", "BLOCK_Y", "TILE"), {"N": 4096})
    assert constraint.names == {"BLOCK_X", "BLOCK_Y"}
    assert constraint.holds({"BLOCK_X": 16, "BLOCK_Y": 1})


@pytest.fixture
def cli_in_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[list[str]], str]:
    """Runs commands where the page's config is, and says what they print."""
    (block,) = find_blocks(SPACES, "toml")
    (tmp_path / "matmul.toml").write_text(block)
    monkeypatch.chdir(tmp_path)

    def run(arguments: list[str]) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0
        return capsys.readouterr().out

    return run
