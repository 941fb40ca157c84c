from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.substitute import ESCAPED_PERCENT, CommandTemplate, Template
from harness.configuration import Configuration, format_value
from harness.errors import ConfigError
from harness.lane import DeviceInfo, Lane

NAMES = ("N", "NB", "ID", "A_1")
LANE = Lane("left", 1, DeviceInfo("mock", 3, "MOCK-7", "A100"))
BUILTIN_TEXTS = {"ID": "9", "PARALLEL": "left", "DEVICE": "3", "UUID": "MOCK-7"}

# What breaks scanners: percent signs, names and both next to each other.
FRAGMENTS = st.sampled_from(["%", "%%", "%%%%", "N", "NB", "ID", "UUID", "A_1", " ", "x", "0", "é"])
TEXTS = st.lists(FRAGMENTS, max_size=12).map("".join)
VALUES = st.one_of(st.booleans(), st.integers(), TEXTS)


def make_configuration(**values: object) -> Configuration:
    return Configuration.from_mapping({"N": 1, "NB": 2, "ID": "i", "A_1": "a", **values})  # type: ignore[dict-item] # only valid values are passed


def expand(text: str, **values: object) -> str:
    template = Template.parse(text, NAMES)
    return template.expand(make_configuration(**values), 9, LANE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gcc -DN=%N% -DNB=%NB% -o app_%%ID%%", "gcc -DN=1 -DNB=2 -o app_9"),
        ("%%PARALLEL%% %%DEVICE%% %%UUID%%", "left 3 MOCK-7"),
        ("%N%%NB%%%ID%%%N%", "1291"),
        ("%ID%", "i"),
        ("date +%s", "date +%s"),
        ("printf '%d %%\\n' 50", "printf '%d %%\\n' 50"),
        ("printf '%%%%d%%\\n' 50", "printf '%d%%\\n' 50"),
        ("${file%%.c} ${file%.c} 100% 5 % 3", "${file%%.c} ${file%.c} 100% 5 % 3"),
        ("100%N%", "1001"),
        ("%%N%", "%1"),
        ("date +%%%%H%M", "date +%H%M"),
        ("%%%%N%", "%N%"),
        ("%%%%%%%%ID%%", "%%ID%%"),
        ("%%%%%N%%%%%", "%1%"),
        ("%1N% %-%", "%1N% %-%"),
        ("", ""),
        ("%", "%"),
    ],
)
def test_reads_placeholders_and_leaves_the_rest(text: str, expected: str) -> None:
    assert expand(text) == expected


def test_a_value_that_looks_like_a_placeholder_is_not_read_again() -> None:
    assert expand("%N% %NB%", N="%NB%", NB="%%ID%% %N%") == "%NB% %%ID%% %N%"


def test_booleans_become_digits() -> None:
    assert expand("-DFAST=%N% -DSLOW=%NB%", N=True, NB=False) == "-DFAST=1 -DSLOW=0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%NC%", "unknown placeholder %NC%; did you mean %N%? (literally: %%%%NC%)"),
        ("%n%", "unknown placeholder %n%; did you mean %N%?"),
        ("%UUID%", "unknown placeholder %UUID%; did you mean %%UUID%%?"),
        ("%%NB%%", "unknown placeholder %%NB%%; did you mean %NB%?"),
        ("%%PARALEL%%", "did you mean %%PARALLEL%%? (literally: %%%%%%%%PARALEL%%)"),
        ("%%XYZ%%", "there are %%ID%%, %%PARALLEL%%, %%DEVICE%%, %%UUID%%"),
        ("%XYZ%", "parameters: N, NB, ID, A_1"),
    ],
)
def test_an_unknown_placeholder_is_an_error_with_a_remedy(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Template.parse(text, NAMES)
    assert expected in str(caught.value)
    literal = caught.value.problems[0].split("literally: ")[1].rstrip(")")
    assert expand(literal) == text


def test_all_unknown_placeholders_are_named_once() -> None:
    with pytest.raises(ConfigError) as caught:
        CommandTemplate.parse(["%X%", "%Y% %X%", "%N%"], NAMES)
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "unknown placeholder %X%",
        "unknown placeholder %Y%",
    ]


def test_a_template_knows_what_it_depends_on() -> None:
    template = Template.parse("%NB% %N% %NB% %%ID%%", NAMES)
    assert template.names == ("NB", "N")
    assert template.builtins == {"ID"}
    assert not template.uses_lane
    assert all(
        Template.parse(f"%%{name}%%", NAMES).uses_lane for name in ("PARALLEL", "DEVICE", "UUID")
    )


