from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import pytest

from harness.stats import student_t_quantile
from harness.timing.stopping import (
    LEAST_SPREAD,
    LOST,
    Precision,
    Race,
    Repeat,
    Rival,
    Rule,
    Spread,
    Stopping,
    find_rival,
    make_rule,
    share_risk,
)


def feed(rule: Rule, draw: Callable[[], float]) -> list[float]:
    """Samples until the rule has enough."""
    taken: list[float] = []
    while not rule.is_finished:
        taken.append(draw())
        rule.add(taken[-1], taken[-1])
    return taken


def noisy(seed: int, mean_s: float, noise: float) -> Callable[[], float]:
    source = random.Random(seed)
    return lambda: mean_s * source.lognormvariate(0.0, noise)


def test_repeat_takes_exactly_as_many() -> None:
    rule = make_rule(Stopping("repeat", repeat=7))
    assert len(feed(rule, lambda: 1e-3)) == 7
    assert rule.stop == "repeat"


def test_the_rules_are_those_of_their_names() -> None:
    assert isinstance(make_rule(Stopping("repeat")), Repeat)
    assert type(make_rule(Stopping("precision"))) is Precision
    assert isinstance(make_rule(Stopping("race")), Race)


@pytest.mark.parametrize(("noise", "stop"), [(0.003, "precision"), (0.1, "samples")])
def test_precision_needs_few_samples_of_what_is_quiet(noise: float, stop: str) -> None:
    settings = Stopping("precision", max_s=10.0)
    rule = make_rule(settings)
    taken = feed(rule, noisy(1, 1e-3, noise))
    assert rule.stop == stop
    assert (len(taken) <= 10) == (stop == "precision")
    assert len(taken) <= settings.max_samples


def test_long_kernels_stop_when_their_time_is_over() -> None:
    rule = make_rule(Stopping("precision", max_s=0.1))
    taken = feed(rule, noisy(2, 0.06, 0.05))
    assert (rule.stop, len(taken)) == ("time", 3)


def test_the_interval_covers_the_true_mean() -> None:
    """Looking after each sample costs little of the 95 %."""
    covered = 0
    for seed in range(600):
        rule = Precision(Stopping("precision", max_samples=200, max_s=10.0))
        feed(rule, noisy(seed, 1e-3, 0.01))
        half = rule.spread.half_width(0.05)
        covered += abs(rule.spread.mean - math.log(1e-3)) <= half
    assert covered / 600 > 0.88


def test_the_interval_at_a_fixed_number_covers_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(1000):
        draw, spread = noisy(seed, 1e-3, 0.01), Spread()
        for _ in range(8):
            spread.add(draw())
        covered += abs(spread.mean - math.log(1e-3)) <= spread.half_width(0.05)
    assert 0.93 < covered / 1000 < 0.97


def test_a_spread_is_the_standard_deviation_of_logarithms() -> None:
    samples = [0.01, 0.011, 0.0125, 0.009]
    spread = Spread()
    for sample in samples:
        spread.add(sample)
    logs = [math.log(sample) for sample in samples]
    assert spread.mean == pytest.approx(statistics.fmean(logs))
    assert spread.deviation == pytest.approx(statistics.stdev(logs))


def test_samples_that_agree_prove_no_more_than_the_clock_can() -> None:
    long, short = Spread(), Spread()
    for _ in range(3):
        long.add(1e-2)
        short.add(2e-6)
    assert long.deviation == LEAST_SPREAD
    assert short.deviation == pytest.approx(0.5 / math.sqrt(12) / 2)


def test_what_is_far_slower_is_given_up_after_two_samples() -> None:
    rule = make_rule(Stopping("race", rival=Rival(1e-3, 1.01e-3)))
    assert len(feed(rule, noisy(3, 4e-3, 0.01))) == 2
    assert rule.stop == "far"
    assert rule.stop in LOST


def test_what_is_slower_is_given_up_and_what_is_as_good_is_not() -> None:
    rival = Rival(1e-3, 1.01e-3)
    slower = make_rule(Stopping("race", risk=1e-5, rival=rival))
    assert len(feed(slower, noisy(4, 1.3e-3, 0.01))) < 12
    assert slower.stop == "slower"
    equal = make_rule(Stopping("race", risk=1e-5, rival=rival))
    feed(equal, noisy(5, 1e-3, 0.01))
    assert equal.stop not in LOST


def test_winners_are_rarely_discarded() -> None:
    """Of 300 tests 2 % better than the rival, fewer than 5 % are lost; here even at 1 % risk."""
    lost = 0
    for seed in range(300):
        rivals = noisy(seed + 1000, 1e-3, 0.02)
        rival = find_rival([rivals() for _ in range(20)], 0.01)
        rule = make_rule(Stopping("race", risk=0.01, rival=rival))
        feed(rule, noisy(seed, 0.98e-3, 0.02))
        lost += rule.stop in LOST
    assert lost / 300 < 0.05


def test_a_rival_is_an_estimate_and_its_upper_end() -> None:
    assert find_rival([1e-3], 0.05) is None
    rival = find_rival([1e-3, 1.02e-3, 0.98e-3], 0.05)
    assert rival is not None
    assert rival.best_s == pytest.approx(1e-3, rel=1e-3)
    assert rival.upper_s > 1.01 * rival.best_s


def test_the_risk_of_a_session_is_shared_by_its_comparisons() -> None:
    assert share_risk(1000, 52) * 1000 * 50 == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    [
        (0.975, 1, 12.7062),
        (0.975, 2, 4.30265),
        (0.975, 3, 3.18245),
        (0.9995, 4, 8.61030),
        (0.975, 30, 2.04227),
        (0.95, 120, 1.65765),
        (0.5, 7, 0.0),
    ],
)
def test_students_t_as_in_the_tables(probability: float, degrees: int, expected: float) -> None:
    assert student_t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(("probability", "degrees"), [(0.4, 3), (1.0, 3), (0.9, 0)])
def test_no_quantile_outside_of_the_range(probability: float, degrees: int) -> None:
    with pytest.raises(ValueError, match="not in"):
        student_t_quantile(probability, degrees)
