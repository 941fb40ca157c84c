"""In which order parameters are bound: early constraints first, independent groups apart.

The cost of an order is the number of combinations that the join evaluates. It is estimated from
the share of combinations that each condition lets pass (measured on a small sample) and from how
many states can differ in what later conditions look at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np

from harness.space.arrays import Array
from harness.space.evaluate import Evaluator

KEEP_COST = 100_000
"""An order of the parameters that costs less than this is kept as it is."""

KEEP_RATIO = 2.0
"""An order that costs at most this much more than the best one known is kept, too."""

_SAMPLE = 256
_SAMPLE_OF_ROWS = 16


@dataclass(frozen=True, slots=True)
class Condition:
    """What the planner knows of a condition.

    Attributes:
        bits: the parameters it depends on, one bit each.
        share: estimated share of combinations that it lets pass.
    """

    bits: int
    share: float


def estimate_share(evaluator: Evaluator, allowed: dict[str, Array]) -> float:
    """The share of combinations of allowed positions for which a condition holds."""
    if evaluator.conjunct.node is None:
        return 0.5  # a Python function may be slow: it is not called for an estimate
    count = _SAMPLE if evaluator.is_vectorised else _SAMPLE_OF_ROWS
    rng = np.random.default_rng(1)
    columns = {
        name: allowed[name][(rng.random(count) * len(allowed[name])).astype(np.intp)]
        for name in evaluator.names
    }
    truth, error = evaluator(columns)
    passing = truth if error is None else truth | error
    passing = np.broadcast_to(passing, (count,))
    return max(float(np.count_nonzero(passing)), 0.5) / count


def is_cheap(sizes: Sequence[int], conditions: Sequence[int]) -> bool:
    """Whether any order will do, or the parameters' own, even if no condition rejects anything.

    Planning, which evaluates conditions, would then cost more than it saves.

    Args:
        conditions: the parameters of each, one bit each.
    """
    if math.prod(sizes) <= KEEP_COST:
        return True
    evaluated, states, bound = 0, 1, 0
    waiting = list(conditions)
    for parameter, size in enumerate(sizes):
        bit = 1 << parameter
        bound |= bit
        if not any(bits & bit for bits in waiting):
            continue
        states *= size
        evaluated += states
        if evaluated > KEEP_COST:
            return False
        left = [bits for bits in waiting if bits & ~bound]
        if len(left) < len(waiting):
            waiting, live = left, reduce(or_, left, 0) & bound
            states = min(states, math.prod(n for at, n in enumerate(sizes) if live >> at & 1))
    return True


def choose_order(sizes: Sequence[int], conditions: list[Condition]) -> list[int]:
    """The order in which to bind parameters: their own, unless another is much cheaper."""
    plan = _Plan(sizes, conditions)
    own = list(range(len(sizes)))
    cost = plan.cost(own)
    if cost <= KEEP_COST:
        return own
    groups = [(plan.cost(group), group) for group in map(plan.greedy, plan.groups())]
    # The dearest group last: if it cannot be finished, all others are.
    groups.sort(key=lambda pair: pair[0])
    apart = [parameter for _, group in groups for parameter in group]
    return own if cost <= KEEP_RATIO * plan.cost(apart) else apart


class _Plan:
    def __init__(self, sizes: Sequence[int], conditions: list[Condition]) -> None:
        self._logs = [math.log(size) if size else 0.0 for size in sizes]
        self._conditions = [(c.bits, math.log(c.share)) for c in conditions]

    def _step(
        self, parameter: int, bound: int, states: float
    ) -> tuple[float, float, int]:  # fmt: skip
        """Logarithms of combinations evaluated and of states left, and what is bound then."""
        bit = 1 << parameter
        after = bound | bit
        combinations = states + self._logs[parameter]
        passing, live, is_used = combinations, 0, False
        for bits, log_share in self._conditions:
            if bits & bit:
                is_used = True
                if not bits & ~after:
                    passing += log_share
            if bits & ~after:
                live |= bits
        if not is_used:
            return -math.inf, states, after
        live &= after
        most = sum(log for at, log in enumerate(self._logs) if live >> at & 1)
        return combinations, max(min(passing, most), 0.0), after

    def cost(self, order: Sequence[int]) -> float:
        total, bound, states = 0.0, 0, 0.0
        for parameter in order:
            combinations, states, bound = self._step(parameter, bound, states)
            total += math.exp(min(combinations, 700.0))
        return total

    def groups(self) -> list[list[int]]:
        """Parameters that no condition connects are in different groups."""
        groups = [1 << parameter for parameter in range(len(self._logs))]
        for bits, _ in self._conditions:
            touched = [group for group in groups if group & bits]
            groups = [group for group in groups if not group & bits]
            groups.append(sum(touched))
        found = [[p for p in range(len(self._logs)) if group >> p & 1] for group in groups]
        return sorted((group for group in found if group), key=lambda group: group[0])

    def greedy(self, group: list[int]) -> list[int]:
        """Bind next whatever leaves the fewest states, and evaluates the least among those."""
        order: list[int] = []
        rest, bound, states = list(group), 0, 0.0
        while rest:
            steps = [(self._step(p, bound, states), p) for p in rest]
            (_, states, bound), parameter = min(
                steps, key=lambda step: (step[0][1], step[0][0], step[1])
            )
            rest.remove(parameter)
            order.append(parameter)
        return order
