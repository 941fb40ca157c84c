from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.configuration import Value
from harness.errors import ConfigError
from harness.space.constraints import CallableConstraint, make_constraint, parse_constraint
from harness.space.functions import FUNCTIONS
from harness.space.space import make_space
from tests.space.helpers import parameters_of

VALUES: dict[str, Value] = {"A": 6, "B": 4, "C": 0.5, "F": True, "S": "abc"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A * B <= 24", True),
        ("2 < B < A < 6", False),
        ("A % B == 2 and A // B == 1", True),
        ("-A % B == 2 and -A // B == -2", True),
        ("A / B == 1.5", True),
        ("2 ** B == 16 and 1 << B == 16 and 64 >> B == 4", True),
        ("A & B == 4", True),  # & binds tighter than == in no language but Python
        ("A | 1 == 7 and A ^ B == 2 and ~A == -7", True),
        ("A in (4, 6) and B not in [5, 6] and A in {6}", True),
        ("S == 'abc' and 'b' in S", True),
        ("A if F else B", True),
        ("not F or C", True),
        ("(A or B) == 6 and (F and B) == 4", True),
        ("min(A, B, 3) == 3 and max(A, B) == 6", True),
        ("gcd(A, B) == 2 and lcm(A, B) == 12", True),
        ("is_pow2(B) and not is_pow2(A) and not is_pow2(0)", True),
        ("ceil(A / B) == 2 and floor(A / B) == 1 and round(A / B) == 2", True),
        ("log2(B) == 2 and sqrt(B) == 2 and abs(-A) == A", True),
        ("int(C) == 0 and float(A) == 6.0 and bool(A)", True),
        ("round(C * 3, 1) == 1.5", True),
        ("~F == -2", True),
        ("A *\n B == 24", True),
    ],
)
def test_means_what_python_means(text: str, expected: bool) -> None:
    assert parse_constraint(text, VALUES).holds(VALUES) is expected


def test_knows_its_names_and_text() -> None:
    constraint = parse_constraint(" A * N <= LIMIT ", ["A", "B"], {"N": 2, "LIMIT": 12, "B": 1})
    assert constraint.text == "A * N <= LIMIT"
    assert constraint.names == {"A"}
    assert constraint.holds({"A": 6})
    assert not constraint.holds({"A": 7})


