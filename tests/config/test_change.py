"""Changes of a Spec: what is wrong is said in the words of whoever wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.config.change import change_spec
from harness.config.toml import make_spec
from harness.errors import ConfigError

DATA = {"parameters": {"A": [1, 2]}, "command": {"test": "./app"}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget": 3}, "tune: budget: unknown; did you mean max_tests?"),
        ({"time": 3}, "tune: time: unknown; did you mean max_time_s?"),
        ({"paralel": 3}, "tune: paralel: unknown; did you mean parallel?"),
        ({"max_tests": 0}, "tune: max_tests = 0: must be a whole number >= 1"),
        ({"search": {"max_tests": 0}}, "tune: search.max_tests = 0: must be a whole number >= 1"),
        ({"backend": "gpu"}, 'tune: backend = "gpu": must be '),
    ],
)
def test_a_wrong_change_is_named_as_it_was_given(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    spec = make_spec(DATA, tmp_path / "tune.toml")
    with pytest.raises(ConfigError) as caught:
        change_spec(spec, "tune", **changes)
    assert str(caught.value).startswith(said)


def test_other_words_for_a_backend(tmp_path: Path) -> None:
    spec = make_spec(DATA, tmp_path / "tune.toml")
    with pytest.raises(ConfigError, match=r'did you mean "cuda"\?'):
        change_spec(spec, "tune", backend="gpu")
