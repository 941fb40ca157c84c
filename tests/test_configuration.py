"""Values in words: one spelling for people, another for commands."""

from __future__ import annotations

import pytest

from harness.configuration import Configuration, Value, format_value, list_spellings, show_value


@pytest.mark.parametrize(
    ("value", "shown", "in_commands"),
    [
        (True, "true", "1"),
        (False, "false", "0"),
        (1, "1", "1"),
        (0.5, "0.5", "0.5"),
        ("a", "a", "a"),
    ],
)
def test_booleans_are_shown_as_a_config_has_them(
    value: Value, shown: str, in_commands: str
) -> None:
    assert (show_value(value), format_value(value)) == (shown, in_commands)
    assert str(Configuration(("A", "B"), (value, 2))) == f"A={shown} B=2"
    assert {shown, in_commands, str(value)} == list_spellings(value)
