from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.toml import make_spec
from harness.errors import ConfigError


def read(told: object) -> tuple[object, ...]:
    data = {"backend": "none", "parameters": {"N": told}, "command": {"test": "true %N%"}}
    return make_spec(data, Path("tune.toml")).parameters["N"]


@pytest.mark.parametrize(
    ("told", "values"),
    [
        ({"first": 3, "last": 5}, (3, 4, 5)),
        ({"first": 1, "last": 8, "step": 3}, (1, 4, 7)),
        ({"first": 32, "last": 256, "factor": 2}, (32, 64, 128, 256)),
        ({"first": 0.1, "last": 0.3, "step": 0.1}, (0.1, 0.2, 0.3)),
        ({"first": 1, "last": 4, "factor": 1.5}, (1.0, 1.5, 2.25, 3.375)),
        ({"first": -2, "last": 0}, (-2, -1, 0)),
        ({"first": 7, "last": 7}, (7,)),
    ],
)
def test_values_are_told_by_their_ends(told: object, values: tuple[object, ...]) -> None:
    found = read(told)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"first": 1}, r"parameters\.N\.last: missing; add last = 1024"),
        ({"first": 1, "last": 9, "stepp": 2}, r"N\.stepp: unknown key; did you mean step\?"),
        ({"first": 1, "last": 9, "step": 2, "factor": 2}, r"N: has a step and a factor"),
        ({"first": 1, "last": 9, "step": 0}, r"N\.step = 0: must be more than 0; write step = 1$"),
        ({"first": 1, "last": 9, "step": -2}, r"must be more than 0; write step = 2$"),
        ({"first": 10, "last": 1, "step": -4}, r"up: write first = 2, last = 10, step = 4$"),
        ({"first": 1e30, "last": 0, "step": -1e-3}, r"exchange first and last, and write step"),
        ({"first": 1.0, "last": 0.0, "step": -0.5}, r"first = 0.0, last = 1.0, step = 0.5$"),
        (
            {"first": 1, "last": 9, "factor": 1},
            r"N\.factor = 1: must be more than 1; write factor = 2",
        ),
        ({"first": 8, "last": 1, "factor": 0.5}, r"write first = 1, last = 8, factor = 2$"),
        ({"first": 0, "last": 9, "factor": 2}, r"N\.first = 0: must be more than 0 where"),
        ({"first": 9, "last": 1}, r"N\.last = 1: is below first = 9; exchange"),
        ({"first": 1, "last": 10**9}, r"N: has more than 100000 values"),
        ({"first": 1, "last": float("inf")}, r"N\.last = inf: must be a finite number"),
    ],
)
def test_what_is_wrong_with_a_range_is_said(told: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(told)
    assert str(caught.value).count("\n") == 0, "one problem, one line"
