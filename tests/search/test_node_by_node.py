from __future__ import annotations

import pytest

from harness.configuration import Configuration
from harness.search.exhaustive import Exhaustive
from harness.search.genetic import Genetic
from harness.search.local import Local
from harness.search.node_by_node import NodeByNode, count_tries, list_nodes, plan_round
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.space.tree import parse_tree
from tests.search.helpers import score, search


def make_tree_space(text: str, names: str, size: int, *constraints: str) -> Space:
    return make_space(
        [Parameter(name, tuple(range(size))) for name in names],
        [parse_constraint(each, names) for each in constraints],
        parse_tree(text),
    )


def separable(configuration: Configuration) -> float:
    """The best E and F depend on A and B; those of C and D don't."""
    a, b, c, d, e, f = (int(value) for value in configuration.values())
    at = (a + b) % 10
    return 1.0 + abs(a - 7) + abs(b - 2) + abs(c - 3) + abs(d - 8) + abs(e - at) + abs(f - 1)


SPACE = make_tree_space("{A, B, {C, D}, {E, F}}", "ABCDEF", 10)


def differing(one: Configuration, other: Configuration) -> set[str]:
    return {name for name in one if one[name] != other[name]}


def test_nodes_take_turns_and_the_others_are_held_at_the_best() -> None:
    strategy = NodeByNode(SPACE, node=Genetic, goal="min", budget=90)
    asked = search(strategy, separable, 88)
    rounds = [asked[:30], asked[30:59], asked[59:88]]
    for tested, own in zip(rounds, ("AB", "CD", "EF"), strict=True):
        start = min(asked[: asked.index(tested[-1])], key=separable)
        held = [name for name in SPACE.names if name not in own]
        assert {tuple(c[name] for name in held) for c in tested} == {
            tuple(start[name] for name in held)
        }
    best = min(asked[:30], key=separable)
    assert differing(asked[30], best) <= {"C", "D"}


@pytest.mark.parametrize("seed", range(3))
def test_it_takes_fewer_tests_than_search_of_everything(seed: int) -> None:
    def least(asked: list[Configuration]) -> float:
        return min(map(separable, asked))

    inside = NodeByNode(SPACE, node=Genetic, goal="min", seed=seed, budget=90)
    whole = Genetic(SPACE, goal="min", seed=seed, budget=90)
    assert least(search(inside, separable, 90)) < least(search(whole, separable, 90))


def test_a_round_that_improves_nothing_is_followed_by_another_descent() -> None:
    space = make_tree_space("{{A}, {B}}", "AB", 5)

    def valley(configuration: Configuration) -> float:
        """One at (0, 0) for which both must change, and one for the rest."""
        a, b = int(configuration["A"]), int(configuration["B"])
        return 0.0 if (a, b) == (0, 0) else 1.0 + abs(a - 3) + abs(b - 3) + 9 * (a * b == 0)

    asked = search(NodeByNode(space, node=Local, goal="min", seed=1), valley, 25)
    assert len(set(asked)) == 25
    assert (0, 0) in {configuration.values_ for configuration in asked}


def test_what_lanes_find_late_is_put_together() -> None:
    space = make_tree_space("{{A}, {B}}", "AB", 6)
    strategy = NodeByNode(space, node=Exhaustive, goal="min", budget=12, lanes=12)
    first = strategy.ask(11)  # all of A, the base first, then all of B
    base = first[0]
    assert sorted(differing(base, c) != set() for c in first) == [False] + [True] * 10
    for configuration in first:
        better = (configuration["A"] == 5) + (configuration["B"] == 4)
        strategy.tell(score(configuration, 9.0 - better))
    assert strategy.ask(1)[0].values_ == (5, 4)


def test_constraints_between_nodes() -> None:
    space = make_tree_space("{{A}, {B}}", "AB", 6, "(A + B) % 2 == 0", "A * B != 20")
    asked = search(NodeByNode(space, node=Local, goal="min"), lambda c: -float(c["B"]), 17)
    assert len(set(asked)) == 17
    assert all(space.is_valid(configuration) for configuration in asked)


def test_nodes_without_a_choice_are_left_out() -> None:
    parameters = [Parameter("A", (1,)), Parameter("B", (1, 2)), Parameter("C", (1, 2, 3))]
    space = make_space(parameters, tree=parse_tree("{A, {{B}, {C}}}"))
    assert list_nodes(space) == [(("B",), 2), (("C",), 3)]


def test_large_nodes_get_more_of_a_round() -> None:
    assert count_tries([10_000, 100], 90) == 60
    assert count_tries([100], 30) == 30
    assert count_tries([3, 100], 90) == 3
    assert count_tries([100, 100], 1) == 4
    tree = make_tree_space("{A, {B, C}, {D, E}}", "ABCDE", 100)
    assert plan_round(tree, 101) == [
        (("A",), 100, 20),
        (("B", "C"), 10_000, 40),
        (("D", "E"), 10_000, 42),
    ]
