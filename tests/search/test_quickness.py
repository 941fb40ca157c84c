from __future__ import annotations

import numpy as np
import pytest

from harness.configuration import Configuration
from harness.model import Artifact, Outcome, OutcomeKind, Resources, Run
from harness.search.differential_evolution import DifferentialEvolution
from harness.search.explorer import Explorer
from harness.search.genetic import Genetic
from harness.search.local import SAMPLE, Local
from harness.search.model import Model
from harness.search.quickness import FEWEST, Quickness
from harness.space.arrays import Array
from tests.search.helpers import make_grid, score, search

SPACE = make_grid(A=4, B=4, C=3)


def took(values: tuple[int, ...], compile_s: float, run_s: float, *, cached: bool) -> Outcome:
    run = Run(0, OutcomeKind.OK, "0", "", 0.0, run_s, run_s)
    artifact = Artifact("", "", "", Resources(), "", "", cached=cached)
    return Outcome(
        Configuration(SPACE.names, values),
        OutcomeKind.OK,
        run_s,
        runs=(run,),
        compile_s=compile_s,
        artifact=artifact,
    )


def teach(quickness: Quickness, count: int, *, cached: bool = False) -> None:
    """Compiling takes 2^A seconds, running a hundredth of a second."""
    rng = np.random.default_rng(0)
    for row in rng.integers([4, 4, 3], size=(count, 3)):
        seconds = 0.001 if cached else 2.0 ** row[0]
        quickness.learn(row, took(tuple(row.tolist()), seconds, 0.01, cached=cached))


def rows_of(*values: tuple[int, ...]) -> Array:
    return np.array(values)


def test_it_learns_which_values_take_long() -> None:
    quickness = Quickness(SPACE)
    teach(quickness, 40)
    least, most = quickness.predict(rows_of((0, 1, 1), (3, 1, 1)))
    assert least == pytest.approx(1, rel=0.5)
    assert most == pytest.approx(8, rel=0.5)


def test_of_few_tests_it_concludes_nothing() -> None:
    quickness = Quickness(SPACE)
    teach(quickness, FEWEST - 1)
    assert np.ptp(quickness.predict(rows_of((0, 1, 1), (3, 1, 1)))) == 0


def test_failures_and_cached_binaries_say_nothing_about_compiling() -> None:
    quickness = Quickness(SPACE)
    teach(quickness, 40)
    before = quickness.predict(rows_of((0, 1, 1), (3, 1, 1)))
    teach(quickness, 200, cached=True)
    for place in range(100):
        quickness.learn(rows_of((3, 3, 0))[0], score(Configuration(("A",), (place,)), None))
    after = quickness.predict(rows_of((0, 1, 1), (3, 1, 1)))
    assert after == pytest.approx(before, rel=0.05)


def test_what_is_cached_takes_only_its_run() -> None:
    quickness = Quickness(SPACE, lambda configuration: configuration["A"] == 3)
    teach(quickness, 40)
    other, cached = quickness.predict(rows_of((0, 1, 1), (3, 1, 1)))
    assert cached < 0.1 < other


def cached_half(configuration: Configuration) -> bool:
    return int(configuration["A"]) % 2 == 0


@pytest.mark.parametrize("kind", [Genetic, DifferentialEvolution, Model])
def test_of_equal_promise_what_is_cached_comes_first(kind: type[Explorer]) -> None:
    """Of a landscape that is the same everywhere."""
    space = make_grid(A=8, B=8, C=8)
    shares = []
    for prefers in (False, True):
        strategy = kind(space, goal="min", seed=1, budget=60)
        if prefers:
            strategy.prefer_quick(cached_half)
        asked = search(strategy, lambda _: 1.0, 60)
        assert len(set(asked)) == 60
        shares.append(sum(map(cached_half, asked[30:])) / 30)
    assert shares[1] > shares[0] + 0.1


def test_cached_neighbours_come_first() -> None:
    strategy = Local(make_grid(A=8, B=8, C=8), goal="min", seed=1)
    strategy.prefer_quick(cached_half)
    around = search(strategy, lambda _: 1.0, SAMPLE + 20)[SAMPLE:]
    cached = list(map(cached_half, around))
    assert any(cached)
    assert cached == sorted(cached, reverse=True)


def test_it_resumes_by_replay() -> None:
    space = make_grid(A=8, B=8, C=8)

    def value(configuration: Configuration) -> float:
        return 1.0 + int(configuration["A"]) + int(configuration["B"])

    def make() -> Local:
        strategy = Local(space, goal="min", seed=4)
        strategy.prefer_quick()
        return strategy

    asked = search(make(), value, 40)
    for made in (0, 7, 12, 25, 39):
        resumed = make()
        for configuration in asked[:made]:
            resumed.tell(score(configuration, value(configuration)))
        assert resumed.ask(1) == asked[made : made + 1]
