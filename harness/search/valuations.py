"""The bookkeeping of tree search: what is being optimised, and what was found.

A node of the variable tree is optimised, with all other variables held, by a `Branch`: a `Leaf`
hands out configurations, a `Group` opens a `Valuation` for each choice of the node's own values,
and that in turn opens a branch for each child.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from harness.configuration import Configuration, Goal, Value
from harness.space.space import Space
from harness.space.tree import Node
from harness.stats import is_better

BLOCK = 256
"""Members of a leaf made at once."""


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """A node of the variable tree, in terms of positions in a configuration.

    Attributes:
        positions: of the node's own variables.
        values: of each of those.
        below: positions of all its descendants' variables.
        size: combinations of the own values.
        bound_each: most tests that one of those can take.
        merges: whether a valuation may need an extra test to combine what was found in children
            that were optimised at the same time.
    """

    positions: tuple[int, ...]
    values: tuple[tuple[Value, ...], ...]
    children: tuple[Plan, ...]
    below: tuple[int, ...]
    size: int
    bound_each: int
    merges: bool

    @property
    def reach(self) -> tuple[int, ...]:
        """Positions of all variables that optimising this node sets."""
        return self.positions + self.below

    @property
    def bound(self) -> int:
        """Most tests that optimising this node can take."""
        return self.size * self.bound_each

    def rows(self, base: Configuration) -> Iterator[list[Value]]:
        """`base` with each combination of the own values, the last variable fastest."""
        for combination in itertools.product(*self.values):
            row = list(base.values_)
            for position, value in zip(self.positions, combination, strict=True):
                row[position] = value
            yield row


def make_plan(space: Space, node: Node, *, concurrent: bool) -> Plan:
    """The plan of `node` and its descendants.

    Args:
        concurrent: whether siblings may be optimised at the same time.
    """
    children = tuple(make_plan(space, child, concurrent=concurrent) for child in node.children)
    positions = tuple(space.names.index(name) for name in node.variables)
    values = tuple(space.parameters[position].values for position in positions)
    merges = concurrent and len(children) > 1
    return Plan(
        positions=positions,
        values=values,
        children=children,
        below=tuple(position for child in children for position in child.reach),
        size=math.prod(len(choices) for choices in values),
        bound_each=1 + sum(child.bound - 1 for child in children) + merges,
        merges=merges,
    )


def list_members(
    space: Space, plan: Plan, base: Configuration
) -> Iterator[tuple[int, Configuration]]:
    """`base` with each valid combination of a leaf's values, numbered as `Plan.rows` has them.

    Made in blocks, because checking the constraints for many costs little more than for one.
    """
    held = space.positions(base)
    assert held is not None, "a base has the space's parameters and values"
    for start in range(0, plan.size, BLOCK):
        ranks = np.arange(start, min(start + BLOCK, plan.size), dtype=np.int64)
        rows = np.repeat(held, len(ranks), axis=0)
        rest = ranks
        for position, choices in zip(reversed(plan.positions), reversed(plan.values), strict=True):
            rest, rows[:, position] = np.divmod(rest, len(choices))
        valid = space.valid_rows(rows)
        yield from zip(ranks[valid].tolist(), space.decode(rows[valid]), strict=True)


@dataclass(frozen=True, slots=True)
class Found:
    """A configuration that was tested successfully."""

    score: float
    configuration: Configuration


@dataclass(eq=False, slots=True)
class Branch:
    """The optimisation of some variables with all others held.

    Attributes:
        base: what the others are held at.
        parent: the valuation it is part of; None for the whole space.
        reach: positions of the variables it sets.
        size: its members: configurations of a leaf, valuations of a group.
        opened: how many of those were handed out or passed over.
        open: how many of those are unfinished.
        best: the best so far, the earliest member of equals.
    """

    base: Configuration
    parent: Valuation | None
    reach: tuple[int, ...]
    size: int
    opened: int = 0
    open: int = 0
    best: Found | None = None
    _best_rank: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether nothing can change any more."""
        return self.opened == self.size and self.open == 0

    def offer(self, rank: int, found: Found | None, goal: Goal) -> None:
        """Take in what member number `rank` yielded."""
        if found is None:
            return
        best = self.best
        if (
            best is None
            or is_better(found.score, best.score, goal)
            or (found.score == best.score and rank < self._best_rank)
        ):
            self.best = found
            self._best_rank = rank


@dataclass(eq=False, slots=True)
class Leaf(Branch):
    """Configurations to test, all of them.

    Attributes:
        members: the valid ones not yet handed out, each with its number.
        knows_base: whether `base` is among those and its score is known.
    """

    members: Iterator[tuple[int, Configuration]] = field(kw_only=True)
    knows_base: bool = False

    @property
    def bound(self) -> int:
        """Most tests that may still be asked for."""
        return self.size - self.opened - self.knows_base


@dataclass(eq=False, slots=True)
class Group(Branch):
    """Valuations of an inner node.

    Attributes:
        rows: the values of those not yet opened, others as in `base`.
        knows_base: whether the score of `base` was known from the start.
    """

    plan: Plan = field(kw_only=True)
    rows: Iterator[list[Value]] = field(kw_only=True)
    knows_base: bool = False

    @property
    def bound(self) -> int:
        """Most tests that may still be asked for in valuations not yet opened."""
        known = self.knows_base and self.opened == 0
        return (self.size - self.opened) * self.plan.bound_each - known


@dataclass(eq=False, slots=True)
class Valuation:
    """One choice of an inner node's own values, with the children being optimised.

    Attributes:
        group: what it is a member of, as number `rank`.
        base: what the variables of a child's siblings are held at.
        waiting: children not yet begun.
        running: how many are being optimised.
        is_frozen: whether children run at the same time; `base` then stays, and what was found
            gathers in `merged` until all have ended.
    """

    group: Group
    rank: int
    base: Configuration
    waiting: deque[Plan]
    merged: list[Value]
    running: int = 0
    is_frozen: bool = False
    is_merged: bool = False
    best: Found | None = None

    @property
    def bound(self) -> int:
        """Most tests that may still be asked for outside the children that are running."""
        may_merge = self.is_frozen or (self.group.plan.merges and bool(self.waiting))
        return sum(child.bound - 1 for child in self.waiting) + (may_merge and not self.is_merged)

    def settle(self, ended: Branch, goal: Goal) -> None:
        """Take in what a child's branch found; nothing found makes the valuation fail."""
        self.running -= 1
        found = ended.best
        if found is None:
            if self.best is None:
                self.waiting.clear()
            return
        if self.best is None or is_better(found.score, self.best.score, goal):
            self.best = found
        for position in ended.reach:
            self.merged[position] = found.configuration.values_[position]
        if not self.is_frozen:
            self.base = found.configuration
