from __future__ import annotations

import numpy as np
import pytest

from harness.space.constraints import parse_constraint
from harness.space.sampling import estimate_size, sample, sample_evenly
from harness.space.space import Space, make_space
from tests.space.helpers import parameters_of, space_of

VALUES = {"A": range(1, 7), "B": range(1, 7), "C": range(1, 4), "D": range(1, 5)}
TEXTS = ("A * B <= 12", "C <= A", "(B + D) % 2 == 0")


def twin(*, edge_limit: int) -> Space:
    constraints = [parse_constraint(text, VALUES) for text in TEXTS]
    return make_space(parameters_of(**VALUES), constraints, edge_limit=edge_limit)


def chi_square(counts: np.ndarray[tuple[int], np.dtype[np.int64]], expected: float) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("edge_limit", [10, 40, 10**6])
def test_every_configuration_is_equally_likely(edge_limit: int) -> None:
    space, whole = twin(edge_limit=edge_limit), twin(edge_limit=10**6)
    assert (space.size is None) == (edge_limit < 100)
    rng = np.random.default_rng(7)
    counts = np.zeros(len(whole), dtype=np.int64)
    for _ in range(400):
        for configuration in sample(space, 20, rng):
            counts[whole.index(configuration)] += 1
    freedom = len(whole) - 1
    # Drawn without replacement, so the statistic is below that of independent draws.
    assert chi_square(counts, 8000 / len(whole)) < freedom + 4 * np.sqrt(2 * freedom)


def test_a_sample_holds_nothing_twice_and_at_most_all() -> None:
    space = twin(edge_limit=10**6)
    rng = np.random.default_rng(0)
    assert set(sample(space, 10**6, rng)) == set(space)
    assert len(set(sample(space, 30, rng))) == 30
    assert sample(space, 0, rng) == []
    assert sample(space_of(["A > 5"], A=(1, 2)), 3, rng) == []


def test_same_seed_same_sample() -> None:
    space = twin(edge_limit=10**6)
    drawn = [sample(space, 10, np.random.default_rng(3)) for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_samples_spaces_that_no_machine_integer_counts() -> None:
    values = {f"x{at}": range(10) for at in range(24)}
    space = space_of(["x0 + x1 < 9"], **values)
    assert space.size == 45 * 10**22
    rng = np.random.default_rng(5)
    drawn = sample(space, 500, rng)
    assert len(set(drawn)) == 500
    assert all(configuration in space for configuration in drawn)
    spread = np.bincount([int(c["x23"]) for c in drawn], minlength=10)
    assert spread.min() > 20
    assert len(set(sample_evenly(space, 50, rng))) == 50


def test_an_even_sample_uses_every_stratum() -> None:
    space = space_of([], A=range(10), B=range(10), C=range(1000))
    drawn = sample_evenly(space, 10, np.random.default_rng(1))
    assert sorted(int(c["A"]) for c in drawn) == list(range(10))
    assert sorted(int(c["B"]) for c in drawn) == list(range(10))
    assert sorted(int(c["C"]) // 100 for c in drawn) == list(range(10))


@pytest.mark.parametrize("edge_limit", [10, 40, 10**6])
def test_an_even_sample_is_valid_and_complete(edge_limit: int) -> None:
    space = twin(edge_limit=edge_limit)
    drawn = sample_evenly(space, 60, np.random.default_rng(2))
    assert len(set(drawn)) == 60
    assert all(configuration in space for configuration in drawn)


def test_an_even_sample_is_nearer_to_the_shares_than_chance() -> None:
    space = twin(edge_limit=10**6)
    share = np.mean([c["C"] == 1 for c in space])

    def error(drawn: list[float]) -> float:
        return float(np.mean([abs(fraction - share) for fraction in drawn]))

    even, plain = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        even.append(float(np.mean([c["C"] == 1 for c in sample_evenly(space, 20, rng)])))
        plain.append(float(np.mean([c["C"] == 1 for c in sample(space, 20, rng)])))
    assert error(even) < error(plain)


def test_estimates_what_cannot_be_counted() -> None:
    space, whole = twin(edge_limit=10), twin(edge_limit=10**6)
    rng = np.random.default_rng(4)
    assert estimate_size(space, rng) == pytest.approx(len(whole), rel=0.05)
    assert estimate_size(whole, rng) == len(whole)
