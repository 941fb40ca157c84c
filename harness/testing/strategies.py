"""What every strategy must do, as tests: subclass `StrategyConformance` and say how to make one."""

from __future__ import annotations

import functools
import random
import zlib
from collections.abc import Callable, Iterator
from typing import ClassVar

from harness.configuration import Configuration
from harness.model import Outcome, OutcomeKind
from harness.search.base import Strategy
from harness.search.budget import Limited, Limits
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.space.tree import parse_tree

Respond = Callable[[Configuration], Outcome]
"""How a test of a configuration ends."""

MAX_TESTS = 1_000_000


def succeed(configuration: Configuration) -> Outcome:
    """An arbitrary score that only depends on the configuration."""
    score = zlib.crc32(str(configuration).encode()) / 2**32
    return Outcome(configuration=configuration, kind=OutcomeKind.OK, score=score)


def fail(configuration: Configuration) -> Outcome:
    """The outcome of a test that did not compile."""
    return Outcome(configuration=configuration, kind=OutcomeKind.COMPILE_FAILED)


def fail_often(configuration: Configuration) -> Outcome:
    """A failure for about half of all configurations, a score for the others."""
    outcome = succeed(configuration)
    return fail(configuration) if round((outcome.score or 0) * 1000) % 2 else outcome


def drive(
    strategy: Strategy, respond: Respond, *, ahead: int = 1, seed: int | None = None
) -> list[Outcome]:
    """Run a strategy to its end.

    Args:
        ahead: how many tests are kept under way.
        seed: of the order in which they end; None: as they were asked.

    Returns:
        The outcomes in the order they were told.

    Raises:
        AssertionError: it handed out more than was asked for, or does not end.
    """
    order = random.Random(seed)
    waiting: list[Configuration] = []
    told: list[Outcome] = []
    while True:
        asked = strategy.ask(ahead - len(waiting))
        assert len(asked) <= ahead - len(waiting), "more configurations than asked for"
        waiting += asked
        if not waiting:
            return told
        outcome = respond(waiting.pop(0 if seed is None else order.randrange(len(waiting))))
        strategy.tell(outcome)
        told.append(outcome)
        assert len(told) <= MAX_TESTS, f"no end after {MAX_TESTS} tests"


def make_spaces() -> list[Space]:
    """Small spaces of every kind: plain, with constraints, with trees, with one configuration."""
    parameters = [
        Parameter("A", (1, 2, 4)),
        Parameter("B", (1, 2, 4, 8)),
        Parameter("FLAG", (False, True)),
        Parameter("NAME", ("x", "y", "z")),
    ]
    names = [parameter.name for parameter in parameters]
    constraints = [parse_constraint("2 < A * B <= 16", names)]
    flat = parse_tree("{A, B, FLAG, NAME}")
    nested = parse_tree("{A, {B}, {FLAG, {NAME}}}")
    forest = parse_tree("{{A}, {B}, {FLAG}, {NAME}}")
    only = [Parameter("ONLY", (7,))]
    return [
        make_space(parameters, tree=flat),
        make_space(parameters, constraints, tree=flat),
        make_space(parameters, tree=nested),
        make_space(parameters, constraints, tree=nested),
        make_space(parameters, tree=forest),
        make_space(only, tree=parse_tree("{ONLY}")),
    ]


def make_planted() -> tuple[Space, Respond]:
    """A space of 46,656 configurations, and scores with one optimum, 1, and no other valley."""
    planted = {"A": 5, "B": 0, "C": 2, "D": 3, "E": 1, "F": 4}
    space = make_space([Parameter(name, tuple(range(6))) for name in planted])

    def respond(configuration: Configuration) -> Outcome:
        away = sum(abs(int(configuration[name]) - at) for name, at in planted.items())
        score = 1.0 + away / 4 + (configuration["A"] != planted["A"])
        return Outcome(configuration=configuration, kind=OutcomeKind.OK, score=score)

    return space, respond


def make_huge_spaces() -> list[Space]:
    """Spaces of about 10^12 configurations: one that is counted, and one that is not."""
    parameters = [Parameter(f"P{place}", tuple(range(1, 11))) for place in range(11)]
    parameters.append(Parameter("MODE", tuple(f"mode{at}" for at in range(10))))
    names = [parameter.name for parameter in parameters]
    constraint = parse_constraint("P0 * P1 + P2 < 80", names)
    return [make_space(parameters), make_space(parameters, [constraint], edge_limit=1)]


