"""Tree search against the published counts and against exhaustive search."""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.configuration import Configuration, Goal, Value
from harness.errors import ConfigError
from harness.model import Outcome, OutcomeKind
from harness.search.tree import Tree, count_tests
from harness.search.valuations import BLOCK
from harness.space.arrays import Array
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.space.tree import Node, parse_tree
from harness.testing.strategies import drive, fail, succeed

Score = Callable[[Configuration], float]

PUBLISHED = [
    ("{A, B, {C, D}, {E, F}}", {"A": 3, "B": 3, "C": 2, "D": 2, "E": 2, "F": 2}, 63, 144),
    (
        "{A, B, {I, {C, D}, {E, F}}, {G, H}}",
        {"A": 3, "B": 3, "I": 3, "C": 2, "D": 2, "E": 2, "F": 2, "G": 2, "H": 2},
        216,
        1728,
    ),
    ("{OPT, {K1}, {K2A, K2B}}", {"OPT": 2, "K1": 2, "K2A": 2, "K2B": 2}, 10, 16),
]


def sized_space(text: str, sizes: dict[str, int], *constraints: str) -> Space:
    parameters = [Parameter(name, tuple(range(size))) for name, size in sizes.items()]
    return make_space(
        parameters, [parse_constraint(each, list(sizes)) for each in constraints], parse_tree(text)
    )


def respond_with(score: Score) -> Callable[[Configuration], Outcome]:
    return lambda configuration: Outcome(
        configuration=configuration, kind=OutcomeKind.OK, score=score(configuration)
    )


def best_score(outcomes: list[Outcome], goal: Goal = "min") -> float:
    scores = [outcome.score for outcome in outcomes if outcome.score is not None]
    return min(scores) if goal == "min" else max(scores)


@pytest.mark.parametrize(("text", "sizes", "tests", "product"), PUBLISHED)
def test_published_counts(text: str, sizes: dict[str, int], tests: int, product: int) -> None:
    space = sized_space(text, sizes)
    assert len(space) == product
    assert count_tests(parse_tree(text), sizes) == tests
    for ahead in (1, 7, 1000):
        strategy = Tree(space, "min")
        assert strategy.remaining() == tests
        assert len(drive(strategy, succeed, ahead=ahead, seed=ahead)) == tests


def worked_example() -> tuple[Space, dict[tuple[Value, ...], float]]:
    parameters = [
        Parameter("OPT", ("-O2", "-O3")),
        Parameter("K1", (128, 256)),
        Parameter("K2A", (128, 256)),
        Parameter("K2B", (4, 6)),
    ]
    space = make_space(parameters, tree=parse_tree("{OPT, {K1}, {K2A, K2B}}"))
    scores = [14, 15, 12, 17, 16, 17, 14, 19, 13, 14, 11, 16, 11, 12, 9, 14]
    rows = itertools.product(*(parameter.values for parameter in parameters))
    return space, dict(zip(rows, map(float, scores), strict=True))


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_worked_example(lanes: int) -> None:
    space, table = worked_example()
    strategy = Tree(space, "min", lanes=lanes)
    outcomes = drive(strategy, respond_with(lambda c: table[c.values_]), ahead=lanes)
    assert len(outcomes) == 10 if lanes == 1 else len(outcomes) <= 12
    best = min(outcomes, key=lambda outcome: outcome.score or math.inf)
    assert (best.configuration.values_, best.score) == (("-O3", 256, 256, 4), 9)


def test_order_on_one_lane() -> None:
    """First values, then what was found, at once."""
    space, table = worked_example()
    outcomes = drive(Tree(space, "min"), respond_with(lambda c: table[c.values_]))
    assert [outcome.configuration.values_ for outcome in outcomes[5:]] == [
        ("-O3", 128, 128, 4),
        ("-O3", 256, 128, 4),
        ("-O3", 256, 128, 6),
        ("-O3", 256, 256, 4),
        ("-O3", 256, 256, 6),
    ]


