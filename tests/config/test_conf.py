from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.config.conf import load_conf
from harness.config.ini import parse_ini
from harness.config.spec import Spec
from harness.config.substitute import Template
from harness.configuration import Configuration
from harness.errors import ConfigError
from harness.lane import DeviceInfo, Lane

Write = Callable[..., Path]
LANE = Lane("0", 0, DeviceInfo("none", 0, "", ""))

HELLO = """\
; how fast does a greeting start?
[variables]
variables = LEVEL, STRIP

[values]
LEVEL = -O0, -O2, -Os
STRIP = , -s

[testing]
compile = gcc %LEVEL% %STRIP% -o hello_%%ID%% hello.c
test = ./hello_%%ID%% ; a comment
cleanup = rm -f hello_%%ID%%

[scoring]
optimal = min_time
repeat = 5, avg

[output]
log = hello.csv
script = hello.txt
importance = hello_importance.csv
"""

MATHS = """\
# the figure of merit is what expr prints
[variables]
variables: X, Y, Z
[values]
X = 1, 2
y: 3, 4,
   5
z = 6,7
[testing]
test = expr %X% \\* %Y% + %Z%
[scoring]
optimal = max
"""

MATRIX = """\
[variables]
variables = {LEVEL,
             {BLOCK_I, BLOCK_J}, {UNROLL}}
[values]
LEVEL   = -O2, -O3
BLOCK_I = 8, 16
BLOCK_J = 8, 16
UNROLL  = 1, 4
[testing]
compiler = gcc %LEVEL% -DBI=%BLOCK_I%
    -DBJ=%BLOCK_J% -DU=%UNROLL% -o m_%%ID%% m.c
test = ./m_%%ID%%
clean = rm -f m_%%ID%%
parallel = 2
[scoring]
repeat = 3, med
"""

LAPLACE = """\
[variables]
variables = BX, BY
[values]
BX = 16, 32, 64
BY = 2, 4
[testing]
compile = nvcc -DBX=%BX% -DBY=%BY% -o laplace_%%ID%% laplace.cu
test = ./laplace_%%ID%% %%PARALLEL%%
parallel = left, right
"""


def load(text: str, write: Write) -> Spec:
    return load_conf(write(text, "x.conf"))


def problems_of(text: str, write: Write) -> list[str]:
    path = write(text, "x.conf")
    with pytest.raises(ConfigError) as caught:
        load_conf(path)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_reads_a_flat_list(write: Write) -> None:
    spec = load(HELLO, write)
    assert spec.parameters == {"LEVEL": ("-O0", "-O2", "-Os"), "STRIP": ("", "-s")}
    assert spec.space.tree is None
    assert spec.command.compile == "gcc %LEVEL% %STRIP% -o hello_%%ID%% hello.c"
    assert spec.command.test == "./hello_%%ID%%"
    assert spec.command.clean == "rm -f hello_%%ID%%"
    assert (spec.scoring.repeat, spec.scoring.aggregate) == (5, "avg")
    assert spec.output.log == "hello.csv"
    assert spec.output.script == "hello.txt"
    assert spec.output.importance == "hello_importance.csv"


def test_without_parallel_tests_run_one_after_another(write: Write) -> None:
    spec = load(HELLO, write)
    assert (spec.parallel, spec.backend, spec.distribution) == (1, "none", "per-test")


def test_names_of_options_know_no_case_and_scoring_is_optional(write: Write) -> None:
    spec = load(MATHS, write)
    assert spec.parameters == {"X": ("1", "2"), "Y": ("3", "4", "5"), "Z": ("6", "7")}
    assert spec.scoring.optimal == "max"
    assert (spec.scoring.repeat, spec.scoring.aggregate) == (1, "min")
    assert spec.command.compile is None
    assert load(LAPLACE, write).scoring.optimal == "min_time"


def test_reads_a_tree_and_continued_commands(write: Write) -> None:
    spec = load(MATRIX, write)
    assert spec.space.tree == "{LEVEL, {BLOCK_I, BLOCK_J}, {UNROLL}}"
    assert list(spec.parameters) == ["LEVEL", "BLOCK_I", "BLOCK_J", "UNROLL"]
    assert spec.search.strategy == "auto"  # the tree, since there is one
    assert spec.command.compile == (
        "gcc %LEVEL% -DBI=%BLOCK_I%\n-DBJ=%BLOCK_J% -DU=%UNROLL% -o m_%%ID%% m.c"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2", 2), ("left, right", ("left", "right")), ("a b\n  c", ("a", "b", "c")), ("x", ("x",))],
)
def test_parallel_is_a_number_or_names(text: str, expected: object, write: Write) -> None:
    spec = load(LAPLACE.replace("left, right", text), write)
    assert (spec.parallel, spec.backend, spec.distribution) == (expected, "none", "pipelined")


