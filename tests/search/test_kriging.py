from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from harness.search.beliefs import Beliefs
from harness.search.kriging import (
    NUGGET,
    USUAL_NOISE,
    Hyper,
    Posterior,
    Sites,
    _cost,
    covariance,
    fit,
)
from harness.search.metric import Floats, Metric
from harness.space.parameters import Parameter

METRIC = Metric(
    [Parameter("A", tuple(range(20))), Parameter("B", ("x", "y")), Parameter("C", (5, 6))]
)
USUAL = Hyper(np.zeros(METRIC.sharing.shape[1]), scale=2.0)


def sites(rows: list[list[int]], trends: Floats | None = None) -> Sites:
    none = np.zeros((0, len(rows)), dtype=np.float32)
    return Sites(METRIC.embed(np.array(rows)), none if trends is None else trends)


KNOWN = [[0, 0, 0], [5, 1, 0], [19, 0, 1], [12, 1, 1]]
TARGETS = np.array([1.0, -0.5, 0.3, 2.0])
POOL = [[1, 0, 0], [6, 1, 0], [10, 0, 1], [15, 1, 1], [5, 1, 0]]


def by_the_book(known: Sites, targets: Floats, pool: Sites) -> tuple[Floats, Floats]:
    """Mean and deviation from the textbook's formulas."""
    weights = USUAL.weights(METRIC)

    def between(one: Sites, other: Sites) -> Floats:
        landscape = covariance(METRIC, weights, one.points, other.points).astype(np.float64)
        return np.asarray(landscape + one.trends.T @ other.trends)

    inverse = np.linalg.inv(between(known, known) + (USUAL_NOISE + NUGGET) * np.eye(len(targets)))
    across = between(pool, known)
    left = np.diag(between(pool, pool)) - np.einsum("ij,jk,ik->i", across, inverse, across)
    return across @ inverse @ targets, np.sqrt(left * USUAL.scale)


def check(posterior: Posterior, known: Sites, targets: Floats, pool: Sites) -> None:
    mean, deviation = by_the_book(known, targets, pool)
    assert posterior.mean == pytest.approx(mean, abs=1e-3)
    assert posterior.deviation == pytest.approx(deviation, abs=1e-2)


def test_it_is_what_the_book_says() -> None:
    check(
        Posterior(METRIC, USUAL, sites(KNOWN), TARGETS, sites(POOL)),
        sites(KNOWN),
        TARGETS,
        sites(POOL),
    )


def test_a_trend_is_an_unknown_factor() -> None:
    known = sites(KNOWN, np.array([[1.0, 2.0, 0.5, -1.0]]))
    pool = sites(POOL, np.array([[0.0, 1.0, -2.0, 3.0, 2.0]]))
    check(Posterior(METRIC, USUAL, known, TARGETS, pool), known, TARGETS, pool)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_more_may_become_known_in_any_order(order: list[int]) -> None:
    posterior = Posterior(METRIC, USUAL, sites(KNOWN[:1]), TARGETS[:1].copy(), sites(POOL))
    for row in KNOWN[1:]:
        posterior.append(sites([row]))
    for place in order:
        posterior.settle(1 + place, TARGETS[1 + place])
    check(posterior, sites(KNOWN), TARGETS, sites(POOL))


def test_what_is_awaited_leaves_the_mean_and_takes_the_doubt() -> None:
    posterior = Posterior(METRIC, USUAL, sites(KNOWN), TARGETS.copy(), sites(POOL))
    mean, deviation = posterior.mean.copy(), posterior.deviation.copy()
    posterior.append(sites([POOL[2]]))
    assert posterior.mean == pytest.approx(mean)
    assert posterior.deviation[2] < 0.3 * deviation[2]
    # One that becomes known while another is awaited counts as if that were not there.
    posterior.append(sites([[8, 0, 0]]))
    posterior.settle(5, 4.0)
    more = sites([*KNOWN, [8, 0, 0]])
    expected, _ = by_the_book(more, np.append(TARGETS, 4.0), sites(POOL))
    assert posterior.mean == pytest.approx(expected, abs=1e-3)