@st.composite
def trees(draw: st.DrawFn) -> tuple[Node, dict[str, int]]:
    """A tree of 1 to 8 variables of 1 to 3 values."""
    names = [f"V{index}" for index in range(draw(st.integers(1, 8)))]
    sizes = {name: draw(st.integers(1, 3)) for name in names}

    def split(members: list[str], depth: int) -> Node:
        own = draw(st.integers(0 if len(members) > 1 and depth < 3 else 1, len(members)))
        if depth >= 3:
            own = len(members)
        rest = members[own:]
        children = []
        while rest:
            count = draw(st.integers(1, len(rest)))
            children.append(split(rest[:count], depth + 1))
            rest = rest[count:]
        return Node(tuple(members[:own]), tuple(children))

    return split(names, 0), sizes


def tree_space(
    node: Node, sizes: dict[str, int], shuffle: random.Random, constraint: str = ""
) -> Space:
    names = list(sizes)
    shuffle.shuffle(names)
    return make_space(
        [Parameter(name, tuple(range(sizes[name]))) for name in names],
        [parse_constraint(constraint, names)] if constraint else [],
        node,
    )


def separable(node: Node, seed: int) -> Score:
    """A sum of random terms, one per node, of its own and its ancestors' values."""

    def term(names: tuple[str, ...], configuration: Configuration) -> float:
        key = ",".join(f"{name}={configuration[name]}" for name in names)
        return random.Random(f"{seed} {key}").uniform(1, 100)

    def total(node: Node, above: tuple[str, ...], configuration: Configuration) -> float:
        here = above + node.variables
        return term(here, configuration) + sum(
            total(child, here, configuration) for child in node.children
        )

    return lambda configuration: total(node, (), configuration)


def inner_valuations(node: Node, sizes: dict[str, int]) -> int:
    """How many valuations of nodes with several children the search opens, at most."""
    own = math.prod(sizes[name] for name in node.variables)
    below = sum(inner_valuations(child, sizes) for child in node.children)
    return own * ((len(node.children) > 1) + below)


@settings(deadline=None)
@given(
    trees(),
    st.integers(0, 1000),
    st.integers(1, 8),
    st.integers(1, 20),
    st.sampled_from(["min", "max"]),
)
def test_finds_the_optimum_when_siblings_are_independent(
    tree: tuple[Node, dict[str, int]], seed: int, lanes: int, ahead: int, goal: Goal
) -> None:
    node, sizes = tree
    space = tree_space(node, sizes, random.Random(seed))
    score = separable(node, seed)
    strategy = Tree(space, goal, lanes=lanes)
    outcomes = drive(strategy, respond_with(score), ahead=ahead, seed=seed)
    everything = [score(configuration) for configuration in space]
    assert best_score(outcomes, goal) == (min if goal == "min" else max)(everything)
    assert len({outcome.configuration for outcome in outcomes}) == len(outcomes)
    expected = count_tests(node, sizes)
    if lanes == 1:
        assert len(outcomes) == expected
    assert expected <= len(outcomes) <= expected + inner_valuations(node, sizes)
    assert strategy.remaining() == 0


@settings(deadline=None)
@given(trees(), st.integers(0, 1000), st.integers(1, 8), st.integers(0, 100))
def test_remaining_bounds_what_follows_whatever_happens(
    tree: tuple[Node, dict[str, int]], seed: int, lanes: int, failures: int
) -> None:
    node, sizes = tree
    constraint = f"({' + '.join(sizes)}) % 4 != {seed % 6}"
    space = tree_space(node, sizes, random.Random(seed), constraint)
    strategy = Tree(space, "min", lanes=lanes)
    chance = random.Random(seed)
    waiting: list[Configuration] = []
    bounds = [(0, strategy.remaining())]
    asked = 0
    while True:
        new = strategy.ask(chance.randint(1, lanes + 2))
        asked += len(new)
        waiting += new
        bounds.append((asked, strategy.remaining()))
        if not waiting:
            break
        ended = waiting.pop(chance.randrange(len(waiting)))
        strategy.tell(fail(ended) if chance.randrange(100) < failures else succeed(ended))
        bounds.append((asked, strategy.remaining()))
    assert all(before + remaining >= asked for before, remaining in bounds)
    assert asked <= len(space)
    assert strategy.remaining() == 0