def test_a_parameter_hides_a_constant() -> None:
    assert parse_constraint("A == 1", ["A"], {"A": 2}).holds({"A": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A +", "column 4: invalid syntax; write a Python expression, as a number"),
        ("A = 3", "for `=` write `==`"),
        ("A <= 3 && B", "for `&&` write `and`"),
        ("A || B", "for `||` write `or`"),
        ("!A", "for `!` write `not`"),
        ("  A + AA > 2", "column 7: unknown name AA; did you mean A?"),
        ("Q > 2", "column 1: unknown name Q; known names: A, B, C, F, S"),
        ("S == true", "column 6: unknown name true; write True"),
        ("A.real > 1", "column 1: an attribute is not part of the language"),
        ("S[0] == 'a'", "a subscript is not part"),
        ("[a for a in S]", "ListComp is not part"),
        ("(lambda: 1)()", "this cannot be called"),
        ("f'{A}' == ''", "an f-string is not part"),
        ("(A := 1)", "an assignment is not part"),
        ("A is 1", "`is` compares identity; use == or !="),
        ("A == (1, 2)", "column 6: a list can only follow `in`"),
        ("(1, 2)", "a tuple outside `in` is not part of the language; where there may be several,"),
        ("ceildiv(A, B)", "ceildiv cannot be called; write (a + b - 1) // b, or ceil(a / b)"),
        ("iDivUp(A, B)", "write (a + b - 1) // b"),
        ("None == A", "None is no value"),
        ("b'x' == S", "b'x' is no value"),
        ("1j == A", "1j is no value"),
        ("A @ B", "BinOp is not part"),
        ("open('x')", "open cannot be called"),
        ("__import__('os').system('x')", "cannot be called"),
        ("min(A)", "min got 1 arguments; give it at least 2"),
        ("abs(A, B)", "abs got 2 arguments; give it 1"),
        ("round(A, B, C)", "give it 1 to 2"),
        ("min(*S, A)", "takes plain arguments only"),
        ("round(A, ndigits=1)", "takes plain arguments only"),
        ("min == A", "min is a function; call it"),
        ("", "column 1: invalid syntax"),
        ("A\x00", "null bytes"),
        ("(" * 500 + "A" + ")" * 500, "split it"),
        ("-" * 200 + "A", "nested more than 150 deep"),
        ("A + " * 5000 + "A", "20001 characters, 10000 are allowed"),
    ],
)
def test_refuses_what_is_not_the_language(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_constraint(text, VALUES)
    said = str(caught.value)
    # CPython words deep nesting in several ways, by version.
    assert message in said or (message == "split it" and "nested" in said)
    assert said.startswith('constraint "')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A % (B - 4) == 0", "ZeroDivisionError"),
        ("2 ** 10 ** 10 > A", "the exponent 10000000000 is above 4096"),
        ("(2 ** 4000) ** 4000 > A", "OverflowError"),
        ("1 << 10 ** 9 > A", "OverflowError"),
        ("2 ** 4000 * 2 ** 4000 > A", "OverflowError"),
        ("lcm(2 ** 4000, 3 ** 2000) > A", "OverflowError"),
        ("'a' * 10 ** 9 == S", "a string cannot be multiplied"),
        ("'%999999999d' % 1 == S", "a string has no remainder"),
        ("round(1, -10 ** 9) == A", "OverflowError"),
        ("S < A", "TypeError"),
        ("int(S) > 1", "ValueError"),
        ("log2(A - 6) > 1", "ValueError"),
        ("10.0 ** 400 > A", "OverflowError"),
    ],
)
def test_names_itself_and_the_values_when_it_raises(text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_constraint(text, VALUES).holds(VALUES)
    remedy = {"TypeError": "texts and numbers do not mix", "OverflowError": "use smaller numbers"}
    kind = type(caught.value.__cause__).__name__
    assert remedy.get(kind, "guard it, as in `x") in str(caught.value)
    assert reason in str(caught.value)
    assert text in str(caught.value)


def test_a_long_constraint_is_cut_around_what_is_wrong() -> None:
    text = "A > 0 and " * 500 + "A > NOPE and " + "A > 0 and " * 400 + "A > 0"
    with pytest.raises(ConfigError, match="unknown name NOPE") as caught:
        parse_constraint(text, VALUES)
    assert "A > NOPE" in str(caught.value)
    assert len(str(caught.value)) < 600
    with pytest.raises(ConfigError) as caught:
        parse_constraint("A > 0 and " * 500 + "A / 0 > 0", VALUES).holds(VALUES)
    assert len(str(caught.value)) < 600


def test_shows_only_the_values_it_looks_at() -> None:
    with pytest.raises(ConfigError, match="for A=6 B=4: ZeroDivisionError"):
        parse_constraint("A / (B - 4) > 1", VALUES).holds(VALUES)


LIMITS: dict[str, Value] = {"device.warp_size": 32, "device.sm_count": 48, "N": 4096}


def test_names_may_have_a_dot_in_them() -> None:
    constraint = parse_constraint("A % device.warp_size == 0 and N % A == 0", ["A"], LIMITS)
    assert constraint.names == {"A"}
    assert constraint.constants == {"device.warp_size": 32, "N": 4096}
    assert constraint.holds({"A": 64})
    assert not constraint.holds({"A": 65})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A <= device.warp_sizes", "unknown name device.warp_sizes; did you mean device.warp_size"),
        (
            "A <= device.q7",
            "unknown name device.q7; known names: device.sm_count, device.warp_size",
        ),
        ("A <= M", "known names: A, N"),
        ("A <= device", "unknown name device; known names: A, N"),
        ("A <= gpu.warp_size", "an attribute is not part"),
        ("A <= device.warp_size.real", "an attribute is not part"),
        ("A <= (device).__class__", "unknown name device.__class__; known names: device.sm_count"),
    ],
)
def test_other_dots_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_constraint(text, ["A"], LIMITS)
    assert message in str(caught.value)


def test_short_circuits_as_python_does() -> None:
    constraint = parse_constraint("A == 0 or 12 % A == 0", ["A"])
    assert constraint.holds({"A": 0})
    assert not constraint.holds({"A": 5})


