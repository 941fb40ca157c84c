from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from harness.configuration import Value
from harness.search.metric import Floats, Metric
from harness.space.parameters import Parameter
from harness.space.tree import parse_tree

ROWS = np.arange(16)[:, None]


def distances(values: Sequence[Value], kind: str) -> Floats:
    """Squared distances between all values in one aspect."""
    metric = Metric([Parameter("P", tuple(values))])
    at = [aspect.kind for aspect in metric.aspects].index(kind)  # type: ignore[arg-type]
    return np.asarray(metric.by_aspect(metric.embed(ROWS[: len(values)]))[at])


def kinds(values: Sequence[Value]) -> list[str]:
    return [aspect.kind for aspect in Metric([Parameter("P", tuple(values))]).aspects]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7], []),
        ([0, 1], ["choice"]),
        ([False, True], ["choice"]),
        (["a", "b", "c"], ["choice"]),
        ([1, 2, "auto"], ["choice"]),
        ([1.0, 2.0, float("inf")], ["choice"]),
        ([1, 2, 4, 8], ["order", "identity"]),
        ([0.5, 1.5, 2.5], ["order", "identity"]),
        ([16, 32, 48, 64, 80, 96], ["order", "alignment", "identity"]),
        ([-2, 0, 3], ["order", "alignment", "identity"]),
        (range(200), ["order", "alignment"]),
    ],
)
def test_what_is_looked_at(values: Sequence[Value], expected: list[str]) -> None:
    assert kinds(values) == expected


def test_order_does_not_depend_on_how_values_are_listed() -> None:
    listed = distances([4, 1, 8, 2], "order")
    assert listed[1, 2] == listed.max() == pytest.approx(1)
    assert listed[1, 3] == pytest.approx(1 / 9)


def test_alignment_tells_multiples_of_powers_of_two() -> None:
    values = [16, 48, 64, 96, 112, 128, 192]
    found = distances(values, "alignment")
    near, far = (
        found[values.index(64), values.index(128)],
        found[values.index(64), values.index(112)],
    )
    assert near == 0 < far
    assert found[values.index(16), values.index(128)] == pytest.approx(1)


def test_identities_are_all_equally_far() -> None:
    found = distances(["a", "b", "c"], "choice")
    assert found == pytest.approx(1 - np.eye(3))


def test_weighted_sums_are_the_sums_of_aspects() -> None:
    metric = Metric([Parameter("A", (16, 48, 64, 96)), Parameter("B", ("x", "y", "z"))])
    rows = np.array([[0, 0], [3, 1], [2, 2], [1, 0]])
    points = metric.embed(rows)
    weights = np.array([0.5, 2.0, 0.1, 3.0])
    expected = np.tensordot(weights, metric.by_aspect(points), 1)
    assert metric.squared(points, points, weights) == pytest.approx(expected, abs=1e-5)


def test_a_space_without_a_choice_has_no_distances() -> None:
    metric = Metric([Parameter("ONLY", (1,))])
    points = metric.embed(np.zeros((2, 1), dtype=np.int64))
    assert metric.squared(points, points, np.zeros(0)).tolist() == [[0, 0], [0, 0]]


def test_a_tree_says_which_parameters_interact() -> None:
    parameters = [Parameter(name, ("x", "y", "z")) for name in "ABCD"]
    groups = Metric(parameters, parse_tree("{A, {B}, {C, {D}}}")).groups
    assert groups.tolist() == [[1, 1, 0, 0], [1, 0, 1, 1], [1, 1, 1, 1]]
    assert Metric(parameters, parse_tree("{A, B, C, D}")).groups.tolist() == [[1, 1, 1, 1]]