class StrategyConformance:
    """The contract of `Strategy`, for pytest.

    Attributes:
        exhausts: whether it tests every configuration of a space.
        explores: whether it can be made for any space, without a variable tree, however large.
        finds_within: in so many tests it finds the optimum of `make_planted`; None: no promise.
    """

    exhausts: ClassVar[bool] = False
    explores: ClassVar[bool] = False
    finds_within: ClassVar[int | None] = None

    def make(self, space: Space, seed: int) -> Strategy:
        """A fresh strategy for `space`, which has a tree; the same for the same seed."""
        raise NotImplementedError

    def _cases(self) -> Iterator[tuple[Space, Callable[[], Strategy]]]:
        for space in make_spaces():
            for seed in (0, 1):
                yield space, functools.partial(self.make, space, seed)

    def test_hands_out_at_most_what_is_asked_for(self) -> None:
        """`ask(n)` yields at most n, `ask(0)` nothing."""
        for _, make in self._cases():
            strategy = make()
            assert strategy.ask(0) == []
            assert len(strategy.ask(3)) <= 3

    def test_asks_valid_configurations_once(self) -> None:
        """However far ahead it is asked, it asks valid configurations, each once."""
        for space, make in self._cases():
            for ahead in (1, 3, 1000):
                asked = [o.configuration for o in drive(make(), succeed, ahead=ahead)]
                assert len(set(asked)) == len(asked)
                assert all(space.is_valid(configuration) for configuration in asked)
                if self.exhausts:
                    assert set(asked) == set(space)

    def test_any_order_of_outcomes(self) -> None:
        """Tests may end in any order."""
        for space, make in self._cases():
            for seed in range(5):
                asked = [o.configuration for o in drive(make(), succeed, ahead=4, seed=seed)]
                assert len(set(asked)) == len(asked)
                if self.exhausts:
                    assert set(asked) == set(space)

    def test_same_seed_same_questions(self) -> None:
        """Nothing but the seed and the outcomes decides."""
        for _, make in self._cases():
            assert drive(make(), fail_often, ahead=3) == drive(make(), fail_often, ahead=3)

    def test_an_end_is_an_end(self) -> None:
        """After the last test it asks for nothing, and knows that."""
        for _, make in self._cases():
            strategy = make()
            drive(strategy, succeed, ahead=2)
            assert strategy.ask(1) == []
            assert strategy.remaining() in {0, None}

    def test_remaining_is_never_too_low(self) -> None:
        """At every moment, `remaining` is None or enough for what follows."""
        for _, make in self._cases():
            for respond in (succeed, fail_often, fail):
                strategy = make()
                left: list[int | None] = [strategy.remaining()]
                while asked := strategy.ask(1):
                    strategy.tell(respond(asked[0]))
                    left.append(strategy.remaining())
                for made, bound in enumerate(left):
                    assert bound is None or bound >= len(left) - 1 - made

    def test_repeated_outcomes_change_nothing(self) -> None:
        """Telling again, at once or later, is ignored."""
        for _, make in self._cases():
            twice = make()
            told: list[Outcome] = []
            while asked := twice.ask(1):
                told.append(succeed(asked[0]))
                twice.tell(told[-1])
                twice.tell(told[-1])
                twice.tell(told[0])
            assert told == drive(make(), succeed)

    def test_what_was_told_is_not_asked(self) -> None:
        """A configuration told without having been asked is not tested again."""
        for space, make in self._cases():
            told = [configuration for index, configuration in enumerate(space) if index % 3 == 0]
            strategy = make()
            for configuration in told:
                strategy.tell(fail_often(configuration))
            asked = {o.configuration for o in drive(strategy, fail_often, ahead=2)}
            assert not asked & set(told)
            if self.exhausts:
                assert asked | set(told) == set(space)

    def test_outcomes_from_elsewhere(self) -> None:
        """An outcome of another space is ignored."""
        for _, make in self._cases():
            strategy = make()
            strategy.tell(succeed(Configuration(("ELSEWHERE",), (1,))))
            assert drive(strategy, succeed) == drive(make(), succeed)

    def test_resumes_by_replay(self) -> None:
        """Told the first outcomes of a sequential run, a fresh one goes on as that did."""
        for _, make in self._cases():
            for respond in (succeed, fail_often):
                record = drive(make(), respond)
                for made in (*range(min(12, len(record))), *range(12, len(record) + 1, 11)):
                    resumed = make()
                    for outcome in record[:made]:
                        resumed.tell(outcome)
                    follows = [outcome.configuration for outcome in record[made : made + 1]]
                    assert resumed.ask(1) == follows

    def test_failures_are_passed_over(self) -> None:
        """Failing tests, some or all, stop nothing."""
        for space, make in self._cases():
            for respond in (fail, fail_often):
                asked = [o.configuration for o in drive(make(), respond, ahead=3, seed=0)]
                assert len(set(asked)) == len(asked)
                if self.exhausts:
                    assert set(asked) == set(space)

    def test_keeps_within_a_budget(self) -> None:
        """With a limit around it, tests under way count, and no more are made than it allows."""
        for space, make in self._cases():
            for ahead in (1, 4):
                limited = Limited(make(), space, Limits(max_tests=7), goal="min", now_s=lambda: 0.0)
                made = len(drive(limited, succeed, ahead=ahead))
                assert made <= 7
                if self.exhausts:
                    assert made == min(7, space.size or 7)

    def test_finds_a_planted_optimum(self) -> None:
        """In a landscape that leads to it, the optimum is found."""
        space, respond = make_planted()
        for seed in range(3) if self.finds_within is not None else ():
            strategy = self.make(space, 2 * seed)
            scores: list[float | None] = []
            while len(scores) < (self.finds_within or 0) and 1.0 not in scores:
                outcome = respond(strategy.ask(1)[0])
                scores.append(outcome.score)
                strategy.tell(outcome)
            assert min(score for score in scores if score is not None) == 1.0

    def test_huge_spaces(self) -> None:
        """A space too large to be listed, or even counted, is searched like any other."""
        for space in make_huge_spaces() if self.explores else ():
            strategy = self.make(space, 0)
            asked: list[Configuration] = []
            for _ in range(12):
                new = strategy.ask(3)
                assert len(new) == 3
                asked += new
                for configuration in new[::-1]:
                    strategy.tell(fail_often(configuration))
            assert len(set(asked)) == len(asked)
            assert all(space.is_valid(configuration) for configuration in asked)
