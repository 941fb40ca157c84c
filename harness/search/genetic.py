"""A genetic algorithm without generations: whoever is good enough has children at once."""

from __future__ import annotations

import numpy as np

from harness.search.explorer import Explorer
from harness.space.arrays import Array

PARENTS = 16
"""The best so many have children; before there are as many, tests are at random."""
CHILDREN = 32
"""Made at once; the first that is valid and new is tested."""


class Genetic(Explorer):
    """Crosses two good configurations and mutates the child.

    Parents are the best `PARENTS` that did not fail; each is chosen as the better of two. A child
    has each value from either, and each parameter is set to a random value with probability
    1 / parameters. A population without generations needs no barrier: lanes never wait.

    Source: Syswerda (1991), A Study of Reproduction in Generational and Steady-State Genetic
    Algorithms.
    """

    def _propose(self) -> Array | None:
        losses = np.array(self.losses)
        succeeded = int(np.isfinite(losses).sum())
        wanted = min(PARENTS, max(2, (self.budget or PARENTS**2) // 4))
        if succeeded < wanted:
            return None
        best = np.argsort(losses, kind="stable")[:wanted]
        children = self._make_children(np.stack([self.rows[place] for place in best]))
        new = self.new_rows(children[self.space.valid_rows(children)])
        return self.pick(new) if len(new) else None

    def _make_children(self, parents: Array) -> Array:
        """Unchecked children of parents in order, the best first."""
        rng = self.chance()
        chosen = rng.integers(len(parents), size=(2, 2, CHILDREN)).min(axis=0)
        shape = (CHILDREN, parents.shape[1])
        children = np.where(rng.random(shape) < 0.5, parents[chosen[0]], parents[chosen[1]])
        sizes = np.array([len(parameter.values) for parameter in self.space.parameters])
        mutated = rng.random(shape) < 1 / max(1, shape[1])
        return np.where(mutated, rng.integers(sizes, size=shape), children)
