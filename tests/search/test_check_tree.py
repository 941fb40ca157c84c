"""Does the check find trees that are wrong, and pass those that are right?"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from harness.configuration import Configuration, Goal
from harness.model import Outcome, OutcomeKind, Run
from harness.search.check_tree import TreeCheck
from harness.search.claims import (
    DEFAULT_TOLERANCE,
    Claim,
    Contradiction,
    contradictions,
    explain,
    list_claims,
    spread_tolerance,
)
from harness.search.tree import Tree
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.space.tree import parse_tree
from harness.testing.strategies import drive, succeed

COUPLED = [parse_constraint("A * B + C * D < 60 + E", "ABCDE")]
Score = Callable[[Configuration], float]


def make_checked(
    space: Space, score: Score, goal: Goal = "min", *, size: int = 20, seed: int = 0
) -> list[Contradiction]:
    """Search by tree, then check it."""

    def respond(configuration: Configuration) -> Outcome:
        return Outcome(configuration, OutcomeKind.OK, score(configuration))

    outcomes = drive(Tree(space, goal), respond)
    scores = {o.configuration: o.score for o in outcomes if o.score is not None}
    best = (min if goal == "min" else max)(scores, key=lambda c: scores[c])
    check = TreeCheck(space, best, scores, size=size, seed=seed)
    assert not set(check.configurations) & set(scores)
    checked = drive(check, respond)
    assert len(checked) == len(check.configurations) <= size
    scores |= {o.configuration: o.score for o in checked if o.score is not None}
    return contradictions(space, best, scores, check.configurations, goal=goal)


def tree_space(text: str, values: int = 4) -> Space:
    tree = parse_tree(text)
    parameters = [Parameter(name, tuple(range(1, values + 1))) for name in tree.all_variables()]
    return make_space(parameters, tree=tree)


def test_claims_of_a_tree() -> None:
    group = frozenset
    assert list_claims(parse_tree("{A, {I, {C}, {E}}, {G}}")) == [
        Claim(group("ICE"), group("A")),
        Claim(group("G"), group("A")),
        Claim(group("C"), group("AI")),
        Claim(group("E"), group("AI")),
    ]
    assert list_claims(parse_tree("{A, {B, {C, D}}}")) == []


@pytest.mark.parametrize("goal", ["min", "max"])
def test_a_tree_that_is_right_passes(goal: Goal) -> None:
    space = tree_space("{A, {B}, {C, {D}, {E}}}")
    for seed in range(20):
        weights = random.Random(seed)
        tables = [
            {(x, y): weights.uniform(1, 9) for x in range(5) for y in range(5)} for _ in range(4)
        ]

        def score(c: Configuration, tables: list[dict[tuple[int, int], float]] = tables) -> float:
            pairs = (("A", "B"), ("A", "C"), ("C", "D"), ("C", "E"))
            return sum(
                table[int(c[x]), int(c[y])] for table, (x, y) in zip(tables, pairs, strict=True)
            )

        assert make_checked(space, score, goal, seed=seed) == []


def test_a_tree_that_is_wrong_is_found_out() -> None:
    """A and B should be alike: apart from each other, they look as if 1 were best for both."""
    space = tree_space("{{A}, {B}, {C}}", 6)
    findings = make_checked(
        space, lambda c: 10 + 5 * abs(int(c["A"]) - int(c["B"])) + int(c["C"]), size=20
    )
    assert findings
    assert all({"A", "B"} <= set(finding.varied) for finding in findings)


def test_beating_the_best_is_reported_as_that() -> None:
    space = tree_space("{{A}, {B}}", 2)
    table = {(1, 1): 2.0, (1, 2): 3.0, (2, 1): 3.0, (2, 2): 1.0}
    (finding,) = make_checked(space, lambda c: table[int(c["A"]), int(c["B"])])
    assert finding.group == ()
    assert finding.varied == ("A", "B")
    text = explain(finding, "s")
    assert text.startswith(
        "A=2 B=2 scored 1.00 s, better than the best that the tree led to, 2.00 s"
    )
    assert "not independent" in text


def test_a_change_of_ranking_is_reported_even_below_the_best() -> None:
    """The best A depends on B, although the optimum was found."""
    space = tree_space("{{A}, {B}}", 2)
    table = {(1, 1): 1.0, (1, 2): 9.0, (2, 1): 2.0, (2, 2): 5.0}
    (finding,) = make_checked(space, lambda c: table[int(c["A"]), int(c["B"])])
    assert finding.group == ("A",)
    assert finding.reference.values_ == (1, 2)
    text = explain(finding, "")
    assert text.startswith("With B=2, A=2 scored 5, but A=1, the best values of that group, 9.")
    assert "depends on B" in text


def test_differences_within_the_tolerance_are_noise() -> None:
    space = tree_space("{{A}, {B}}", 2)
    best, *_, other = space
    scores = {best: 1.0, other: 0.97}
    assert contradictions(space, best, scores, [other], goal="min", tolerance=0.04) == []
    assert len(contradictions(space, best, scores, [other], goal="min", tolerance=0.02)) == 1
    assert contradictions(space, best, scores, [other], goal="max", tolerance=0.02) == []


def test_failed_samples_contradict_nothing() -> None:
    space = tree_space("{{A}, {B}}", 2)
    best, *_, other = space
    assert contradictions(space, best, {best: 1.0}, [other], goal="min") == []


def test_the_sample_is_seeded_and_half_of_it_asks_the_claims() -> None:
    space = tree_space("{{A, B}, {C, D}}", 6)
    outcomes = drive(Tree(space, "min"), succeed)
    scores = {o.configuration: o.score for o in outcomes}
    best = min(outcomes, key=lambda o: o.score or 0).configuration

    def sample(seed: int) -> tuple[Configuration, ...]:
        return TreeCheck(space, best, scores, size=10, seed=seed).configurations

    assert sample(1) == sample(1) != sample(2)
    for crossed in sample(1)[:5]:
        varied = {name for name in space.names if crossed[name] != best[name]}
        assert varied & {"A", "B"}
        assert varied & {"C", "D"}


def test_large_spaces_are_sampled_without_being_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Space) -> None:
        raise AssertionError

    counted = tree_space("{{A, B}, {C, D, E}}", 8)
    uncounted = make_space(counted.parameters, COUPLED, counted.tree, edge_limit=1)
    assert uncounted.size is None
    monkeypatch.setattr(Space, "__iter__", refuse)
    for space in (counted, uncounted):
        best = Configuration(space.names, (1,) * 5)
        check = TreeCheck(space, best, {best: 1.0}, size=12)
        assert len(set(check.configurations)) == 12
        assert all(space.is_valid(configuration) for configuration in check.configurations)


def test_the_tolerance_is_the_spread_of_the_samples() -> None:
    def outcome(*samples: float) -> Outcome:
        runs = tuple(
            Run(index, OutcomeKind.OK, "0", "", 0.0, sample, sample)
            for index, sample in enumerate(samples)
        )
        configuration = Configuration(("A",), (len(samples),))
        return Outcome(configuration, OutcomeKind.OK, min(samples), runs)

    assert spread_tolerance([outcome(1.0, 2.0)]) == DEFAULT_TOLERANCE
    noise = 3 * 1.4826 * 0.01
    assert spread_tolerance([outcome(0.99, 1.0, 1.01), outcome(5.0)]) == pytest.approx(noise)