def test_the_pool_can_shrink_and_grow() -> None:
    posterior = Posterior(METRIC, USUAL, sites(KNOWN), TARGETS, sites(POOL))
    posterior.keep(np.array([1, 3]))
    posterior.append(sites([[9, 0, 1]]))
    posterior.settle(4, 1.0)
    posterior.extend(sites([[2, 1, 1]]))
    known = sites([*KNOWN, [9, 0, 1]])
    check(posterior, known, np.append(TARGETS, 1.0), sites([POOL[1], POOL[3], [2, 1, 1]]))


def test_many_more_than_there_was_room_for() -> None:
    rng = np.random.default_rng(0)
    rows = np.stack(
        [rng.permutation(80) % 20, np.arange(80) // 40, np.arange(80) // 20 % 2]
    ).T.tolist()
    targets = rng.normal(size=80)
    posterior = Posterior(METRIC, USUAL, sites(rows[:2]), targets[:2].copy(), sites(POOL))
    for place in range(2, 80):
        posterior.append(sites([rows[place]]))
        posterior.settle(place, targets[place])
    check(posterior, sites(rows), targets, sites(POOL))


def test_it_learns_what_matters() -> None:
    rng = np.random.default_rng(1)
    rows = np.stack(
        [rng.integers(20, size=60), rng.integers(2, size=60), rng.integers(2, size=60)]
    ).T
    targets = np.sin(rows[:, 0] / 2.0) + 0.01 * rng.normal(size=60)
    hyper = fit(METRIC, sites(rows.tolist()), targets, Hyper(USUAL.unknowns), 40)
    weights = dict(
        zip(("A", "A identity", "B", "C"), hyper.weights(METRIC)[[0, 2, 3, 4]], strict=True)
    )
    assert weights["A"] > 20 * max(weights["B"], weights["C"])
    pool = sites([[3, 0, 0], [9, 1, 1], [15, 0, 1]])
    mean = Posterior(METRIC, hyper, sites(rows.tolist()), targets, pool).mean
    assert mean == pytest.approx(np.sin(np.array([3, 9, 15]) / 2), abs=0.15)


@pytest.mark.parametrize("smoothness", [1, 3, 5])
def test_slopes_are_those_of_the_cost(smoothness: Literal[1, 3, 5]) -> None:
    beliefs = Beliefs(smoothness)
    distances, trend = METRIC.by_aspect(sites(KNOWN).points), np.zeros((4, 4))
    at = np.append(np.linspace(-0.5, 0.5, len(USUAL.unknowns)), -2.0)

    def cost(place: Floats) -> tuple[float, Floats]:
        hyper = Hyper(place[:-1], float(place[-1]), beliefs=beliefs)
        return _cost(METRIC, distances, trend, TARGETS, hyper)[:2]

    for place, slope in enumerate(cost(at)[1]):
        step = np.zeros(len(at))
        step[place] = 1e-4
        assert (cost(at + step)[0] - cost(at - step)[0]) / 2e-4 == pytest.approx(slope, abs=1e-4)


def test_the_smoother_the_more_alike_are_close_ones() -> None:
    near, weights = sites([[3, 0, 0], [4, 0, 0]]), USUAL.weights(METRIC)
    alike = [
        covariance(METRIC, weights, near.points, near.points, Beliefs(smoothness))[0, 1]
        for smoothness in (1, 3, 5)
    ]
    assert 0 < alike[0] < alike[1] < alike[2] < 1


def test_shaken_weights_differ_a_little_and_can_be_had_again() -> None:
    one, again, other = (USUAL.shaken(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one.unknowns == again.unknowns).all()
    assert (one.unknowns != other.unknowns).any()
    assert abs(one.unknowns).max() < 4
    assert (one.scale, one.log_noise) == (USUAL.scale, USUAL.log_noise)
