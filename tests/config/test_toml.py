from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.config.spec import Spec
from harness.config.toml import load_toml, make_spec
from harness.errors import ConfigError
from tests.config.conftest import MINIMAL

Write = Callable[..., Path]

FULL = """\
schema = 1
name = "blocked"
parallel = { left = "GPU-8f2c", right = 1 }
backend = "cuda"
pin = "ordinal"
distribution = "per-test"
oversubscribe = true

[parameters]
BLOCK = [16, 32]
FAST = [true, false]
SCALE = [0.5, 1.5]
OPT = ["-O2", "-O3 -g"]

[problem]
SIZE = 4096

[space]
constraints = ["BLOCK <= 32", "FAST or SCALE > 1", "SIZE % BLOCK == 0"]
tree = "{BLOCK, OPT, {FAST}, {SCALE}}"

[command]
compile = "gcc %OPT% -DB=%BLOCK% -o app_%%ID%%"
test = ["./app_%%ID%%", "%SCALE%", "%FAST%"]
clean = "rm app_%%ID%%"
environment = { LANE = "%%PARALLEL%%" }
timeout_s = { compile = 60, test = 1.5 }
sources = ["*.c"]

[scoring]
repeat = 3
aggregate = "med"
optimal = "max"
unit = "GFLOP/s"
reference = 12.5

[search]
strategy = "tree"

[compile]
workers = 2
quiet_timing = true

[mock]
devices = ["A100", "H100"]
noise = 0

[output]
log = "all.csv"
journal = "j.sqlite"
"""


def problems_of(text: str, write: Write) -> list[str]:
    """The messages for a TOML text, without the file's name."""
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load_toml(path)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_reads_every_table(write: Write) -> None:
    path = write(FULL)
    spec = load_toml(path)
    assert isinstance(spec, Spec)
    assert spec.name == "blocked"
    assert spec.parallel == {"left": "GPU-8f2c", "right": 1}
    assert spec.parameters["FAST"] == (True, False)
    assert [type(value) for values in spec.parameters.values() for value in values] == [
        int, int, bool, bool, float, float, str, str
    ]  # fmt: skip
    assert spec.command.test == ["./app_%%ID%%", "%SCALE%", "%FAST%"]
    assert spec.command.timeout_s.compile == 60
    assert spec.command.timeout_s.clean is None
    assert spec.mock.devices == ("A100", "H100")
    assert spec.path == path
    assert spec.journal_path == path.parent / "j.sqlite"


def test_the_defaults_are_those_of_the_spec(write: Write) -> None:
    spec = load_toml(write(MINIMAL, "matrix.toml"))
    assert spec.name == "matrix"
    assert (spec.parallel, spec.backend, spec.distribution) == ("auto", "auto", "pipelined")
    assert (spec.scoring.repeat, spec.scoring.aggregate) == (1, "min")
    assert spec.scoring.optimal == "min_time"


def test_plain_data_is_read_like_a_file(tmp_path: Path) -> None:
    data = {"parameters": {"N": range(1, 4), "M": (2, 4)}, "command": {"test": "./app %N%"}}
    spec = make_spec(data, tmp_path / "made.toml")
    assert spec.parameters == {"N": (1, 2, 3), "M": (2, 4)}
    assert spec.name == "made"


def test_plain_data_of_foreign_types_is_refused(tmp_path: Path) -> None:
    data = {"parameters": {"N": [1j, object]}, 3: "x", "command": {"test": b"app"}}
    with pytest.raises(ConfigError) as caught:
        make_spec(data, tmp_path / "made.toml")  # type: ignore[arg-type] # what is tested
    keys = [problem.split(": ")[1].split(" = ")[0] for problem in caught.value.problems]
    assert keys == ["parameters.N[0]", "parameters.N[1]", "3", "command.test"]


def test_a_relative_path_is_kept_absolute(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(MINIMAL)
    monkeypatch.chdir(tmp_path)
    assert load_toml(Path("tune.toml")).path == tmp_path / "tune.toml"


def test_a_mistake_in_one_table_hides_nothing_in_another(write: Write) -> None:
    text = MINIMAL.replace("[1, 2]", "[1, 1]") + "timeout_s = 3\n[space]\ntree = '{N, {M}}'\n"
    assert problems_of("scoring = 3\n" + text, write) == [
        "scoring = 3: must be a table such as { repeat = 3 }",
        "parameters.N[1] = 1: the same as 1 before it; remove one of the two",
        "command.timeout_s = 3: must be a table such as { compile = 3 }",
        "space.tree: M is no parameter; parameters: N",
    ]


def test_a_mistake_does_not_cause_messages_about_what_depends_on_it(write: Write) -> None:
    text = """
    parameters = 3
    [space]
    constraints = ["N > 1"]
    tree = "{N}"
    [command]
    test = "./app %N%"
    """
    assert [problem.split(":")[0] for problem in problems_of(text, write)] == ["parameters = 3"]
    text = MINIMAL.replace("[1, 2]", "7") + "[space]\nconstraints = ['N > 1']\ntree = '{N}'\n"
    assert [problem.split(":")[0] for problem in problems_of(text, write)] == ["parameters.N = 7"]


def test_an_empty_file_lacks_parameters_and_command(write: Write) -> None:
    assert [problem.split(" (")[0] for problem in problems_of("", write)] == [
        "parameters: missing; add a table [parameters] such as BLOCK_X = [16, 32, 64]",
        "command: missing; add a table",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb 2", "line 2, column 3: Expected '='"),
        ("a = [1,\n", "line 1, column 8: "),
        ("[a]\n[a]\n", "line 2, column 3: "),
        ("a = \n", 'line 1, column 5: Invalid value; correct this TOML: "a ="'),
        ("", None),
    ],
)
def test_a_syntax_error_says_where(text: str, expected: str | None, write: Write) -> None:
    problem = problems_of(text, write)[0]
    if expected is None:
        assert "correct this TOML" not in problem
    else:
        assert problem.startswith(expected)
        assert "correct this TOML: " in problem


def test_a_file_that_is_no_utf8_says_where(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(ConfigError, match="byte 8 is not UTF-8; save the file in UTF-8"):
        load_toml(path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(MINIMAL, encoding="utf-8-sig")
    assert load_toml(path).parameters == {"N": (1, 2)}


def test_deep_nesting_is_refused(write: Write) -> None:
    assert "nested" in problems_of("a = " + "[" * 20_000, write)[0]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("app.cu", "int main() {}", "a source"),
        ("other.toml", "", "a config"),
        ("data.csv", "SQLite format 3\0", "a journal or another database"),
    ],
)
def test_outputs_replace_nothing_that_is_plainly_something_else(
    tmp_path: Path, name: str, content: str, what: str
) -> None:
    (tmp_path / name).write_text(content)
    data = {"parameters": {"N": [1]}, "command": {"test": "true %N%"}}
    for output, key in (
        ({"log": name}, "output.log"),
        ({"emit": [{"format": "make", "path": name}]}, "output.emit[0].path"),
    ):
        with pytest.raises(ConfigError) as error:
            make_spec({**data, "output": output}, tmp_path / "tune.toml")
        assert f'{key} = "{name}": there is {what} of this name' in str(error.value)


def test_an_emitted_file_is_replaced_by_its_like(tmp_path: Path) -> None:
    (tmp_path / "tuned.h").write_text("")
    emit = [{"format": "header", "path": "tuned.h"}]
    data = {"parameters": {"N": [1]}, "command": {"test": "true %N%"}, "output": {"emit": emit}}
    assert make_spec(data, tmp_path / "tune.toml").output.emit[0].path == "tuned.h"
