"""Limits end a search, whatever its strategy."""

from __future__ import annotations

import pytest

from harness.configuration import Configuration, Goal
from harness.model import Outcome, OutcomeKind
from harness.search.budget import Limited, Limits
from harness.search.exhaustive import Exhaustive
from harness.search.start import StartFirst
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.testing.strategies import drive, fail

SCORES = [9.0, 5.0, 7.0, 5.0, 6.0, 2.0, 8.0, 1.0]
"""Of N = 0, 1, 2 …"""


@pytest.fixture
def space() -> Space:
    return make_space([Parameter("N", tuple(range(len(SCORES))))])


def measure(configuration: Configuration) -> Outcome:
    value = configuration["N"]
    assert isinstance(value, int)
    return Outcome(configuration, OutcomeKind.OK, SCORES[value])


class FakeTime:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def limited(
    space: Space, limits: Limits, goal: Goal = "min", time: FakeTime | None = None
) -> Limited:
    return Limited(Exhaustive(space), space, limits, goal=goal, now_s=time or FakeTime())


@pytest.mark.parametrize(
    ("limits", "goal", "tests", "reason"),
    [
        (Limits(), "min", 8, ""),
        (Limits(max_tests=3), "min", 3, "max_tests"),
        (Limits(max_tests=99), "min", 8, ""),
        (Limits(target=2.0), "min", 6, "target"),
        (Limits(target=9.0), "max", 1, "target"),
        (Limits(target=0.5), "min", 8, ""),
        (Limits(patience=3), "min", 5, "patience"),
        (Limits(patience=4), "max", 5, "patience"),
        (Limits(max_tests=6, target=2.0), "min", 6, "target"),
        (Limits(max_tests=4, patience=7), "min", 4, "max_tests"),
    ],
)
def test_the_first_limit_ends_the_search(
    space: Space, limits: Limits, goal: Goal, tests: int, reason: str
) -> None:
    strategy = limited(space, limits, goal)
    assert len(drive(strategy, measure)) == tests
    assert strategy.ended_by == reason
    assert strategy.is_over == bool(reason)
    assert strategy.remaining() == 0


@pytest.mark.parametrize("ahead", [1, 3, 8])
def test_tests_on_their_way_count(space: Space, ahead: int) -> None:
    assert len(drive(limited(space, Limits(max_tests=5)), measure, ahead=ahead, seed=1)) == 5


def test_failures_are_tests_without_an_improvement(space: Space) -> None:
    strategy = limited(space, Limits(patience=4))
    assert len(drive(strategy, fail)) == 4
    assert strategy.ended_by == "patience"


def test_time_is_that_since_the_search_began(space: Space) -> None:
    time = FakeTime()
    strategy = limited(space, Limits(max_time_s=10), time=time)
    time.now_s = 109.9
    assert len(strategy.ask(2)) == 2
    assert not strategy.is_over
    time.now_s = 110.0
    assert strategy.ask(1) == []
    assert (strategy.is_over, strategy.ended_by) == (True, "max_time_s")


def test_an_interrupted_test_may_be_made_up_for(space: Space) -> None:
    strategy = limited(space, Limits(max_tests=2))
    first, second = strategy.ask(9)
    strategy.tell(Outcome(first, OutcomeKind.INTERRUPTED))
    strategy.tell(measure(second))
    assert strategy.ended_by == ""
    assert len(strategy.ask(9)) == 1


def test_telling_twice_is_one_test(space: Space) -> None:
    strategy = limited(space, Limits(max_tests=2))
    (first,) = strategy.ask(1)
    strategy.tell(measure(first))
    strategy.tell(measure(first))
    assert strategy.ended_by == ""


def test_remaining_is_bounded_by_the_limit(space: Space) -> None:
    strategy = limited(space, Limits(max_tests=3))
    assert strategy.remaining() == 3
    strategy.ask(1)
    assert strategy.remaining() == 2


def test_the_start_comes_first_and_once(space: Space) -> None:
    start = space[5]
    asked = [o.configuration for o in drive(StartFirst(Exhaustive(space), [start]), measure)]
    assert asked[0] == start
    assert sorted(asked, key=str) == sorted(space, key=str)


def test_a_start_that_is_known_is_not_tested(space: Space) -> None:
    strategy = StartFirst(Exhaustive(space), [space[5]])
    strategy.tell(measure(space[5]))
    asked = [outcome.configuration for outcome in drive(strategy, measure, ahead=3)]
    assert len(asked) == 7
    assert space[5] not in asked


class Stubborn:
    """Asks for given numbers, whatever it is told."""

    def __init__(self, numbers: list[int]) -> None:
        self._numbers = numbers
        self.told: list[int] = []

    def ask(self, n: int) -> list[Configuration]:
        asked, self._numbers = self._numbers[:n], self._numbers[n:]
        return [at(number) for number in asked]

    def tell(self, outcome: Outcome) -> None:
        value = outcome.configuration["N"]
        assert isinstance(value, int)
        self.told.append(value)

    def remaining(self) -> int | None:
        return None


def continued(
    space: Space, asks: list[int], recorded: list[int], budget: int, *, unfinished: int = -1
) -> Limited:
    done = set(recorded) - {unfinished}
    return Limited(
        Stubborn(asks),
        space,
        Limits(max_tests=budget),
        goal="min",
        now_s=FakeTime(),
        recorded={
            at(number): measure(at(number)) if number in done else None for number in recorded
        },
    )


def at(number: int) -> Configuration:
    return Configuration(("N",), (number,))


@pytest.mark.parametrize(
    ("asks", "new"),
    [
        ([0, 1, 2, 3, 4, 5], [3, 4]),  # as before, then on
        ([2, 5, 1, 0, 7, 6], [5, 7]),  # in another order, and for others among them
        ([5, 6, 7, 0, 1, 2], [5, 6]),  # for others from the beginning
    ],
)
@pytest.mark.parametrize("ahead", [1, 3])
def test_what_was_recorded_counts_from_the_beginning(
    space: Space, asks: list[int], new: list[int], ahead: int
) -> None:
    limited = continued(space, asks, [0, 1, 2], budget=5)
    asked = {outcome.configuration["N"] for outcome in drive(limited, measure, ahead=ahead)}
    assert sorted(asked - {0, 1, 2}) == sorted(new)
    assert limited.ended_by == "max_tests"
    assert limited.remaining() == 0


def test_a_strategy_that_asks_otherwise_is_told_all_that_was_recorded(space: Space) -> None:
    strategy = Stubborn([1, 5, 6])
    limited = continued(space, [], [0, 1, 2], budget=5)
    limited._strategy = strategy
    assert limited.ask(1) == [at(1)]
    assert strategy.told == []  # as before: the order may be that of then
    assert limited.ask(1) == [at(5)]
    assert strategy.told == [0, 2]


def test_more_recorded_than_the_limit_ends_at_once(space: Space) -> None:
    limited = continued(space, [0, 1, 2], [0, 1, 2], budget=2)
    assert limited.ask(4) == []
    assert limited.ended_by == "max_tests"


def test_what_was_begun_is_tested_before_anything_new(space: Space) -> None:
    limited = continued(space, [1, 2, 5, 6], [0, 1, 2], budget=4, unfinished=0)
    asked = [outcome.configuration["N"] for outcome in drive(limited, measure)]
    assert asked == [1, 2, 5, 0]
    at_once = continued(space, [5, 6], [0, 1, 2], budget=3, unfinished=0)
    assert [o.configuration["N"] for o in drive(at_once, measure)] == [0]
    assert at_once.ended_by == "max_tests"