@given(TEXTS)
def test_any_text_can_be_written_literally(text: str) -> None:
    assert expand(text.replace("%", ESCAPED_PERCENT)) == text


@given(
    st.lists(st.one_of(
        TEXTS.map(lambda text: ("text", text)),
        st.sampled_from(NAMES).map(lambda name: ("parameter", name)),
        st.sampled_from(list(BUILTIN_TEXTS)).map(lambda name: ("builtin", name)),
    )),
    st.tuples(VALUES, VALUES, VALUES, VALUES),
)  # fmt: skip
def test_pieces_side_by_side_are_read_as_they_were_put(
    pieces: list[tuple[str, str]], values: tuple[bool | int | str, ...]
) -> None:
    written: dict[str, Callable[[str], str]] = {
        "text": lambda text: text.replace("%", ESCAPED_PERCENT),
        "parameter": "%{}%".format,
        "builtin": "%%{}%%".format,
    }
    configuration = Configuration(NAMES, values)
    read: dict[str, Callable[[str], str]] = {
        "text": str,
        "parameter": lambda name: format_value(configuration[name]),
        "builtin": BUILTIN_TEXTS.__getitem__,
    }
    template = Template.parse("".join(written[kind](text) for kind, text in pieces), NAMES)
    expected = "".join(read[kind](text) for kind, text in pieces)
    assert template.expand(configuration, 9, LANE) == expected


@given(TEXTS)
def test_a_text_is_read_or_refused_and_then_says_the_same_when_formatted(text: str) -> None:
    try:
        template = Template.parse(text, NAMES)
    except ConfigError:
        template = Template.parse(text.replace("%", ESCAPED_PERCENT), NAMES)
    assert Template.parse(template.format(), NAMES) == template


@given(TEXTS)
def test_the_conf_reading_never_fails_and_can_be_written_as_toml(text: str) -> None:
    template = Template.parse_lenient(text, NAMES)
    assert Template.parse(template.format(), NAMES) == template
    if "%" not in text:
        assert template.expand(make_configuration(), 9, LANE) == text


def test_the_conf_reading_leaves_percent_signs_alone() -> None:
    template = Template.parse_lenient("%N% %XYZ% %%N%% %%FOO%% 50% %%ID%%", NAMES)
    expected = "1 %XYZ% %1% %%FOO%% 50% 9"
    assert template.expand(make_configuration(), 9, LANE) == expected


def test_a_text_is_for_the_shell() -> None:
    command = CommandTemplate.parse("./app %N% > out_%%ID%%", NAMES).expand(
        make_configuration(N="1; 2"),
        9,
        LANE,
        directory="/base",
        environment=(("A", "b"),),
        timeout_s=2.0,
    )
    assert command.argv == ("/bin/sh", "-c", "./app 1; 2 > out_9")
    assert command.text == "./app 1; 2 > out_9"
    assert (command.directory, command.environment, command.timeout_s) == (
        "/base",
        (("A", "b"),),
        2.0,
    )


@given(VALUES)
def test_in_a_list_each_element_stays_one_argument(value: bool | int | str) -> None:
    template = CommandTemplate.parse(["./app", "-n=%N%", "%N%"], NAMES)
    command = template.expand(make_configuration(N=value), 9, LANE, directory="/")
    shown = format_value(value)
    assert command.argv == ("./app", f"-n={shown}", shown)


def test_a_list_is_shown_as_it_would_be_typed() -> None:
    template = CommandTemplate.parse(["./app", "%N%", "%%ID%%"], NAMES)
    command = template.expand(make_configuration(N="a b"), 9, LANE, directory="/")
    assert command.text == "./app 'a b' 9"
    assert template.symbolic(make_configuration(N="a b")) == "./app 'a b' %%ID%%"


def test_symbolic_keeps_what_differs_from_test_to_test() -> None:
    template = CommandTemplate.parse("gcc -DN=%N% -o a_%%ID%% # %%UUID%% %%PARALLEL%%", NAMES)
    assert template.names == ("N",)
    assert template.uses_lane
    expected = "gcc -DN=1 -o a_%%ID%% # %%UUID%% %%PARALLEL%%"
    assert template.symbolic(make_configuration()) == expected
