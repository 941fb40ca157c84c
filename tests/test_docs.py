"""What the documentation promises: its commands exist, its examples work, its links lead."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from harness.cli import cli
from harness.config.load import load_config
from harness.model import Configuration, OutcomeKind
from harness.space.parameters import Parameter
from harness.space.space import make_space
from harness.testing.strategies import StrategyConformance, drive, succeed

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
        if program == "make":
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
    strategy, test, *_ = find_blocks(ROOT / "docs" / "extending.md", "python")
    names: dict[str, object] = {}
    exec(strategy + test, names)
    suite = names["TestBackwards"]
    assert isinstance(suite, type)
    assert issubclass(suite, StrategyConformance)
    conformance = suite()
    for name in dir(conformance):
        if name.startswith("test_"):
            getattr(conformance, name)()
    backwards = names["Backwards"]
    assert callable(backwards)
    outcomes = drive(backwards(make_space([Parameter("A", (1, 2, 3))])), succeed)
    assert [o.configuration for o in outcomes] == [Configuration(("A",), (n,)) for n in (3, 2, 1)]


def test_the_concepts_name_every_outcome() -> None:
    page = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    missing = [kind.value for kind in OutcomeKind if f"| `{kind.value}` |" not in page]
    assert missing in ([], ["censored"])
