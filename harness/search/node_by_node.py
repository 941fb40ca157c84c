"""Search of a variable tree's nodes one after another, all other variables held."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.configuration import Goal
from harness.model import Outcome, OutcomeKind
from harness.search.base import MakeStrategy, Strategy
from harness.search.explorer import Explorer, Key, draw_rows, key_of
from harness.space.arrays import Array
from harness.space.space import Space
from harness.space.tree import Node

FIRST_ROUND = 100
"""Tests of the first round, where no budget is known."""
FEWEST = 4
"""A node is searched with at least so many tests."""
FRUITLESS = 3
"""So many descents without anything new, and the rest is tested at random."""


@dataclass(eq=False)
class _Search:
    """The search of one node.

    Attributes:
        descent: the number of the descent that it is part of.
        own: positions of the node's variables.
        base: what it starts from, and what all others are held at.
        tries: how many more members are drawn.
        waiting: those drawn whose loss it was not told.
        best: the least loss.
    """

    descent: int
    own: list[int]
    strategy: Strategy
    base: Array
    tries: int
    waiting: set[Key] = field(default_factory=set)
    best: float = math.inf
    has_begun: bool = False


class NodeByNode(Explorer):
    """Lets another strategy search the nodes of the variable tree in turn, parents first.

    A node is searched with all other variables at the best values so far; what is best is held
    while the next is searched. A round goes once through all nodes. The first has as many tests as
    the budget, each next one twice as many; nodes share them by the logarithms of their sizes. A
    round that improved nothing ends the descent, and another begins at random.

    Lanes go on to the next node when the tests of one have all been handed out. What turns out to
    be better later is put together with what is found meanwhile, and tested first in the next
    node.
    """

    def __init__(
        self,
        space: Space,
        *,
        node: MakeStrategy,
        goal: Goal,
        seed: int = 0,
        budget: int | None = None,
        lanes: int = 1,
        prior: Sequence[Outcome] = (),
    ) -> None:
        """Begin a search.

        Args:
            node: makes the strategy that searches a node.
            prior: is not used.
        """
        self._make = node
        self._lanes = lanes
        super().__init__(space, goal=goal, seed=seed, budget=budget, lanes=lanes, prior=prior)

    def _begin(self, prior: Sequence[Outcome]) -> None:
        nodes = list_nodes(self.space)
        self._nodes = [[self.space.names.index(name) for name in names] for names, _ in nodes]
        self._sizes = [size for _, size in nodes]
        self._waiting: list[_Search] = []  # not told of all that they asked for
        self._walked: set[Key] = set()  # members that were drawn, known or not
        self._walk = self._walk_all()
        self._made = self._descent = 0  # so many searches, descents
        self._held = self._best_row = np.zeros(0, dtype=np.int64)  # of this descent
        self._least = math.inf  # loss of the best

    def _propose(self) -> Array | None:
        return next((row for row in self._walk if self.is_new(row)), None)

    def _learn(self, row: Array, loss: float) -> None:
        key = key_of(row)
        for search in [search for search in self._waiting if key in search.waiting]:
            self._tell(search, row, loss)
        self._waiting = [search for search in self._waiting if search.waiting]

    # -- the walk: everything in it depends on outcomes only where it comes past them, so that a
    # -- replay takes the same way ---------------------------------------------------------------

    def _walk_all(self) -> Iterator[Array]:
        """All that is tried, known or not, until nothing new comes of it."""
        tests = float(self.budget or FIRST_ROUND)
        fruitless = 0
        while fruitless < FRUITLESS and self._nodes:
            before = len(self._walked)
            self._descent += 1
            rng = np.random.default_rng((self._seed, self._descent, 2**33))
            drawn = draw_rows(self.space, 1, rng)
            if not len(drawn):
                return
            self._held = self._best_row = drawn[0]
            self._least = math.inf
            is_better = True
            while is_better:
                least = self._least
                yield from self._walk_round(tests)
                tests *= 2
                is_better = self._least < least
            fruitless = 0 if len(self._walked) > before else fruitless + 1

    def _walk_round(self, tests: float) -> Iterator[Array]:
        """One search of each node."""
        for place, own in enumerate(self._nodes):
            before = len(self._walked)
            yield from self._walk_node(own, count_tries(self._sizes[place:], tests))
            tests -= len(self._walked) - before

    def _walk_node(self, own: list[int], tries: int) -> Iterator[Array]:
        """What is tried in one node."""
        base = self._held.copy()
        if not self.space.valid_rows(base[None, :])[0]:  # put together of two
            base = self._held = self._best_row.copy()
        self._made += 1
        parameters = self.space.parameters
        space = self.space.restrict(
            {p.name: p.values[base[at]] for at, p in enumerate(parameters) if at not in own}
        )
        strategy = self._make(
            space,
            goal=self.goal,
            seed=self._seed + 1_000_003 * self._made,
            budget=tries,
            lanes=self._lanes,
        )
        search = _Search(self._descent, own, strategy, base, tries)
        while (row := self._draw(search)) is not None:
            key = key_of(row)
            self._walked.add(key)
            search.waiting.add(key)
            loss = self.known_loss(row)
            if loss is not None:
                self._tell(search, row, loss)
            else:
                if search not in self._waiting:
                    self._waiting.append(search)
                yield row

    def _draw(self, search: _Search) -> Array | None:
        """The base, then what the strategy asks for."""
        search.tries -= 1
        if search.tries < 0:
            return None
        if not search.has_begun:
            search.has_begun = True
            return search.base
        while asked := search.strategy.ask(1):
            found = self.space.positions(asked[0])
            assert found is not None, "the node's space is part of the space"
            member: Array = found[0]
            if (member != search.base).any():
                return member
        return None

    def _tell(self, search: _Search, row: Array, loss: float) -> None:
        """Let a search know, and hold what is better."""
        search.waiting.discard(key_of(row))
        (configuration,) = self.space.decode(row[None, :])
        score = loss if self.goal == "min" else -loss
        if math.isfinite(loss):
            search.strategy.tell(Outcome(configuration, OutcomeKind.OK, score))
        else:
            search.strategy.tell(Outcome(configuration, OutcomeKind.RUN_FAILED))
        if search.descent != self._descent:
            return
        if loss < self._least:
            self._least, self._best_row = loss, row
        elif (row == search.base).all():  # put together, and not better
            self._held = self._best_row.copy()
        if loss < search.best:
            search.best = loss
            self._held = self._held.copy()
            self._held[search.own] = row[search.own]


def list_nodes(space: Space) -> list[tuple[tuple[str, ...], int]]:
    """The variables of each node and their combinations, parents before children.

    Nodes without a choice are left out.
    """
    sizes = {parameter.name: len(parameter.values) for parameter in space.parameters}
    nodes = _walk_tree(space.tree or Node(space.names))
    counted = [(names, math.prod(sizes[name] for name in names)) for names in nodes]
    return [(names, size) for names, size in counted if size > 1]


def _walk_tree(node: Node) -> Iterator[tuple[str, ...]]:
    yield node.variables
    for child in node.children:
        yield from _walk_tree(child)


def count_tries(sizes: Sequence[int], tests: float) -> int:
    """How many of a round's tests are for the first of these nodes, the others to follow."""
    share = math.log(sizes[0]) / sum(map(math.log, sizes))
    return min(sizes[0], max(FEWEST, round(tests * share)))


def plan_round(space: Space, tests: int | None) -> list[tuple[tuple[str, ...], int, int]]:
    """The variables of each node, their combinations, and how many the first round tries."""
    nodes = list_nodes(space)
    sizes = [size for _, size in nodes]
    left = tests or FIRST_ROUND
    planned = []
    for place, (names, size) in enumerate(nodes):
        tries = count_tries(sizes[place:], left)
        planned.append((names, size, tries))
        left -= tries - (place > 0)  # what it starts from was tested
    return planned
