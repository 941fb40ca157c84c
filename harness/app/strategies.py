"""Makes strategies from their names; the only place that does."""

from __future__ import annotations

from collections.abc import Sequence

from harness.app.names import STRATEGIES, load
from harness.errors import ConfigError
from harness.model import Goal, Outcome
from harness.search.base import MakeStrategy, Strategy
from harness.space.space import Space


def resolve_strategy(name: str, space: Space) -> str:
    """The strategy that `auto` stands for; any other name as it is."""
    if name != "auto" or "auto" in STRATEGIES:
        return name
    return "tree" if space.tree is not None and space.tree.children else "exhaustive"


def make_strategy(
    name: str,
    space: Space,
    *,
    goal: Goal,
    seed: int = 0,
    budget: int | None = None,
    lanes: int = 1,
    prior: Sequence[Outcome] = (),
) -> Strategy:
    """A strategy by its name; for the arguments see `MakeStrategy`.

    Args:
        name: one of the table's, `auto`, or `module:class` of one that is not in the table.

    Raises:
        ConfigError: there is no such strategy.
    """
    make: MakeStrategy = load(find_strategy(resolve_strategy(name, space)))
    return make(space, goal=goal, seed=seed, budget=budget, lanes=lanes, prior=prior)


def find_strategy(name: str) -> str:
    """The table's entry of a name, or the name itself if it is `module:class`.

    Raises:
        ConfigError: there is no such strategy.
    """
    entry = STRATEGIES.get(name, name)
    if ":" not in entry:
        known = ", ".join(dict.fromkeys(["auto", *STRATEGIES]))
        raise ConfigError(f"strategy {name!r}: unknown; use one of {known}")
    return entry
