"""The JSON Schema and the reference page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_type_hints

import jsonschema
import msgspec
import pytest

from harness.config.convert import to_toml
from harness.config.load import load_config
from harness.config.reference import make_reference
from harness.config.schema import make_json_schema
from harness.config.spec import SpecFile
from harness.config.words import describe_type, split_annotated, table_of
from tests.config.conftest import MINIMAL, parse_toml
from tests.config.test_conf import HELLO, LAPLACE, MATHS, MATRIX
from tests.config.test_toml import FULL

Write = Callable[..., Path]
ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "configs").glob("*.toml"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = make_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("text", [FULL, MINIMAL])
def test_the_schema_accepts_valid_configs(
    text: str, validator: jsonschema.Draft202012Validator
) -> None:
    validator.validate(parse_toml(text))


@pytest.mark.parametrize("text", [HELLO, MATHS, MATRIX, LAPLACE])
def test_the_schema_accepts_converted_configs(
    text: str, validator: jsonschema.Draft202012Validator, write: Write
) -> None:
    validator.validate(parse_toml(to_toml(load_config(write(text, "x.conf")))))


def test_the_schema_accepts_the_configs_that_are_shipped(
    validator: jsonschema.Draft202012Validator,
) -> None:
    for path in SHIPPED:
        validator.validate(parse_toml(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3},
        {"nome": "x"},
        {"parallel": 0},
        {"parallel": "two"},
        {"parallel": []},
        {"parallel": ["a", "a"]},
        {"parallel": ["a b"]},
        {"parameters": {}},
        {"parameters": {"N": []}},
        {"parameters": {"2N": [1]}},
        {"problem": {"2M": 1}},
        {"problem": {"M": [1]}},
        {"command": {}},
        {"command": {"test": "x", "tset": "y"}},
        {"scoring": {"repeat": 0}},
        {"backend": "gpu"},
        {"schema": 2},
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_reader_refuses(
    change: dict[str, object], validator: jsonschema.Draft202012Validator
) -> None:
    assert not validator.is_valid({**parse_toml(MINIMAL), **change})


def test_the_schema_has_a_title_descriptions_defaults_and_no_nulls() -> None:
    schema = make_json_schema()
    assert schema["title"] == "Config file of gpu-harness"
    assert schema["additionalProperties"] is False
    assert "$id" not in schema
    assert schema["properties"]["backend"]["default"] == "auto"
    assert all("description" in part for part in schema["properties"].values())
    assert "null" not in json.dumps(schema)


def test_the_reference_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == make_reference(), "run `make docs`"


def test_the_reference_has_every_key() -> None:
    page = make_reference()
    schema = make_json_schema()
    for name, part in schema["properties"].items():
        if "$ref" not in part:
            assert f"#### `{name}`" in page
            continue
        table = schema["$defs"][part["$ref"].removeprefix("#/$defs/")]
        for key, inner in table["properties"].items():
            assert f"`{'[' if '$ref' in inner else ''}{name}.{key}" in page


def _blocks(language: str) -> list[str]:
    parts = make_reference().split(f"```{language}\n")[1:]
    return [part.split("```")[0] for part in parts]


def test_the_examples_of_the_reference_can_be_read(write: Write) -> None:
    spec = load_config(write(_blocks("toml")[0], "page.toml"))
    assert spec.scoring.aggregate == "med"
    spec = load_config(write(_blocks("ini")[0], "page.conf"))
    assert spec.space.tree == "{OPT, {BLOCK_I, BLOCK_J}, {UNROLL}}"
    for block in _blocks("toml")[1:]:
        for example in block.split("# or\n"):
            assert parse_toml(example)


def _fields(table: type[msgspec.Struct], place: str = "") -> Iterator[tuple[str, object]]:
    """Every field of the tables with its type."""
    for name, tp in get_type_hints(table, include_extras=True).items():
        yield f"{place}{name}", tp
        inner, _ = table_of(tp)
        if inner is not None:
            yield from _fields(inner, f"{place}{name}.")


def test_every_example_of_the_schema_is_a_value_of_its_key() -> None:
    examples = [
        (place, tp, example)
        for place, tp in _fields(SpecFile)
        for meta in split_annotated(tp)[1]
        for example in meta.examples or ()
    ]
    assert len(examples) > 10
    for place, tp, example in examples:
        assert isinstance(example, (int, float, str, list, dict)), (
            f"{place}: {example!r} is not of TOML"
        )
        msgspec.convert(example, tp)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("schema", "1"),
        ("name", "text"),
        ("oversubscribe", "true or false"),
        ("backend", '"auto", "cuda", "cpu", "mock", "none" or "replay"'),
        ("parameters", "a table of lists of values (numbers, texts, true or false)"),
        ("command", "a table"),
    ],
)
def test_types_in_words(name: str, expected: str) -> None:
    hints = get_type_hints(SpecFile, include_extras=True)
    assert describe_type(hints[name]) == expected
