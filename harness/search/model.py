"""Model-based search: a Gaussian process says where an improvement can be expected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from threadpoolctl import ThreadpoolController

from harness.model import Outcome
from harness.search.beliefs import USUAL, Beliefs
from harness.search.explorer import Explorer, Key, draw_rows, key_of
from harness.search.kriging import Hyper, Posterior, Sites, fit
from harness.search.metric import Floats, Metric
from harness.search.targets import Scale, make_scale
from harness.search.warm import BELIEF, DOUBT, SHIFT, make_expectation
from harness.space.arrays import Array
from harness.space.sampling import sample_evenly_rows

OPENING, WARM_OPENING = 5, 3
"""So many tests, spread evenly, come before the model is asked; with a prior, its best first."""
WARM_TESTS = 12
"""So many tests follow a prior; then the search begins anew, without it and without them."""
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
ALIKE, MOST_ALIKE = 0.8, 64
"""Candidates promise about the same from so much of the greatest expected improvement on."""
KEPT = 3000
"""The most promising candidates, which are looked at until the model learns anew."""


class Model(Explorer):
    """Tests what promises the greatest expected improvement.

    Source of the criterion: Jones, Schonlau & Welch (1998), Efficient Global Optimization of
    Expensive Black-Box Functions.

    Attributes:
        beliefs: what it takes for granted.
    """

    beliefs: ClassVar[Beliefs] = USUAL

    def _begin(self, prior: Sequence[Outcome]) -> None:
        self._threads = ThreadpoolController()
        self._metric = Metric(self.space.parameters, self.space.tree)
        with self._threads.limit(limits=1, user_api="blas"):
            self._expectation = make_expectation(
                self._metric, self.space, prior, self.goal, self.beliefs
            )
        if self._expectation is None:
            self._opening, self._hyper = OPENING, self._ignorance()
        else:
            self._opening, self._hyper = WARM_OPENING, self._expectation.hyper
        self._afresh: Model | None = None  # the search without the prior
        self._learned = 0  # outcomes known when the model last learned
        self._listed: Array | None = None
        self._posterior: Posterior | None = None  # and what belongs to it:
        self._scale = Scale(0, 0.0, 1.0)
        self._least = math.inf  # target of the best outcome
        self._told = 0  # outcomes that it knows
        self._places_known: dict[Key, int] = {}
        self._pool = np.zeros((0, len(self.space.names)), dtype=np.int64)
        self._open = np.zeros(0, dtype=bool)  # which of the pool are new
        self._expected: Floats = np.zeros(0)  # what a prior makes one expect of them

    def _propose(self) -> Array | None:
        if self._expectation is not None:
            if self.count >= WARM_TESTS:
                return self._propose_afresh()
            if self.count == 0:
                known = self._expectation.best[None, :]
                return known[0] if self.space.valid_rows(known)[0] else None
        if self.count < self._opening or not any(map(math.isfinite, self.losses)):
            return None
        # With more threads BLAS would wait for cores that are busy compiling.
        with self._threads.limit(limits=1, user_api="blas"):
            self._learn_all()
        assert self._posterior is not None
        if not self._open.any():
            return None
        gain = np.where(self._open, self._gain(self._posterior), -1.0)
        about = np.flatnonzero(gain >= ALIKE * gain.max())
        return self.pick(self._pool[about[np.argsort(-gain[about], kind="stable")][:MOST_ALIKE]])

    def _propose_afresh(self) -> Array | None:
        """What a search without the prior proposes, which is told of no outcome but its own.

        Told of those that followed the prior, it would stay near them.
        """
        if self._afresh is None:
            make = type(self)
            self._afresh = make(self.space, goal=self.goal, seed=self._seed, budget=self.budget)
            self._afresh._quickness = self._quickness  # which learns from all outcomes
        while (row := self._afresh.propose()) is not None:
            if self.is_new(row):
                return row
            loss = self.known_loss(row)
            if loss is not None:
                self._afresh.take(row, loss)
        return None

    def _learn(self, row: Array, loss: float) -> None:
        if self._afresh is not None and key_of(row) in self._afresh.pending:
            self._afresh.take(row, loss)

    def _gain(self, posterior: Posterior) -> Floats:
        mean = posterior.mean + self._expected
        return expected_improvement(mean, posterior.deviation, self._least)

    def _sites(self, rows: Array) -> Sites:
        """Where the model looks at rows."""
        points = self._metric.embed(rows)
        if self._expectation is None:
            return Sites(points, np.zeros((0, len(rows)), dtype=np.float32))
        predicted = self._expectation.predict(points)
        trends = np.stack([np.full(len(rows), SHIFT), DOUBT * predicted])
        return Sites(points, trends.astype(np.float32))

    def _first_rows(self, rng: np.random.Generator) -> Array:
        return sample_evenly_rows(self.space, self._opening, rng).astype(np.int64)

    # -- learning -------------------------------------------------------------------------------

    def _learn_all(self) -> None:
        """Bring the model up to what is known and awaited."""
        count = len(self.rows)
        is_stale = self._posterior is None or count < self._opening
        while (due := self._next_learning()) <= count:
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

    def _next_learning(self) -> int:
        """With how many outcomes the model learns anew."""
        return max(self._opening, self._learned + 1, int(self._learned * GROWTH))

    def _fit(self, count: int) -> None:
        """Learn what matters from the first outcomes."""
        steps = STEPS if self._learned else FIRST_STEPS
        places = self._select(count, MOST_FITTED)
        losses = np.array(self.losses)[places]
        if not np.isfinite(losses).any():
            return
        sites = self._sites(np.stack([self.rows[place] for place in places]))
        targets = self._make_scale(losses).targets(losses) - _expect(sites)
        self._hyper = fit(self._metric, sites, targets, self._hyper, steps)

    def _ignorance(self) -> Hyper:
        """What is believed before anything was learned."""
        return Hyper(np.zeros(self._metric.sharing.shape[1]), beliefs=self.beliefs)

    def _make_scale(self, losses: Floats) -> Scale:
        prior = self._expectation.scale if self._expectation else None
        return make_scale(losses, prior, self.beliefs.bends)

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
        self._scale = self._make_scale(
            losses if np.isfinite(losses).any() else np.array(self.losses)
        )
        targets = self._scale.targets(losses)
        self._least = float(targets.min())
        known = np.stack([self.rows[place] for place in places])
        self._pool, pool_sites = self._find_candidates(count)
        sites = self._sites(known)
        targets -= _expect(sites)
        hyper = self._hyper
        if self._learned and self._next_learning() > count + 1:
            # What is held for several tests is drawn anew each time, lest the search keep missing
            # what the most probable weights make it blind to.
            hyper = hyper.shaken(np.random.default_rng((self._seed, count, 3)))
        posterior = Posterior(self._metric, hyper, sites, targets, pool_sites)
        self._expected = _expect(pool_sites)
        if len(self._pool) > KEPT:
            kept = np.sort(np.argpartition(-self._gain(posterior), KEPT)[:KEPT])
            posterior.keep(kept)
            self._pool, self._expected = self._pool[kept], self._expected[kept]
        self._posterior = posterior
        self._open = np.ones(len(self._pool), dtype=bool)
        self._places_known = {key_of(row): place for place, row in enumerate(known)}
        self._told = count

    def _find_candidates(self, count: int) -> tuple[Array, Sites]:
        """Rows that are not among the first outcomes, and their sites."""
        if self.space.size is not None and self.space.size <= LISTED:
            if self._listed is None:
                self._listed = self.space.matrix().astype(np.int64)
                self._listed_sites = self._sites(self._listed)
                self._ranks = {key_of(row): rank for rank, row in enumerate(self._listed)}
            new = np.ones(len(self._listed), dtype=bool)
            new[[self._ranks[key_of(row)] for row in self.rows[:count]]] = False
            return self._listed[new], self._listed_sites.at(np.flatnonzero(new))
        rng = np.random.default_rng((self._seed, count, 2))
        best = np.argsort(np.array(self.losses[:count]), kind="stable")[:CENTRES]
        around = [self.neighbours(self.rows[place]) for place in best]
        drawn = draw_rows(self.space, SAMPLED, rng)
        rows = np.unique(np.concatenate([drawn, *around]), axis=0)
        told = {key_of(row) for row in self.rows[:count]}
        rows = rows[[key_of(row) not in told for row in rows]]
        return rows, self._sites(rows)

    def _add_outcome(self, row: Array, loss: float) -> None:
        """Tell the model one more outcome."""
        assert self._posterior is not None
        key = key_of(row)
        if key not in self._places_known:
            self._append(row)
        target = float(self._scale.targets(np.array([loss]))[0])
        expected = float(_expect(self._sites(row[None, :]))[0])
        self._posterior.settle(self._places_known[key], target - expected)
        if target < self._least:
            self._least = target
            if self._listed is None:
                self._widen(row)

    def _append(self, row: Array) -> None:
        """Let the model expect the outcome of a row."""
        assert self._posterior is not None
        self._places_known[key_of(row)] = len(self._places_known)
        self._posterior.append(self._sites(row[None, :]))
        self._open &= (self._pool != row).any(axis=1)

    def _widen(self, row: Array) -> None:
        """Make the neighbours of a new best candidates."""
        assert self._posterior is not None
        around = self.new_rows(self.neighbours(row))
        sites = self._sites(around)
        self._posterior.extend(sites)
        self._pool = np.concatenate([self._pool, around])
        self._expected = np.append(self._expected, _expect(sites))
        self._open = np.append(self._open, np.ones(len(around), dtype=bool))


def _expect(sites: Sites) -> Floats:
    """What a prior makes one expect; 0 without one."""
    if not len(sites.trends):
        return np.zeros(len(sites))
    return np.asarray(sites.trends[1] * (BELIEF / DOUBT))


def expected_improvement(mean: Floats, deviation: Floats, least: float) -> Floats:
    """By how much targets can be expected to be below `least`, counting 0 where they are not.

    The normal distribution function is approximated to 2e-4.

    Source: Page (1977), Approximations to the Cumulative Normal Function and its Inverse.
    """
    away = (least - mean) / deviation
    below = 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * away * (1 + 0.044715 * away * away)))
    density = np.exp(-0.5 * away * away) / math.sqrt(2 * math.pi)
    return np.asarray(deviation * (away * below + density))
