from __future__ import annotations

from pathlib import Path

import pytest

import harness
from harness.app.names import STRATEGIES, load
from harness.app.strategies import make_strategy, resolve_strategy
from harness.config.spec import STRATEGIES as NAMES
from harness.errors import ConfigError
from harness.search.listed import Listed
from harness.search.model import Model
from harness.search.node_by_node import NodeByNode
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.space.tree import parse_tree

PARAMETERS = [Parameter(name, (1, 2, 3)) for name in "ABCD"]
FLAT = make_space(PARAMETERS)
NESTED = make_space(PARAMETERS, tree=parse_tree("{A, {B}, {C, {D}}}"))  # 33 tests
UNCOUNTED = make_space(PARAMETERS, [parse_constraint("A + B < 6", "ABCD")], edge_limit=1)


@pytest.mark.parametrize(
    ("space", "budget", "is_limited", "expected"),
    [
        (FLAT, None, False, "exhaustive"),
        (FLAT, 81, False, "exhaustive"),
        (FLAT, 80, False, "model"),
        (FLAT, None, True, "model"),
        (FLAT, 81, True, "exhaustive"),
        (NESTED, None, False, "tree"),
        (NESTED, None, True, "tree"),
        (NESTED, 33, False, "tree"),
        (NESTED, 32, False, "model"),
        (UNCOUNTED, None, False, "exhaustive"),
        (UNCOUNTED, None, True, "model"),
        (UNCOUNTED, 1000, False, "model"),
    ],
)
def test_what_auto_stands_for(
    space: Space, budget: int | None, is_limited: bool, expected: str
) -> None:
    assert resolve_strategy("auto", space, budget=budget, is_limited=is_limited) == expected
    assert resolve_strategy("local", space, budget=budget, is_limited=is_limited) == "local"


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_is_made_alike_and_can_be_named_in_a_config(name: str) -> None:
    strategy = make_strategy(name, FLAT, goal="max", seed=3, budget=20, lanes=2)
    assert isinstance(strategy, load(STRATEGIES[name]))
    assert len(strategy.ask(2)) == 2
    assert name in NAMES


def test_a_strategy_inside_the_nodes_of_a_tree() -> None:
    strategy = make_strategy("tree/local", NESTED, goal="min", seed=1, budget=20)
    assert isinstance(strategy, NodeByNode)
    assert len({configuration["A"] for configuration in strategy.ask(3)}) == 3
    with pytest.raises(ConfigError, match="tree/exhaustive"):
        make_strategy("tree/exhaustive", NESTED, goal="min")


def test_auto_is_made_for_its_budget() -> None:
    assert isinstance(make_strategy("auto", FLAT, goal="min", budget=20), Model)
    assert not isinstance(make_strategy("auto", FLAT, goal="min", budget=90), Model)


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(ConfigError, match="strategy 'modle': unknown; use one of auto, exhaustive"):
        make_strategy("modle", FLAT, goal="min")


OWN = """
from harness.search.listed import Listed

class Backwards(Listed):
    def __init__(self, space, **_):
        super().__init__(reversed(list(space)))

class Narrow(Listed):
    def __init__(self, space):
        super().__init__(space)
"""


class Forwards(Listed):
    def __init__(self, space: Space, **_: object) -> None:
        super().__init__(space)


def tune_by(base: Path, strategy: object) -> list[object]:
    """The first values that it tests."""
    data = {"backend": "none", "parameters": {"A": [1, 2, 3]}, "command": {"test": "true %A%"}}
    spec = harness.make_spec(data, base=base)
    result = harness.tune(spec, parallel=1, strategy=strategy, fresh=True)
    return [outcome.configuration["A"] for outcome in result.outcomes]


def test_a_strategy_of_ones_own_lies_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "own_search.py").write_text(OWN)
    assert tune_by(tmp_path, "own_search:Backwards") == [3, 2, 1]
    assert tune_by(tmp_path, Forwards) == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_strategies:Nope", r"'own_strategies:Nope': AttributeError: .*Nope.*looked for in /"),
        ("no_such_module:X", r"ModuleNotFoundError: No module named 'no_such_module'"),
        ("own_strategies:Narrow", r"unexpected keyword argument .*let it take \*\*_"),
        ("backwards", r"tune: strategy = \"backwards\": unknown; .* or module:Class"),
        ("modle", r"tune: strategy = \"modle\": unknown; did you mean model\?"),
    ],
)
def test_what_is_wrong_with_it_is_said(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "own_strategies.py").write_text(OWN)
    with pytest.raises(ConfigError, match=message):
        tune_by(tmp_path, name)