def test_a_callable_gets_its_names_and_reports_what_it_raises() -> None:
    def divides(a: int, b: int) -> bool:
        return a % b == 0

    constraint = CallableConstraint("divides", frozenset("ab"), divides)
    assert constraint.holds({"a": 8, "b": 4, "c": 1})
    with pytest.raises(ConfigError, match='constraint "divides" for a=8 b=0: ZeroDivisionError'):
        constraint.holds({"a": 8, "b": 0})


def test_a_function_is_handed_what_its_arguments_name() -> None:
    def fits(b: int, a: int, N: int, slack: int = 1) -> bool:  # noqa: N803
        return a * b + slack <= N

    constraint = make_constraint(fits, ["a", "b", "c"], {"N": 10, "M": 2})
    assert constraint.text == "fits"
    assert constraint.names == {"a", "b"}
    assert constraint.holds({"a": 3, "b": 3, "c": 99})
    assert not constraint.holds({"a": 5, "b": 2, "c": 0})


def test_a_function_can_ask_for_everything() -> None:
    seen: dict[str, Value] = {}

    def note(**values: Value) -> bool:
        seen.update(values)
        return True

    assert make_constraint(note, ["a", "b"], {"N": 10}).holds({"a": 1, "b": 2})
    assert seen == {"a": 1, "b": 2, "N": 10}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda q: q, "its argument q is no parameter; name its arguments as the parameters"),
        (lambda a, /: a, "its argument a is no parameter"),
        (dict.fromkeys, "no parameter"),
        (min, "give a Python function"),
    ],
)
def test_a_function_that_cannot_be_called_is_refused(
    function: Callable[..., object], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_constraint(function, ["a"])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "2 ** 10 ** 10 > A",
        "A ** A ** A ** A ** A > 1",
        "((((A ** 99) ** 99) ** 99) ** 99) > 1",
        "9" * 4000 + " * " + "9" * 4000 + " > A",
        "1 << (1 << (1 << A)) > 0",
        "lcm(" + ", ".join(str(3**n) for n in range(1, 400)) + ") > A",
        "round(A / 3, 10 ** 9) > 0 or round(1e308, -(10 ** 9)) > 0",
        "'a' * 10 ** 9 == S",
        "'%0999999999d' % A == S",
        "('ab' + 'cd') in S and not S in 'x' + 'y'",
        "A" + " and A" * 2000,
        "A in (" + ", ".join(map(str, range(1500))) + ")",
        "min(" + ", ".join(["A"] * 3000) + ") > 0",
        "(" * 90 + "A" + " + 1)" * 90 + " > 0",
    ],
    ids=lambda text: text[:20],
)
def test_takes_bounded_time(text: str) -> None:
    # The suite's timeout is the proof; on any of these plain Python would take minutes or more.
    try:
        constraint = parse_constraint(text, VALUES)
        constraint.holds(VALUES)
        make_space(parameters_of(**{name: [value] for name, value in VALUES.items()}), [constraint])
    except ConfigError:
        pass


TOKENS = st.sampled_from(
    [
        *VALUES,
        *FUNCTIONS,
        *"+-*/%()<>,&|^~[]{}",
        "**",
        "//",
        "<<",
        ">>",
        "==",
        "!=",
        "<=",
        ">=",
        " and ",
        " or ",
        " not ",
        " in ",
        " if ",
        " else ",
        " is ",
        " lambda x: ",
        ".real",
        ":=",
        "0",
        "1",
        "7",
        "1.5",
        "9999999999999999999",
        "1e308",
        "'x'",
        '"%d"',
        "None",
        "__import__",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(TOKENS, max_size=25).map("".join), st.text(max_size=40)))
def test_nothing_but_config_errors(text: str) -> None:
    try:
        result = parse_constraint(text, VALUES).holds(VALUES)
    except ConfigError:
        return
    assert result in (True, False)


@settings(max_examples=150, deadline=None)
@given(st.lists(TOKENS, max_size=25).map("".join))
def test_nothing_but_config_errors_when_whole_spaces_are_made(text: str) -> None:
    parameters = parameters_of(A=(6, 0, -3), B=(4, 10**20), C=(0.5, 1e308), F=(True,), S=("abc", 7))
    try:
        space = make_space(parameters, [parse_constraint(text, VALUES)])
    except ConfigError:
        return
    assert space.size is not None
    assert 0 <= space.size <= 24
