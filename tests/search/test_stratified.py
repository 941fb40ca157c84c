from __future__ import annotations

from collections import Counter

from harness.search.stratified import Stratified
from tests.search.helpers import make_grid


def test_every_value_is_tested_equally_often_within_the_budget() -> None:
    asked = Stratified(make_grid(A=5, B=10, C=50), goal="min", seed=2, budget=50).ask(50)
    for name, times in (("A", 10), ("B", 5), ("C", 1)):
        assert set(Counter(c[name] for c in asked).values()) == {times}
