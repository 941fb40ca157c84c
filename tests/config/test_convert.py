from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.conf import load_conf
from harness.config.convert import to_toml
from harness.config.spec import Spec
from harness.config.toml import load_toml, make_spec
from tests.config.conftest import MINIMAL, parse_toml
from tests.config.test_conf import HELLO, LAPLACE, MATHS, MATRIX
from tests.config.test_toml import FULL

Write = Callable[..., Path]


def read_back(spec: Spec) -> Spec:
    return make_spec(parse_toml(to_toml(spec)), spec.path)


@pytest.mark.parametrize("text", [HELLO, MATHS, MATRIX, LAPLACE])
def test_a_conf_file_says_the_same_as_its_toml(text: str, write: Write) -> None:
    spec = load_conf(write(text, "x.conf"))
    converted = load_toml(write(to_toml(spec), "x.toml"))
    assert msgspec.structs.replace(converted, path=spec.path) == spec


@pytest.mark.parametrize("text", [FULL, MINIMAL])
def test_toml_survives_the_round_trip(text: str, write: Write) -> None:
    spec = load_toml(write(text))
    assert read_back(spec) == spec


def test_what_is_at_its_default_is_left_out(write: Write) -> None:
    text = to_toml(load_toml(write(MINIMAL)))
    assert text == 'schema = 1\n\n[parameters]\nN = [1, 2]\n\n[command]\ntest = "./app %N%"\n'


def test_a_name_that_is_not_the_files_is_kept(write: Write) -> None:
    spec = msgspec.structs.replace(load_toml(write(MINIMAL)), name="other")
    assert 'name = "other"' in to_toml(spec)
    assert read_back(spec) == spec


def test_long_lists_and_texts_take_several_lines(write: Write) -> None:
    spec = load_toml(write(MINIMAL))
    command = msgspec.structs.replace(spec.command, test="one\ntwo %N%\n")
    spec = msgspec.structs.replace(
        spec, command=command, parameters={"N": tuple(range(10_000, 10_050))}
    )
    text = to_toml(spec)
    assert "    10049,\n" in text
    assert '"""\none\ntwo %N%\n"""' in text
    assert read_back(spec) == spec


# Texts a TOML file and a command can hold; lists of them without duplicates.
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"))
NUMBER = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, width=32))
PLAIN = NUMBER.filter(lambda number: abs(number) != float("inf"))


@given(
    st.lists(TEXT, min_size=1, unique=True),
    st.lists(PLAIN, min_size=1, unique_by=(lambda number: number, str)),
    st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_.-]*", fullmatch=True), TEXT),
)
def test_any_values_survive_the_round_trip(
    texts: list[str], numbers: list[int | float], environment: dict[str, str]
) -> None:
    escaped = {name: text.replace("%", "%%%%") for name, text in environment.items()}
    data: dict[str, object] = {
        "parameters": {"T": texts, "N": numbers},
        "command": {"test": ["app", "%T%", "%N%"], "environment": escaped},
    }
    spec = make_spec(data, Path(__file__).with_suffix(".toml"))
    assert read_back(spec) == spec
    assert repr(read_back(spec)) == repr(spec)  # 1 stays 1, and 1.0 stays 1.0
