from __future__ import annotations

import numpy as np
import pytest

from harness.search.targets import make_scale

TIMES = np.array([1.0, 2.0, 4.0, 8.0, 1000.0])


def test_targets_are_standardised_and_keep_the_order() -> None:
    targets = make_scale(TIMES).targets(TIMES)
    assert targets.mean() == pytest.approx(0)
    assert targets.std() == pytest.approx(1)
    assert (np.diff(targets) > 0).all()


def test_only_ratios_of_times_count() -> None:
    assert make_scale(TIMES).targets(TIMES) == pytest.approx(
        make_scale(50 * TIMES).targets(50 * TIMES)
    )


def test_scores_to_be_made_great_are_mirrored() -> None:
    rates = 1 / TIMES
    assert make_scale(-rates).targets(-rates) == pytest.approx(make_scale(TIMES).targets(TIMES))


def test_a_failure_is_as_bad_as_the_worst_success() -> None:
    losses = np.array([1.0, np.inf, 4.0, 2.0])
    targets = make_scale(losses).targets(losses)
    assert targets[1] == targets[2] == targets.max()


def test_what_is_far_from_the_best_is_moved_together() -> None:
    targets = make_scale(TIMES).targets(TIMES)
    assert targets[1] - targets[0] > (targets[4] - targets[3]) / 7  # a factor of 2, one of 125


@pytest.mark.parametrize("losses", [[3.0], [2.0, 2.0, 2.0], [-1.0, 0.0, 1.0], [0.0, np.inf]])
def test_odd_losses_have_finite_targets(losses: list[float]) -> None:
    scale = make_scale(losses)
    assert np.isfinite(scale.targets(np.array([*losses, 0.5, -0.5]))).all()


def test_a_prior_says_how_far_apart_few_targets_are() -> None:
    prior = make_scale(TIMES)
    few = np.array([2.0, 2.02])
    alone, warm = make_scale(few), make_scale(few, prior)
    assert np.ptp(alone.targets(few)) == pytest.approx(2)
    assert np.ptp(warm.targets(few)) < 0.2


def test_the_more_bends_the_less_it_matters_how_bad_the_bad_are() -> None:
    gaps = []
    for bends in (0, 1, 2):
        low, high, worst = make_scale(TIMES, bends=bends).targets(np.array([1.0, 2.0, 1000.0]))
        gaps.append((worst - high) / (high - low))
    assert gaps[0] > gaps[1] > gaps[2] > 1