@settings(deadline=None)
@given(trees(), st.integers(0, 1000), st.integers(1, 8))
def test_failing_values_do_not_hide_the_optimum(
    tree: tuple[Node, dict[str, int]], seed: int, lanes: int
) -> None:
    """A value of a root variable that always fails makes only its valuations fail."""
    node, sizes = tree
    space = tree_space(node, sizes, random.Random(seed))
    score = separable(node, seed)
    bad = {name: 0 for name in node.variables if sizes[name] > 1}

    def works(configuration: Configuration) -> bool:
        return all(configuration[name] != value for name, value in bad.items())

    def respond(configuration: Configuration) -> Outcome:
        return respond_with(score)(configuration) if works(configuration) else fail(configuration)

    outcomes = drive(Tree(space, "min", lanes=lanes), respond, ahead=lanes, seed=seed)
    assert best_score(outcomes) == min(score(c) for c in space if works(c))


@pytest.mark.parametrize("lanes", [1, 4])
def test_a_valuation_whose_first_child_fails_costs_only_that(lanes: int) -> None:
    space = sized_space("{A, {B}, {C}}", {"A": 2, "B": 3, "C": 5})
    outcomes = drive(
        Tree(space, "min", lanes=lanes), lambda c: succeed(c) if c["A"] else fail(c), ahead=lanes
    )
    failed = [outcome for outcome in outcomes if outcome.kind is not OutcomeKind.OK]
    assert len(failed) == 3
    assert 7 <= len(outcomes) - 3 <= (7 if lanes == 1 else 8)


def test_first_values_that_fail_do_not_end_a_valuation() -> None:
    """Siblings wait until the first child has found something that works."""
    space = sized_space("{{A}, {B}, {C}}", {"A": 4, "B": 4, "C": 4})
    score = separable(parse_tree("{{A}, {B}, {C}}"), 3)
    for lanes in (1, 8):
        outcomes = drive(
            Tree(space, "min", lanes=lanes),
            lambda c: respond_with(score)(c) if c["A"] else fail(c),
            ahead=lanes,
        )
        assert best_score(outcomes) == min(score(c) for c in space if c["A"])


def test_siblings_run_at_once_when_lanes_are_free() -> None:
    sizes = {"A": 3, "B": 3, "C": 3}
    space = sized_space("{{A}, {B}, {C}}", sizes)
    one, many = Tree(space, "min"), Tree(space, "min", lanes=8)
    for strategy in (one, many):
        first = strategy.ask(1)
        assert len(strategy.ask(100)) == 2
        strategy.tell(succeed(first[0]))
    assert one.ask(100) == []
    assert len(many.ask(100)) == 4


def test_siblings_wait_while_their_base_fails() -> None:
    space = sized_space("{{A}, {B}, {C}}", {"A": 3, "B": 3, "C": 3})
    known = Tree(space, "min", lanes=8)
    known.tell(fail(next(iter(space))))
    assert len(known.ask(100)) == 2
    late = Tree(space, "min", lanes=8)
    first, *_ = late.ask(100)
    late.tell(fail(first))
    assert late.ask(100) == []


def test_equal_scores_do_not_depend_on_the_order_of_outcomes() -> None:
    space = sized_space("{A, {B, C}, {D, {E}, {F}}}", dict.fromkeys("ABCDEF", 3))
    sets = {
        frozenset(
            outcome.configuration
            for outcome in drive(
                Tree(space, "min"), respond_with(lambda _: 1.0), ahead=50, seed=seed
            )
        )
        for seed in range(5)
    }
    assert len(sets) == 1


@pytest.mark.parametrize(("text", "sizes", "tests", "product"), PUBLISHED)
def test_remaining_is_exact_on_one_lane(
    text: str, sizes: dict[str, int], tests: int, product: int
) -> None:
    strategy = Tree(sized_space(text, sizes), "min")
    for made in range(tests):
        assert strategy.remaining() == tests - made
        (configuration,) = strategy.ask(1)
        strategy.tell(succeed(configuration))
    assert strategy.remaining() == 0


