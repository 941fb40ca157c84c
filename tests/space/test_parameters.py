from __future__ import annotations

import pytest

from harness.configuration import Value
from harness.errors import ConfigError
from harness.space.parameters import Parameter


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((), "no values"),
        ((1, 2, 1), "the value 1 is listed twice"),
        ((1, True), "listed twice"),
        ((1.0, float("nan")), "NaN is no value"),
    ],
)
def test_refuses_values_that_cannot_be_told_apart(
    values: tuple[Value, ...], message: str
) -> None:  # fmt: skip
    with pytest.raises(ConfigError, match=message):
        Parameter("A", values)


def test_keeps_the_order_of_values() -> None:
    assert Parameter("A", (4, "x", 1)).values == (4, "x", 1)
