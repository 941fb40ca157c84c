"""Makes strategies from their names; the only place that does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.app.names import PREFER_QUICK, STRATEGIES, load
from harness.configuration import Configuration, Goal
from harness.errors import ConfigError
from harness.model import Outcome
from harness.search.base import MakeStrategy, Strategy
from harness.search.budget import Limited, Limits
from harness.search.explorer import Explorer
from harness.search.start import StartFirst
from harness.search.tree import count_tests
from harness.space.space import Space

if TYPE_CHECKING:  # a setup asks this module which strategy `auto` is
    from harness.app.setup import Setup


def resolve_strategy(
    name: str, space: Space, *, budget: int | None = None, is_limited: bool = False
) -> str:
    """The strategy that `auto` stands for; any other name as it is.

    The variable tree's, if there is one and the budget suffices for it; everything, if the budget
    suffices for that; else the one that learns most from few tests.

    Args:
        budget: how many tests there will be, if known.
        is_limited: whether anything else may end the search before all is tested.
    """
    if name != "auto":
        return name
    if space.tree is not None and space.tree.children:
        sizes = {parameter.name: len(parameter.values) for parameter in space.parameters}
        return "tree" if budget is None or count_tests(space.tree, sizes) <= budget else "model"
    if budget is None:
        return "model" if is_limited else "exhaustive"
    return "exhaustive" if space.size is not None and space.size <= budget else "model"


def make_strategy(
    name: str,
    space: Space,
    *,
    goal: Goal,
    seed: int = 0,
    budget: int | None = None,
    lanes: int = 1,
    prior: Sequence[Outcome] = (),
    folder: Path = Path(),
) -> Strategy:
    """A strategy by its name; for the other arguments see `MakeStrategy`.

    Args:
        name: one of the table's, `auto`, or `module:Class` of one that is not in the table.
        folder: where that module is looked for first.

    Raises:
        ConfigError: there is no such strategy.
    """
    name = resolve_strategy(name, space, budget=budget)
    make = find_strategy(name, folder)
    try:
        return make(space, goal=goal, seed=seed, budget=budget, lanes=lanes, prior=prior)
    except TypeError as error:
        if name in STRATEGIES:
            raise
        raise ConfigError(
            f"strategy {name!r}: {error}; a strategy is made by Class(space, goal=…, seed=…, "
            "budget=…, lanes=…, prior=…): let it take **_ for what it has no use for"
        ) from error


def find_strategy(name: str, folder: Path = Path()) -> MakeStrategy:
    """What makes a strategy: a class of the table, or one of the user's own.

    Args:
        name: one of the table's, or `module:Class`.
        folder: where the module is looked for, before the places where Python looks.

    Raises:
        ConfigError: there is no such strategy.
    """
    if name in STRATEGIES:
        kind = load(STRATEGIES[name])
        _, _, inside = name.partition("/")
        return partial(kind, node=load(STRATEGIES[inside])) if inside else kind
    if ":" not in name:
        known = ", ".join(dict.fromkeys(["auto", *STRATEGIES]))
        raise ConfigError(f"strategy {name!r}: unknown; use one of {known}, or module:Class")
    folder = folder.resolve()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        own: MakeStrategy = load(name)
    except Exception as error:  # whatever a user's module raises
        raise ConfigError(
            f"strategy {name!r}: {type(error).__name__}: {error}; modules are looked for in "
            f"{folder} first"
        ) from error
    return own


def search_warnings(setup: Setup) -> list[str]:
    """What the config asks of the search and does not get."""
    table = setup.spec.search
    if not table.prefer_quick or setup.strategy in PREFER_QUICK:
        return []
    return [
        f'search.prefer_quick does nothing here: strategy "{setup.strategy}", which `auto` chose, '
        "tests what it tests whatever it takes; name one of "
        f"{', '.join(PREFER_QUICK)}, or leave it out"
    ]


def make_search(
    setup: Setup,
    space: Space,
    lanes: int,
    prior: Sequence[Outcome],
    now_s: Callable[[], float],
    *,
    is_cached: Callable[[Configuration], bool] | None = None,
    recorded: Mapping[Configuration, Outcome | None] = MappingProxyType({}),
) -> Limited:
    """A setup's strategy, after its first configuration and within its limits.

    Args:
        space: of the lanes that search together.
        lanes: how many those are.
        now_s: the session's clock.
        is_cached: whether a configuration was compiled before, where that can be told.
        recorded: the tests of the session's earlier invocations; None: without an outcome yet.
    """
    table = setup.spec.search
    strategy = make_strategy(
        setup.strategy,
        space,
        goal=setup.goal,
        seed=table.seed,
        budget=table.max_tests,
        lanes=lanes,
        prior=prior,
        folder=setup.spec.base,
    )
    if table.prefer_quick and isinstance(strategy, Explorer):
        strategy.prefer_quick(is_cached)
    if setup.start is not None:
        strategy = StartFirst(strategy, [setup.start])
    limits = Limits(table.max_tests, table.max_time_s, table.target, table.patience)
    return Limited(strategy, space, limits, goal=setup.goal, now_s=now_s, recorded=recorded)
