"""Spencer's recursion over the variable tree, with as many tests at once as it allows."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence

from harness.configuration import Configuration, Goal
from harness.errors import ConfigError
from harness.model import Outcome, OutcomeKind
from harness.search.completion import Completer
from harness.search.valuations import (
    Branch,
    Found,
    Group,
    Leaf,
    Plan,
    Valuation,
    list_members,
    make_plan,
)
from harness.space.space import Space
from harness.space.tree import Node


def count_tests(tree: Node, sizes: Mapping[str, int]) -> int:
    """How many tests tree search makes with one lane if none fails and nothing is constrained.

    With s the product of the sizes of a node's own variables, a leaf takes T = s tests, and an
    inner node T = s * (1 + sum over its children of (T(child) - 1)): each child's tests include
    one, its siblings and itself held, that was made before.

    Args:
        sizes: how many values each variable has.

    Returns:
        63 for `{A, B, {C, D}, {E, F}}` with sizes 3, 3, 2, 2, 2, 2 (exhaustive search: 144).

    Source: B. Spencer, A General Auto-Tuning Framework for Software Performance Optimisation,
    University of Oxford (2011).
    """
    own = math.prod(sizes[name] for name in tree.variables)
    return own * (1 + sum(count_tests(child, sizes) - 1 for child in tree.children))


class Tree:
    """Optimises the nodes of the space's variable tree one by one.

    A leaf's configurations are all tested. At an inner node, for each valuation of its own
    variables, each child is optimised with the others held: first at their first values (the
    first that satisfy the constraints), then at what was found for them. Each configuration is
    tested at most once, and one that violates a constraint counts as failed without a test. What
    a valuation yields is the best that was tested in it, so that a tree whose siblings are not
    independent costs quality, never correctness. A valuation in which the first child fails
    everywhere fails.

    What can be tested at the same time: the configurations of a leaf; when they have all been
    handed out, sibling valuations, which costs nothing; when there are none left and there are
    several lanes, siblings below a valuation whose base has been tested successfully, which may
    cost one extra test per valuation, of the siblings' optima together.

    Without a tree the space is one leaf.
    """

    def __init__(
        self,
        space: Space,
        goal: Goal,
        *,
        seed: int = 0,
        budget: int | None = None,
        lanes: int = 1,
        prior: Sequence[Outcome] = (),
    ) -> None:
        """Begin a search; seed, budget and prior make no difference to it.

        Raises:
            ConfigError: the tree's variables are not the space's parameters.
        """
        node = space.tree if space.tree is not None else Node(space.names)
        differing = set(node.all_variables()) ^ set(space.names)
        if differing:
            raise ConfigError(
                f"variable tree: {', '.join(sorted(differing))} is not in both the tree and the "
                "parameters; name every parameter once in the tree"
            )
        self._space = space
        self._goal: Goal = goal
        self._lanes = lanes
        self._completer = Completer(space)
        self._scores: dict[Configuration, float | None] = {}
        self._pending: dict[Configuration, list[tuple[Leaf, int]]] = {}
        # Newest last, and taken first: depth first, so that little is open at a time.
        self._leaves: list[Leaf] = []
        self._groups: list[Group] = []
        self._valuations: set[Valuation] = set()
        # With several lanes: valuations that may run siblings at once (a dict for its order), and
        # those that may when their base turns out to work.
        self._splittable: dict[Valuation, None] = {}
        self._unproven: dict[Configuration, list[Valuation]] = {}
        start = self._completer.complete(
            [parameter.values[0] for parameter in space.parameters], range(len(space.names))
        )
        if start is not None:
            self._open_branch(make_plan(space, node, concurrent=lanes > 1), start, None)

    def ask(self, n: int) -> list[Configuration]:
        """Up to `n` configurations that can be tested now."""
        asked: list[Configuration] = []
        while len(asked) < n:
            configuration = self._next()
            if configuration is None:
                break
            asked.append(configuration)
        return asked

    def tell(self, outcome: Outcome) -> None:
        """Take in a score; what was told of a configuration first holds."""
        configuration = outcome.configuration
        if configuration in self._scores:
            return
        score = _usable_score(outcome)
        self._scores[configuration] = score
        based = self._unproven.pop(configuration, [])
        if score is not None:
            self._splittable.update(dict.fromkeys(based))
        found = self._found(configuration)
        for leaf, rank in self._pending.pop(configuration, ()):
            leaf.open -= 1
            leaf.offer(rank, found, self._goal)
            if leaf.is_complete:
                self._end_branch(leaf)

    def remaining(self) -> int:
        """At most this many more will be asked for.

        Exact with one lane if no more tests fail, nothing is constrained and nothing was told
        that was not asked.
        """
        return (
            sum(leaf.bound for leaf in self._leaves)
            + sum(group.bound for group in self._groups)
            + sum(valuation.bound for valuation in self._valuations)
        )

    def _next(self) -> Configuration | None:
        """The next configuration to test; None if that depends on results to come."""
        while True:
            if self._leaves:
                leaf = self._leaves[-1]
                configuration = self._draw(leaf)
                if leaf.opened == leaf.size:
                    self._leaves.pop()
                    if leaf.is_complete:
                        self._end_branch(leaf)
                if configuration is not None:
                    return configuration
            elif self._groups:
                self._open_valuation(self._groups[-1])
            elif not self._split_valuation():
                return None

    def _draw(self, leaf: Leaf) -> Configuration | None:
        """The leaf's next untested member; those already tested are taken in on the way."""
        for rank, configuration in leaf.members:
            leaf.opened = rank + 1
            if configuration in self._scores:
                leaf.knows_base = leaf.knows_base and configuration != leaf.base
                leaf.offer(rank, self._found(configuration), self._goal)
                continue
            leaf.open += 1
            waiting = self._pending.setdefault(configuration, [])
            waiting.append((leaf, rank))
            if len(waiting) == 1:
                return configuration
        leaf.opened = leaf.size  # those after the last were not valid
        return None

    def _found(self, configuration: Configuration) -> Found | None:
        score = self._scores[configuration]
        return None if score is None else Found(score, configuration)

    def _open_branch(self, plan: Plan, base: Configuration, parent: Valuation | None) -> None:
        """Begin to optimise a node's variables, all others held as in `base`."""
        known = base in self._scores
        if plan.children:
            rows = plan.rows(base)
            self._groups.append(
                Group(base, parent, plan.reach, plan.size, plan=plan, rows=rows, knows_base=known)
            )
        else:
            members = list_members(self._space, plan, base)
            self._leaves.append(
                Leaf(base, parent, plan.reach, plan.size, members=members, knows_base=known)
            )

    def _open_valuation(self, group: Group) -> None:
        """Begin the group's next valuation, or pass over it if the constraints rule it out."""
        rank = group.opened
        base = self._completer.complete(next(group.rows), group.plan.below)
        group.opened += 1
        if group.opened == group.size:
            self._groups.pop()  # it is the newest
        if base is None:
            if group.is_complete:
                self._end_branch(group)
            return
        group.open += 1
        valuation = Valuation(group, rank, base, deque(group.plan.children), list(base.values_))
        self._valuations.add(valuation)
        self._open_child(valuation)
        self._consider_splitting(valuation)

    def _open_child(self, valuation: Valuation) -> None:
        valuation.running += 1
        self._open_branch(valuation.waiting.popleft(), valuation.base, valuation)

    def _consider_splitting(self, valuation: Valuation) -> None:
        """Let more of its children begin as soon as its base is known to work."""
        if self._lanes == 1 or not valuation.waiting:
            return
        if valuation.base not in self._scores:
            self._unproven.setdefault(valuation.base, []).append(valuation)
        elif self._scores[valuation.base] is not None:
            self._splittable[valuation] = None

    def _split_valuation(self) -> bool:
        """Begin another child of a valuation that has one running; whether there was any.

        Only with a base that works: below one that fails, children could find nothing, and would
        have to be optimised again.
        """
        while self._splittable:
            valuation, _ = self._splittable.popitem()
            if valuation.waiting:
                self._splittable[valuation] = None
                valuation.is_frozen = True
                self._open_child(valuation)
                return True
        return False

    def _end_branch(self, branch: Branch) -> None:
        """Hand what was found upwards, as far as that ends something, and begin what is next."""
        while branch.parent is not None:
            valuation = branch.parent
            valuation.settle(branch, self._goal)
            if self._continue(valuation):
                return
            self._valuations.remove(valuation)
            self._splittable.pop(valuation, None)
            branch = valuation.group
            branch.open -= 1
            branch.offer(valuation.rank, valuation.best, self._goal)
            if not branch.is_complete:
                return

    def _continue(self, valuation: Valuation) -> bool:
        """Begin what a valuation needs next; False if it has ended."""
        if valuation.waiting:
            self._open_child(valuation)
            if not valuation.is_frozen:
                self._consider_splitting(valuation)
        elif not valuation.running and valuation.is_frozen and not valuation.is_merged:
            valuation.is_merged = True
            merged = Configuration(self._space.names, tuple(valuation.merged))
            known = merged in self._scores
            members = [(0, merged)] if self._space.is_valid(merged) else []
            valuation.running += 1
            self._leaves.append(
                Leaf(merged, valuation, (), 1, members=iter(members), knows_base=known)
            )
        return valuation.running > 0


def _usable_score(outcome: Outcome) -> float | None:
    """The score, if the test succeeded and yielded a number."""
    score = outcome.score
    if outcome.kind is not OutcomeKind.OK or score is None or math.isnan(score):
        return None
    return score
