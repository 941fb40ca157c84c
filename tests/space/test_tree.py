from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.space.tree import Node, draw_tree, format_tree, parse_tree

NESTED = "{A, B, {I, {C, D}, {E, F}}, {G, H}}"


def test_reads_nested_groups() -> None:
    inner = Node(("I",), (Node(("C", "D")), Node(("E", "F"))))
    tree = parse_tree("{A,B, {I,\n {C, D}, {E, F}}\n, {G, H} }")
    assert tree == Node(("A", "B"), (inner, Node(("G", "H"))))
    assert tree.all_variables() == tuple("ABICDEFGH")
    assert format_tree(tree) == NESTED


def test_reads_flat_lists() -> None:
    assert parse_tree("A, B , C") == parse_tree("{A, B, C}") == Node(("A", "B", "C"))


def test_a_group_needs_no_variables_of_its_own() -> None:
    assert parse_tree("{{A}, {B}}") == Node((), (Node(("A",)), Node(("B",))))


def test_draws_groups_with_sizes() -> None:
    assert draw_tree(parse_tree(NESTED), {"A": 3, "I": 12}) == (
        "A (3), B\n├─ I (12)\n│  ├─ C, D\n│  └─ E, F\n└─ G, H"
    )
    assert draw_tree(parse_tree("{{A}, {B}}"), {}) == "·\n├─ A\n└─ B"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: empty"),
        ("{", "column 2: a variable or { expected, found the end"),
        ("{A, B", "column 6: a { is not closed; add }"),
        ("A}", "column 2: '}' after the end"),
        ("{A}, {B}", "column 4: ',' after the end"),
        ("{A,, B}", "column 4: a variable or { expected, found ','"),
        ("{A,\n {}}", "line 2, column 3: a variable or { expected, found '}'"),
        ("{A, {B, A}}", "column 9: A appears twice"),
        ("{" * 200 + "A" + "}" * 200, "nested more than 100 deep"),
    ],
)
def test_says_where_it_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_tree(text)
    assert message in str(caught.value)


@given(st.text(alphabet="AB{}, \n", max_size=30))
def test_reads_back_what_it_writes_or_refuses(text: str) -> None:
    try:
        tree = parse_tree(text)
    except ConfigError:
        return
    assert parse_tree(format_tree(tree)) == tree
