"""Whether outputs are right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from harness.measurement import Argument
from harness.timing import verify
from harness.timing.data import encode
from harness.timing.verify import Checker, compare


def check(found: list[float], want: list[float], dtype: str = "float32") -> tuple[float, int]:
    result = compare("x", np.array(found, dtype), np.array(want, dtype), 0.1, 0.01)
    return result.error, result.wrong


def test_right_is_within_both_tolerances_together() -> None:
    assert check([1.0, 100.0], [1.1, 101.0])[1] == 0
    error, wrong = check([1.0, 100.0], [1.12, 101.2])
    assert wrong == 2
    assert error == pytest.approx(1.2, rel=1e-3)


def test_what_is_not_a_number_is_wrong_unless_it_is_expected() -> None:
    nan, inf = float("nan"), float("inf")
    assert check([nan], [1.0]) == (inf, 1)
    assert check([inf], [1.0]) == (inf, 1)
    assert check([1.0], [inf]) == (inf, 1)
    assert check([nan, inf, -inf], [nan, inf, -inf]) == (0.0, 0)
    assert check([inf], [-inf])[1] == 1


def test_the_first_wrong_value_is_told() -> None:
    result = compare("x", np.zeros((2, 2)), np.array([[0.0, 0.0], [5.0, 0.0]]), 0, 0)
    assert result.example == "x[1, 0] is 0.0, expected 5.0"


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_values_are_compared_by_pieces(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    monkeypatch.setattr(verify, "_PIECE", 3)
    want = np.arange(20, dtype=dtype).reshape(4, 5)
    found = want.copy()
    assert compare("x", found, want, 0, 0) == verify.Comparison(0.0, 0)
    found[1, 2], found[3, 4] = 9, 10
    result = compare("x", found, want, 0, 0)
    assert result.wrong == 2
    assert result.example.startswith("x[1, 2] is 9")
    assert result.error == 9.0


OUTPUTS = (Argument("y", "out", "float32", (4,)), Argument("count", "out", "int32", (2,)))
WANT = {"y": np.ones(4, "float32"), "count": np.array([3, 4], "int32")}


def check_all(checker: Checker, y: Sequence[float], count: Sequence[int]) -> tuple[str, float]:
    left = {
        "y": encode(np.array(y, "float32"), "float32"),
        "count": encode(np.array(count, "int32"), "int32"),
    }

    def read(output: Argument, data: memoryview) -> None:
        data[:] = left[output.name]

    return checker.check(read)


def test_outputs_are_checked_in_order_up_to_the_first_wrong_one() -> None:
    checker = Checker(OUTPUTS, WANT, 0.1, 0.0)
    assert check_all(checker, [1, 1, 1, 1.0625], [3, 4]) == ("", 0.0625)
    wrong, error = check_all(checker, [1, 1, 2, 1], [3, 5])
    assert wrong == "1 of 4 values is wrong: y[2] is 2.0, expected 1.0 (atol 0.1, rtol 0)"
    assert error == 1.0
    wrong, error = check_all(checker, [1, 1, 1, 1], [3, 5])
    assert wrong.startswith("1 of 2 values is wrong: count[1] is 5, expected 4 (atol 0,")


def test_what_was_right_is_known_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    really = verify.compare

    def spy(name: str, *others: object) -> verify.Comparison:
        compared.append(name)
        return really(name, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(verify, "compare", spy)
    checker = Checker(OUTPUTS, WANT, 0.1, 0.0)
    first, other, wrong = [1, 1, 1, 1.0625], [1, 1, 1, 0.9375], [1, 1, 1, 3]
    assert check_all(checker, first, [3, 4]) == check_all(checker, first, [3, 4]) == ("", 0.0625)
    assert compared == ["y", "count"]
    assert check_all(checker, other, [3, 4]) == ("", 0.0625)
    assert compared == ["y", "count", "y"]
    for _ in range(2):  # what is wrong is not remembered as right
        assert check_all(checker, wrong, [3, 4])[0].startswith("1 of 4 values is wrong")
    assert check_all(checker, other, [3, 4]) == ("", 0.0625)
    assert compared == ["y", "count", "y", "y", "y"]