def test_sibling_valuations_run_at_once_on_any_number_of_lanes() -> None:
    space = sized_space("{A, {B}, {C}}", {"A": 5, "B": 2, "C": 2})
    assert len(Tree(space, "min").ask(100)) == 10


def test_the_best_tested_wins_when_siblings_depend_on_each_other() -> None:
    """What is found together is not worse than what was found apart."""
    space = sized_space("{{A}, {B}}", {"A": 2, "B": 2})
    table: dict[tuple[Value, ...], float] = {(0, 0): 3.0, (0, 1): 2.0, (1, 0): 1.0, (1, 1): 9.0}
    outcomes = drive(Tree(space, "min", lanes=4), respond_with(lambda c: table[c.values_]), ahead=4)
    assert len(outcomes) == 4
    assert best_score(outcomes) == 1


def test_configurations_that_violate_constraints_are_not_tested() -> None:
    sizes = {"A": 3, "B": 3, "C": 3}
    space = sized_space("{A, {B}, {C}}", sizes, "A != 1", "B + A != 2", "C >= B")
    asked = [outcome.configuration for outcome in drive(Tree(space, "min"), succeed)]
    assert asked
    assert all(space.is_valid(configuration) for configuration in asked)


def test_starts_where_the_constraints_allow() -> None:
    """First values that no constraint allows together would leave nothing to test."""
    space = sized_space("{{A}, {B}}", {"A": 8, "B": 8}, "A * B >= 12")
    outcomes = drive(Tree(space, "min"), respond_with(lambda c: float(c["A"])))
    assert outcomes[0].configuration.values_ == (2, 6)
    assert best_score(outcomes) == 2


def test_nothing_is_valid() -> None:
    space = sized_space("{{A}, {B}}", {"A": 2, "B": 2}, "A + B > 5")
    strategy = Tree(space, "min")
    assert strategy.ask(10) == []
    assert strategy.remaining() == 0


def test_without_a_tree_everything_is_tested() -> None:
    space = make_space([Parameter("A", (1, 2)), Parameter("B", (1, 2, 3))])
    assert [o.configuration for o in drive(Tree(space, "min"), succeed)] == list(space)


def test_a_tree_of_other_variables_is_refused() -> None:
    node = parse_tree("{A, {B}}")
    with pytest.raises(ConfigError, match="B, C is not in both"):
        Tree(make_space([Parameter("A", (1,)), Parameter("C", (1,))], tree=node), "min")


def test_scores_that_are_no_numbers_are_failures() -> None:
    space = sized_space("{A, {B}}", {"A": 1, "B": 2})
    strategy = Tree(space, "min")
    first, second = strategy.ask(5)
    strategy.tell(respond_with(lambda _: math.nan)(first))
    strategy.tell(respond_with(lambda _: 1.0)(second))
    assert strategy.ask(5) == []


def test_leaves_are_made_only_as_far_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    decode = Space.decode

    def counting(space: Space, rows: Array) -> list[Configuration]:
        made.append(len(rows))
        return decode(space, rows)

    monkeypatch.setattr(Space, "decode", counting)
    strategy = Tree(sized_space("{A, B, C}", {"A": 100, "B": 100, "C": 100}), "min")
    asked = strategy.ask(300)
    assert len(set(asked)) == 300
    assert sum(made) == 2 * BLOCK


def test_long_chains_of_known_results_need_no_stack() -> None:
    """Everything is told beforehand, so that one `ask` walks through the whole tree."""
    valuations = 2 * sys.getrecursionlimit()
    space = sized_space("{A, {B}, {C}}", {"A": valuations, "B": 2, "C": 2})
    strategy = Tree(space, "min")
    for configuration in space:
        strategy.tell(succeed(configuration))
    assert strategy.ask(1) == []
    assert strategy.remaining() == 0
