"""Effects and importance on made-up scores whose structure is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import pytest

from harness.configuration import Configuration, Value
from harness.effects import Measured, collect, find_importance, value_effects
from harness.model import Outcome, OutcomeKind

NAMES = ("A", "B", "C")


def measure(
    score: Callable[[int, int, int], float | None], values: tuple[int, ...] = (0, 1, 2, 3, 4)
) -> Measured:
    outcomes = []
    for found in product(values, repeat=3):
        made = score(*found)
        kind = OutcomeKind.RUN_FAILED if made is None else OutcomeKind.OK
        outcomes.append(Outcome(Configuration(NAMES, found), kind, made))
    return collect(NAMES, outcomes)


def test_a_parameter_without_effect_is_not_important() -> None:
    found = find_importance(measure(lambda a, b, _c: 1 + 0.5 * a + 0.1 * b))
    assert found is not None
    assert found.ranked() == ["A", "B", "C"]
    assert found.single["A"] > 0.8
    assert found.single["C"] < 0.02


def test_shares_of_an_additive_function_are_those_of_its_variance() -> None:
    # Logarithms are added: variance 4 parts A, 1 part B, nothing else.
    found = find_importance(measure(lambda a, b, _c: math.exp(0.2 * a + 0.1 * b)))
    assert found is not None
    assert found.single["A"] == pytest.approx(0.8, abs=0.05)
    assert found.single["B"] == pytest.approx(0.2, abs=0.05)
    assert max(found.pairs.values()) < 0.05


def test_an_interaction_is_seen_where_no_parameter_matters_alone() -> None:
    found = find_importance(
        measure(lambda a, _b, c: 2.0 if (a >= 2) == (c >= 2) else 1.0, (0, 1, 2, 3))
    )
    assert found is not None
    assert next(iter(found.pairs)) == ("A", "C")
    assert found.pairs["A", "C"] > 0.7
    assert found.single["B"] < 0.1


def test_the_same_seed_finds_the_same() -> None:
    measured = measure(lambda a, b, c: 1 + a * b + c)
    assert find_importance(measured, seed=3) == find_importance(measured, seed=3)


def test_scores_that_say_nothing_have_no_importance() -> None:
    assert find_importance(measure(lambda _a, _b, _c: 2.0)) is None
    assert find_importance(measure(lambda a, b, c: 1.0 if a == b == c else None)) is None


def test_scores_may_be_negative() -> None:
    found = find_importance(measure(lambda a, b, _c: a - 10 + 0.01 * b))
    assert found is not None
    assert found.single["A"] > 0.9


@pytest.mark.parametrize("factor", [1e-12, 1.0, 1e12])
def test_importance_does_not_depend_on_the_unit(factor: float) -> None:
    """Nor where scores of 0 forbid logarithms."""
    found = find_importance(measure(lambda a, b, _c: factor * (a + 0.5 * b)))
    assert found is not None
    assert found.single["A"] == pytest.approx(0.8, abs=0.05)


def test_effects_of_values() -> None:
    measured = measure(lambda a, b, _c: None if a == 4 else 10 * a + b)
    effects = value_effects(measured, "A", least_is_best=True)
    assert [effect.value for effect in effects] == [0, 1, 2, 3]  # 4 always failed
    assert [effect.median for effect in effects] == [2, 12, 22, 32]
    assert [effect.best for effect in effects] == [0, 10, 20, 30]
    assert [effect.count for effect in effects] == [25] * 4
    assert value_effects(measured, "A", least_is_best=False)[0].best == 4


def test_values_are_told_apart_by_type_and_ordered_by_the_config() -> None:
    values: list[Value] = ["fast", 1, True, 1.5, "slow"]
    outcomes = [
        Outcome(Configuration(("A",), (value,)), OutcomeKind.OK, 1.0 + place)
        for place, value in enumerate(values)
    ]
    order: dict[str, list[Value]] = {"A": ["slow", 1.5, True, 1, "fast"]}
    (arranged,) = collect(("A",), outcomes, order).values
    assert [repr(value) for value in arranged] == ["'slow'", "1.5", "True", "1", "'fast'"]
    (sorted_,) = collect(("A",), [outcomes[3], outcomes[1]]).values
    assert sorted_ == (1, 1.5)
