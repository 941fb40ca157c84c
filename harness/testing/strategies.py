"""What every strategy must do, as tests: subclass `StrategyConformance` and say how to make one."""

from __future__ import annotations

import functools
import random
import zlib
from collections.abc import Callable, Iterator
from typing import ClassVar

from harness.model import Configuration, Outcome, OutcomeKind
from harness.search.base import Strategy
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


class StrategyConformance:
    """The contract of `Strategy`, for pytest.

    Attributes:
        exhausts: whether it tests every configuration of a space.
    """

    exhausts: ClassVar[bool] = False

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
                for made in range(len(record) + 1):
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
