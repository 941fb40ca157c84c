"""Model-based search: a Gaussian process says where an improvement can be expected."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from threadpoolctl import ThreadpoolController

from harness.model import Goal, Outcome
from harness.search.explorer import Explorer, Key, key_of
from harness.search.kriging import Hyper, Posterior, fit
from harness.search.metric import Floats, Metric
from harness.search.targets import Scale, make_scale
from harness.space.arrays import Array
from harness.space.sampling import sample_rows
from harness.space.space import Space

OPENING = 5
"""So many tests are random before the model is asked."""
GROWTH = 1.12
"""The model learns anew when there are so many times as many outcomes."""
FIRST_STEPS, STEPS = 30, 12
MOST_FITTED = 256
"""So many outcomes say what matters; and so many what to expect:"""
MOST_KNOWN = 512
LISTED = 20_000
"""Up to this size every configuration of the space is a candidate."""
SAMPLED = 4096
"""Of larger spaces so many at random are, and the neighbours of the best few:"""
CENTRES = 8
KEPT = 3000
"""The most promising candidates, which are looked at until the model learns anew."""


class Model(Explorer):
    """Tests what promises the greatest expected improvement.

    Source of the criterion: Jones, Schonlau & Welch (1998), Efficient Global Optimization of
    Expensive Black-Box Functions.
    """

    def __init__(
        self,
        space: Space,
        *,
        goal: Goal,
        seed: int = 0,
        budget: int | None = None,
        lanes: int = 1,
        prior: Sequence[Outcome] = (),
    ) -> None:
        """Begin; for the arguments see `MakeStrategy`."""
        super().__init__(space, goal=goal, seed=seed, budget=budget, lanes=lanes, prior=prior)
        self._threads = ThreadpoolController()
        self._metric = Metric(space.parameters)
        self._hyper = Hyper(np.zeros(self._metric.sharing.shape[1]))
        self._learned = 0  # outcomes known when the model last learned
        self._listed: Array | None = None
        self._posterior: Posterior | None = None  # and what belongs to it:
        self._scale = Scale(0, 0.0, 1.0)
        self._least = math.inf  # target of the best outcome
        self._told = 0  # outcomes that it knows
        self._places: dict[Key, int]
        self._places_known: dict[Key, int] = {}
        self._pool = np.zeros((0, len(space.names)), dtype=np.int64)
        self._open = np.zeros(0, dtype=bool)  # which of the pool are new

    def _propose(self) -> Array | None:
        if self.count < OPENING or not any(map(math.isfinite, self.losses)):
            return None
        # With more threads BLAS would wait for cores that are busy compiling.
        with self._threads.limit(limits=1, user_api="blas"):
            self._learn_all()
        assert self._posterior is not None
        if not self._open.any():
            return None
        gain = expected_improvement(self._posterior.mean, self._posterior.deviation, self._least)
        best: Array = self._pool[int(np.where(self._open, gain, -1.0).argmax())]
        return best

    # -- learning -------------------------------------------------------------------------------

    def _learn_all(self) -> None:
        """Bring the model up to what is known and awaited."""
        count = len(self.rows)
        is_stale = self._posterior is None or count < OPENING
        while (due := max(OPENING, self._learned + 1, int(self._learned * GROWTH))) <= count:
            self._fit(due)
            self._learned, is_stale = due, True
        if is_stale:
            self._rebuild(self._learned or count)
        assert self._posterior is not None
        for place in range(self._told, count):
            self._add_outcome(self.rows[place], self.losses[place])
        self._told = count
        for key, row in self.pending.items():
            if key not in self._places_known:
                self._append(row)

    def _fit(self, count: int) -> None:
        """Learn what matters from the first outcomes."""
        places = self._select(count, MOST_FITTED)
        losses = np.array(self.losses)[places]
        if not np.isfinite(losses).any():
            return
        points = self._metric.embed(np.stack([self.rows[place] for place in places]))
        steps = STEPS if self._learned else FIRST_STEPS
        targets = make_scale(losses).targets(losses)
        self._hyper = fit(self._metric, points, targets, self._hyper, steps)

    def _select(self, count: int, most: int) -> list[int]:
        """Of the first outcomes the best, and others spread evenly, in order."""
        if count <= most:
            return list(range(count))
        ranked = np.argsort(np.array(self.losses[:count]), kind="stable")
        best, rest = ranked[: most // 2], np.sort(ranked[most // 2 :])
        step = np.linspace(0, len(rest) - 1, most - most // 2).astype(int)
        return sorted([*best.tolist(), *rest[step].tolist()])

    def _rebuild(self, count: int) -> None:
        """Make the model from the first outcomes, with new candidates."""
        places = self._select(count, MOST_KNOWN)
        losses = np.array([self.losses[place] for place in places])
        self._scale = make_scale(losses if np.isfinite(losses).any() else self.losses)
        targets = self._scale.targets(losses)
        self._least = float(targets.min())
        known = np.stack([self.rows[place] for place in places])
        self._pool, points = self._find_candidates(count)
        known_points = self._metric.embed(known)
        posterior = Posterior(self._metric, self._hyper, known_points, targets, points)
        if len(self._pool) > KEPT:
            gain = expected_improvement(posterior.mean, posterior.deviation, self._least)
            kept = np.sort(np.argpartition(-gain, KEPT)[:KEPT])
            posterior.keep(kept)
            self._pool = self._pool[kept]
        self._posterior = posterior
        self._open = np.ones(len(self._pool), dtype=bool)
        self._places_known = {key_of(row): place for place, row in enumerate(known)}
        self._told = count

    def _find_candidates(self, count: int) -> tuple[Array, Floats]:
        """Rows that are not among the first outcomes, and their points."""
        if self.space.size is not None and self.space.size <= LISTED:
            if self._listed is None:
                self._listed = self.space.matrix().astype(np.int64)
                self._listed_points = self._metric.embed(self._listed)
                self._ranks = {key_of(row): rank for rank, row in enumerate(self._listed)}
            new = np.ones(len(self._listed), dtype=bool)
            new[[self._ranks[key_of(row)] for row in self.rows[:count]]] = False
            return self._listed[new], self._listed_points[:, new]
        rng = np.random.default_rng((self._seed, count, 2))
        best = np.argsort(np.array(self.losses[:count]), kind="stable")[:CENTRES]
        around = [self.neighbours(self.rows[place]) for place in best]
        drawn = sample_rows(self.space, SAMPLED, rng).astype(np.int64)
        rows = np.unique(np.concatenate([drawn, *around]), axis=0)
        told = {key_of(row) for row in self.rows[:count]}
        rows = rows[[key_of(row) not in told for row in rows]]
        return rows, self._metric.embed(rows)

    def _add_outcome(self, row: Array, loss: float) -> None:
        """Tell the model one more outcome."""
        assert self._posterior is not None
        key = key_of(row)
        if key not in self._places_known:
            self._append(row)
        target = float(self._scale.targets(np.array([loss]))[0])
        self._posterior.settle(self._places_known[key], target)
        if target < self._least:
            self._least = target
            if self._listed is None:
                self._widen(row)

    def _append(self, row: Array) -> None:
        """Let the model expect the outcome of a row."""
        assert self._posterior is not None
        self._places_known[key_of(row)] = len(self._places_known)
        self._posterior.append(self._metric.embed(row[None, :]))
        self._open &= (self._pool != row).any(axis=1)

    def _widen(self, row: Array) -> None:
        """Make the neighbours of a new best candidates."""
        assert self._posterior is not None
        around = self.new_rows(self.neighbours(row))
        self._posterior.extend(self._metric.embed(around))
        self._pool = np.concatenate([self._pool, around])
        self._open = np.append(self._open, np.ones(len(around), dtype=bool))


def expected_improvement(mean: Floats, deviation: Floats, least: float) -> Floats:
    """By how much targets can be expected to be below `least`, counting 0 where they are not.

    The normal distribution function is approximated to 2e-4.

    Source: Page (1977), Approximations to the Cumulative Normal Function and its Inverse.
    """
    away = (least - mean) / deviation
    below = 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * away * (1 + 0.044715 * away * away)))
    density = np.exp(-0.5 * away * away) / math.sqrt(2 * math.pi)
    return np.asarray(deviation * (away * below + density))