@pytest.mark.parametrize("text", ["0", "-1", "auto", "a, a", "", "a/b"])
def test_no_other_parallel(text: str, write: Write) -> None:
    (problem,) = problems_of(LAPLACE.replace("left, right", text), write)
    assert problem.startswith("[testing] parallel = ")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("date +%s; printf '%d%%' 5", "date +%s; printf '%d%%' 5"),
        ("echo %X%% %%X%% %W% %%W%% %X", "echo 1% %1% %W% %%W%% %X"),
        ("echo %%%% %%ID%%%", "echo %%%% 9%"),
    ],
)
def test_percent_signs_need_no_escape(command: str, expected: str, write: Write) -> None:
    spec = load(MATHS.replace("expr %X%", command + " "), write)
    assert isinstance(spec.command.test, str)
    configuration = Configuration(("X", "Y", "Z"), ("1", "3", "6"))
    text = Template.parse(spec.command.test, spec.parameters).expand(configuration, 9, LANE)
    assert text.startswith(expected)


def test_all_problems_are_found_at_once_and_named_as_the_file_does(write: Write) -> None:
    text = """\
[variables]
variables = {A, B, {Z}}
[values]
A = 1, 1
B = 3
  4
q = 3
[tests]
[testing]
compiler =
clean up = rm
parallel = none at all, 3/4
stray
[scoring]
repeat = 3, median
optimal = mintime
[output]
lag = x
log = same.csv
script = same.csv
"""
    assert problems_of(text, write) == [
        "line 13: stray: neither a section nor an option; write NAME = VALUE, or indent it to go "
        "on with the option above",
        '[values] A, value 2 = "1": the same as "1" before it; remove one of the two',
        "[values] B, value 1 = 3 / 4: a comma is missing between the lines",
        "[values] q: no such variable; add q to [variables]",
        "[values] Z: missing; write Z = followed by its values",
        "[tests]: unknown section; did you mean testing?",
        "[testing] clean up: unknown option; did you mean cleanup?",
        '[testing] parallel = none at all, 3/4: "3/4" cannot name a lane; use letters, digits '
        "and _ . : -, without spaces",
        "[testing] test: missing; write test = and the command to time",
        '[scoring] repeat = "median": must be "min", "max", "med" or "avg"; did you mean "med"?',
        '[scoring] optimal = "mintime": must be "min_time", "max_time", "min_energy", "min" or '
        '"max"; did you mean "min_time"?',
        "[output] lag: unknown option; did you mean log?",
        '[output] script = "same.csv": the same file as output.log; name another',
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("X, Y, Z", "", "[variables] variables: missing; write variables = A, B, C"),
        ("X, Y, Z", "{X, {Y}, {Z", "[variables] variables: variable tree"),
        ("X, Y, Z", "X, Y, Z, X", "X appears twice"),
        ("z = 6,7", "z =", "[values] Z = []: no values"),
        ("[values]", "[val]", "[values]: the section is missing; add it"),
        ("[testing]", "[x]", "[testing]: the section is missing; add it"),
        ("[variables]", "", "line 3: variables: X, Y, Z: before any section; add [variables]"),
        (
            "test =",
            "cleanup = rm\nclean = rm\ntest =",
            "[testing] cleanup: means the same as clean",
        ),
        ("optimal = max", "repeat = x", "[scoring] repeat = x: must be a whole number >= 1"),
        ("optimal = max", "repeat = 0, min", "[scoring] repeat = 0, min: must be a whole number"),
    ],
)
def test_a_mistake_gives_its_message(old: str, new: str, expected: str, write: Write) -> None:
    assert any(expected in problem for problem in problems_of(MATHS.replace(old, new), write))


def test_a_name_that_is_no_name_is_told(write: Write) -> None:
    text = MATHS.replace("X, Y, Z", "X, Y, Z, (+").replace("z = 6,7", "z = 6,7\n(+ = 1")
    assert problems_of(text, write) == [
        "[values] (+: not a parameter name; use letters, digits and _, not starting with a digit"
    ]


def test_a_missing_section_is_told_once(write: Write) -> None:
    assert problems_of("[scoring]\n", write) == [
        "[variables]: the section is missing; add it",
        "[values]: the section is missing; add it",
        "[testing]: the section is missing; add it",
    ]


def test_an_option_that_comes_twice_is_no_silent_choice(write: Write) -> None:
    (line,) = problems_of(MATHS.replace("[testing]\n", "[testing]\ntest = other\n"), write)
    assert "test: given twice in this section" in line


def test_digits_are_those_of_ascii(write: Write) -> None:
    text = MATHS.replace("[testing]\n", "[testing]\nparallel = ٣\n")
    (line,) = problems_of(text, write)
    assert line.startswith("[testing] parallel = ٣: not a whole number")


def test_ini_dialect() -> None:
    ini = parse_ini(
        "# comment\n; comment\nrem comment\n[a]\nOne = x=y:z\nTWO: 1 ; no\n  2 ; yes\n\n  # yes\n"
        'three = a;b ; c\nfour = ""\nremark = 5\n[b]\n[a]\none = new\n'
    )
    assert ini.problems == ["line 15: one: given twice in this section; remove one of the two"]
    assert ini.sections == {
        "a": {
            "one": ["new"],
            "two": ["1", "2 ; yes", "# yes"],
            "three": ["a;b ; c"],
            "four": [""],
            "remark": ["5"],
        },
        "b": {},
    }
