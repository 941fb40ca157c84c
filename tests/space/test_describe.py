from __future__ import annotations

import pytest

from harness.space.constraints import CallableConstraint, parse_constraint
from harness.space.describe import describe
from harness.space.space import make_space
from tests.space.helpers import parameters_of, space_of


def test_says_what_each_constraint_removes() -> None:
    space = space_of(["A <= 2", "A < B and B < 4"], A=(1, 2, 3, 4), B=(1, 2, 3, 4), C=(0, 1))
    info = describe(space)
    assert info.parameters == (("A", 4), ("B", 4), ("C", 2))
    assert (info.cartesian_size, info.size, info.is_counted) == (32, 6, True)
    assert [c.removes for c in info.constraints] == [0.5, 13 / 16]
    assert [c.names for c in info.constraints] == [("A",), ("A", "B")]
    assert all(c.is_exact and c.fails == 0 for c in info.constraints)
    assert info.construction_s > 0
    assert info.warnings == ()


def test_warns_of_constraints_that_say_nothing() -> None:
    info = describe(space_of(["A < 9", "A > B", "B > 9", "2 > 1"], A=(1, 2), B=(1, 2)))
    assert [w.split(";")[0] for w in info.warnings] == [
        'constraint "A < 9" always holds: it removes nothing',
        'constraint "B > 9" never holds, so no configuration is valid',
        'constraint "2 > 1" always holds: it removes nothing',
    ]


def test_does_not_call_a_constraint_wrong_that_other_sizes_need() -> None:
    constraint = parse_constraint("N % A == 0", ["A"], {"N": 4096})
    info = describe(make_space(parameters_of(A=(1, 2, 4)), [constraint]))
    assert info.constraints[0].constants == ("N",)
    assert info.warnings == (
        'constraint "N % A == 0" always holds: it removes nothing with this N',
    )  # fmt: skip


def test_warns_of_a_space_that_is_empty_for_no_single_reason() -> None:
    info = describe(space_of(["A > B", "A < B"], A=(1, 2), B=(1, 2)))
    assert info.warnings == (
        "no configuration satisfies all constraints; relax one of them",
    )  # fmt: skip


def test_counts_where_a_constraint_cannot_be_evaluated() -> None:
    info = describe(space_of(["B % A == 0", "A > 0"], A=(0, 1, 2), B=(1, 2)))
    assert info.constraints[0].fails == pytest.approx(1 / 3)
    assert info.constraints[0].removes == pytest.approx(1 / 6)


def test_looks_at_some_combinations_where_there_are_many() -> None:
    names = [f"x{at}" for at in range(10)]
    parameters = parameters_of(**{name: range(10) for name in names})
    constraint = parse_constraint(f"({' + '.join(names)}) % 2 == 0", names)
    space = make_space(parameters, [constraint], edge_limit=1000)
    info = describe(space)
    assert not info.is_counted
    assert not info.constraints[0].is_exact
    assert info.constraints[0].removes == pytest.approx(0.5, abs=0.01)
    assert info.constraints[0].looked_at == 1_000_000
    assert info.size == pytest.approx(5e9, rel=0.02)
    assert 0 < info.error < 0.02
    assert info.warnings == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{} > 89", "never holds for any of 1,000,000 random combinations, and perhaps never does"),
        ("{} >= 0", "always holds for all of 1,000,000 random combinations: it removes little"),
    ],
)
def test_says_what_it_does_not_know_for_certain(text: str, message: str) -> None:
    names = [f"x{at}" for at in range(10)]
    parameters = parameters_of(**{name: range(10) for name in names})
    constraint = parse_constraint(text.format(" + ".join(names)), names)
    info = describe(make_space(parameters, [constraint], edge_limit=1000))
    assert not info.is_counted
    assert message in info.warnings[0]


def test_does_not_call_a_space_empty_that_it_could_not_search() -> None:
    names = [f"x{at}" for at in range(20)]
    texts = [f"{' + '.join(names[:10])} > 95", f"{' + '.join(names[10:])} > 95"]
    parameters = parameters_of(**{name: range(11) for name in names})
    space = make_space(parameters, [parse_constraint(t, names) for t in texts], edge_limit=1000)
    info = describe(space)
    assert (info.size, info.is_counted, info.error) == (0, False, float("inf"))
    assert all("perhaps" in warning or "was found" in warning for warning in info.warnings)


def test_describes_python_functions() -> None:
    constraint = CallableConstraint("odd", frozenset("a"), lambda a: a % 2)
    info = describe(make_space(parameters_of(a=range(10)), [constraint]))
    assert info.constraints[0].text == "odd"
    assert info.constraints[0].removes == 0.5
