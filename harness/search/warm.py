"""What another session found, as an expectation that has to prove itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.configuration import Goal
from harness.model import Outcome
from harness.search.beliefs import USUAL, Beliefs
from harness.search.explorer import loss_of
from harness.search.kriging import NUGGET, Hyper, Sites, covariance, fit
from harness.search.metric import Floats, Metric
from harness.search.targets import Scale, make_scale
from harness.space.arrays import Array
from harness.space.space import Space

FEWEST = 8
"""Fewer outcomes that succeeded are no basis for anything."""
MOST = 256
STEPS = 40
BELIEF, DOUBT = 0.7, 0.5
"""By how much the new targets follow the old ones: what to expect, and its standard deviation."""
SHIFT = 1.0
"""Standard deviation of a difference that is the same everywhere."""


class Expectation:
    """A model of a prior: targets are expected to be `BELIEF` times what it predicts.

    How far that is true, the model of the new session learns from its own outcomes: the factor
    and a shift are unknowns of it (`trends`), and whatever else differs is left to it.

    Attributes:
        hyper: what matters, according to the prior.
        scale: of the prior's losses.
        best: the row that was best.
    """

    def __init__(self, metric: Metric, rows: Array, losses: Floats, beliefs: Beliefs) -> None:
        """Learn from rows, shape (n, parameters), and their losses; use `make_expectation`."""
        self.scale: Scale = make_scale(losses, bends=beliefs.bends)
        self.best: Array = rows[int(losses.argmin())]
        targets = self.scale.targets(losses)
        sites = Sites(metric.embed(rows), np.zeros((0, len(rows)), dtype=np.float32))
        start = Hyper(np.zeros(metric.sharing.shape[1]), beliefs=beliefs)
        self.hyper = fit(metric, sites, targets, start, STEPS)
        self._metric, self._points = metric, sites.points
        self._weights = self.hyper.weights(metric)
        matrix = covariance(metric, self._weights, self._points, self._points, beliefs)
        noise = np.exp(self.hyper.log_noise) + NUGGET
        self._factors = np.linalg.solve(matrix + noise * np.eye(len(rows)), targets)

    def predict(self, points: Floats) -> Floats:
        """What the prior makes one expect, shape (n,)."""
        across = covariance(self._metric, self._weights, points, self._points, self.hyper.beliefs)
        return np.asarray(across @ self._factors)


def make_expectation(
    metric: Metric, space: Space, prior: Sequence[Outcome], goal: Goal, beliefs: Beliefs = USUAL
) -> Expectation | None:
    """What `prior` makes one expect of `space`; None if it holds too little of it."""
    found: dict[bytes, tuple[Array, float]] = {}
    for outcome in prior:
        row = space.positions(outcome.configuration)
        if row is not None:
            found[row.tobytes()] = row[0], loss_of(outcome, goal)
    losses = np.array([loss for _, loss in found.values()])
    if np.isfinite(losses).sum() < FEWEST:
        return None
    rows = np.stack([row for row, _ in found.values()])
    if len(rows) > MOST:
        ranked = np.argsort(losses, kind="stable")
        spread = np.linspace(MOST // 2, len(rows) - 1, MOST - MOST // 2).astype(int)
        chosen = np.concatenate([ranked[: MOST // 2], ranked[spread]])
        rows, losses = rows[chosen], losses[chosen]
    return Expectation(metric, rows, losses, beliefs)
