"""A Gaussian process over configurations: what is likely of those that were not tested.

Targets are scores that were made comparable (mean 0, deviation 1, see `targets`). The covariance
is Matérn's of the distance of `metric`, or the mean of several, one for each group of parameters
that interact; the weights, and the noise, are those most probable given the targets and a prior
(MAP).

Source: Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, chapters 2, 4, 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from harness.search.beliefs import USUAL, Beliefs
from harness.search.metric import Floats, Metric
from harness.space.arrays import Array

ROOT3, ROOT5 = float(np.sqrt(3.0)), float(np.sqrt(5.0))
NUGGET = 1e-5
"""Added to the noise so that the covariance can be inverted."""
LEAST_VARIANCE = 1e-6
LEAST_SQUARED = 1e-12
"""Of a squared distance, where the slope at 0 is infinite."""
ROOM = 32
"""Sites for which there is room before arrays must grow."""

SHARED_SPREAD = 1.0
"""As `Beliefs.spread`, of what all parameters share."""
SHAKE = 0.7
"""Standard deviation of the unknowns, roughly, given some tens of outcomes."""
USUAL_NOISE = 0.01
LEAST_LOG, MOST_LOG = -7.0, 7.0
NOISE_LOGS = (float(np.log(1e-4)), float(np.log(0.5)))


@dataclass(frozen=True, slots=True)
class Hyper:
    """What the model learned about the landscape as a whole.

    Attributes:
        unknowns: as in `Metric.sharing`.
        log_noise: of the variance of the noise, relative to the signal's.
        scale: variance of the signal.
        beliefs: what it took for granted.
    """

    unknowns: Floats
    log_noise: float = float(np.log(USUAL_NOISE))
    scale: float = 1.0
    beliefs: Beliefs = USUAL

    def shaken(self, rng: np.random.Generator) -> Hyper:
        """Others that are about as probable."""
        return replace(self, unknowns=self.unknowns + SHAKE * rng.normal(size=len(self.unknowns)))

    def weights(self, metric: Metric) -> Floats:
        """Of the metric's aspects."""
        return np.asarray(np.exp(metric.usual + metric.sharing @ self.unknowns))


def covariance(
    metric: Metric, weights: Floats, points: Floats, others: Floats, beliefs: Beliefs = USUAL
) -> Floats:
    """Of the landscape between points and others, shape (points, others)."""
    parts = [
        _matern(metric.squared(points, others, weights * group), beliefs.smoothness)
        for group in metric.groups
    ]
    return np.asarray(sum(parts[1:], start=parts[0]) / np.float32(len(parts)))


def _matern(squared: Floats, smoothness: int) -> Floats:
    """Matérn's covariance, with smoothness in halves, of squared distances."""
    if smoothness == 1:
        return np.asarray(np.exp(-np.sqrt(squared)))
    if smoothness == 3:
        root = ROOT3 * np.sqrt(squared)
        return np.asarray((1 + root) * np.exp(-root))
    root = ROOT5 * np.sqrt(squared)
    return np.asarray((1 + root + (5 / 3) * squared) * np.exp(-root))


def _slope(squared: Floats, smoothness: int) -> Floats:
    """Derivative of `_matern` by the squared distance."""
    if smoothness == 1:
        distance = np.sqrt(np.maximum(squared, LEAST_SQUARED))
        return np.asarray(-0.5 * np.exp(-distance) / distance)
    if smoothness == 3:
        return np.asarray(-1.5 * np.exp(-ROOT3 * np.sqrt(squared)))
    root = ROOT5 * np.sqrt(squared)
    return np.asarray((-5 / 6) * (1 + root) * np.exp(-root))


@dataclass(frozen=True, slots=True)
class Sites:
    """Where the landscape is looked at.

    Attributes:
        points: shape (coordinates, n), of the metric.
        trends: shape (trends, n): values of known functions that the landscape may contain, each
            times an unknown factor of variance 1.
    """

    points: Floats
    trends: Floats

    def __len__(self) -> int:
        return int(self.points.shape[1])

    def at(self, places: Array) -> Sites:
        """Some of them."""
        return Sites(self.points[:, places], self.trends[:, places])

    def with_more(self, more: Sites) -> Sites:
        """These and then others."""
        return Sites(
            np.concatenate([self.points, more.points], axis=1),
            np.concatenate([self.trends, more.trends], axis=1),
        )


def fit(metric: Metric, sites: Sites, targets: Floats, start: Hyper, steps: int) -> Hyper:
    """The most probable hyperparameters that `steps` steps from `start` come past.

    Args:
        targets: shape (n,), one per site.

    Each step changes each unknown by a size of its own that grows while its slope keeps its sign
    and shrinks when it changes.

    Source: Riedmiller & Braun (1993), A Direct Adaptive Method for Faster Backpropagation
    Learning: The RPROP Algorithm.
    """
    distances = metric.by_aspect(sites.points)
    trend = sites.trends.T.astype(np.float64) @ sites.trends
    spread = np.full(len(start.unknowns) + 1, start.beliefs.spread)
    spread[len({aspect.parameter for aspect in metric.aspects}) : -1] = SHARED_SPREAD
    usual = np.append(np.zeros(len(start.unknowns)), np.log(USUAL_NOISE))
    low = np.append(np.full(len(start.unknowns), LEAST_LOG), NOISE_LOGS[0])
    high = np.append(np.full(len(start.unknowns), MOST_LOG), NOISE_LOGS[1])
    at = np.append(start.unknowns, start.log_noise)
    size, before = np.full(len(at), 0.15), np.zeros(len(at))
    best, least = start, np.inf
    for _ in range(steps):
        hyper = replace(start, unknowns=at[:-1], log_noise=float(at[-1]))
        cost, slope, scale = _cost(metric, distances, trend, targets, hyper)
        away = (at - usual) / spread
        cost += float(away @ away) / 2
        slope = slope + away / spread
        if cost < least:
            best, least = replace(hyper, scale=scale), cost
        turn = np.sign(slope * before)
        size = np.clip(size * np.where(turn > 0, 1.4, np.where(turn < 0, 0.5, 1.0)), 1e-3, 0.8)
        before = np.where(turn < 0, 0.0, slope)
        at = np.clip(at - np.sign(before) * size, low, high)
    return best


def _cost(
    metric: Metric, distances: Floats, trend: Floats, targets: Floats, hyper: Hyper
) -> tuple[float, Floats, float]:
    """Negative log likelihood, its slope by each unknown and the log noise, and the scale.

    The scale is the most probable one, as if one more target, 1, had been seen.
    """
    count, smoothness = len(targets), hyper.beliefs.smoothness
    weights = hyper.weights(metric)
    noise = np.exp(hyper.log_noise)
    parts = [np.tensordot(weights * group, distances, 1) for group in metric.groups]
    landscape = [_matern(squared, smoothness) for squared in parts]
    matrix = sum(landscape, start=np.zeros_like(trend)) / len(parts) + trend
    matrix[np.diag_indices(count)] += noise + NUGGET
    inverse = np.linalg.inv(matrix)
    solved = inverse @ targets
    scale = float(targets @ solved + 1) / (count + 1)
    cost = (count + 1) / 2 * np.log(scale) + np.linalg.slogdet(matrix)[1] / 2
    gradient = (inverse - np.outer(solved, solved) / scale) / 2
    flat = distances.reshape(len(weights), -1)
    by_weight = np.zeros(len(weights))
    for group, squared in zip(metric.groups, parts, strict=True):
        slopes = gradient * _slope(squared, smoothness)
        by_weight += group * (flat @ slopes.ravel()) / len(parts)
    slope = np.append(metric.sharing.T @ (by_weight * weights), np.trace(gradient) * noise)
    return float(cost), slope, scale


class Posterior:
    """What is known of a pool of sites, given sites whose targets are known or awaited.

    A site whose target is awaited makes the model as sure of its surroundings as if it were
    known, and leaves the mean as it is; so several may be chosen one after another.

    Attributes:
        mean: shape (pool,), of the pool's targets.
    """

    def __init__(
        self, metric: Metric, hyper: Hyper, known: Sites, targets: Floats, pool: Sites
    ) -> None:
        """Condition on `known`, with `targets`, shape (n,)."""
        self._metric = metric
        self._scale, self._beliefs = hyper.scale, hyper.beliefs
        self._noise = float(np.exp(hyper.log_noise)) + NUGGET
        self._weights = hyper.weights(metric)
        self._known, self._targets, self._pool = known, targets, pool
        matrix = self._covariance(known, known).astype(np.float64)
        matrix[np.diag_indices(len(targets))] += self._noise
        self._root = np.linalg.inv(np.linalg.cholesky(matrix))
        self._whitened = self._root @ targets
        # Rows beyond the number of sites are room for more.
        self._explained = self._root.astype(np.float32) @ self._covariance(known, pool)
        self.mean = self._whitened.astype(np.float32) @ self._explained
        self._left = _left(pool, self._explained)

    @property
    def deviation(self) -> Floats:
        """Standard deviations, shape (pool,)."""
        return np.asarray(np.sqrt(np.maximum(self._left, LEAST_VARIANCE) * self._scale))

    def _covariance(self, sites: Sites, others: Sites) -> Floats:
        landscape = covariance(
            self._metric, self._weights, sites.points, others.points, self._beliefs
        )
        return np.asarray(landscape + sites.trends.T @ others.trends)

    def keep(self, places: Array) -> None:
        """Reduce the pool to these places."""
        self._pool = self._pool.at(places)
        self._explained = np.ascontiguousarray(self._explained[:, places])
        self.mean, self._left = self.mean[places], self._left[places]

    def extend(self, sites: Sites) -> None:
        """Add sites to the pool."""
        explained = self._root.astype(np.float32) @ self._covariance(self._known, sites)
        self._explained = np.concatenate([self._explained[: len(explained)], explained], axis=1)
        self._pool = self._pool.with_more(sites)
        self.mean = np.append(self.mean, self._whitened.astype(np.float32) @ explained)
        self._left = np.append(self._left, _left(sites, explained))

    def append(self, site: Sites) -> None:
        """Condition on one more, whose target is awaited."""
        count = len(self._targets)
        across = self._covariance(self._known, site)[:, 0].astype(np.float64)
        along = self._root @ across
        left = float(_variance(site)[0]) + self._noise - float(along @ along)
        length = math.sqrt(max(left, NUGGET))
        root = np.zeros((count + 1, count + 1))
        root[:count, :count] = self._root
        root[count, :count] = -(along @ self._root) / length
        root[count, count] = 1 / length
        row = self._covariance(site, self._pool)[0]
        row = (row - along.astype(np.float32) @ self._explained[:count]) / np.float32(length)
        if count == len(self._explained):
            room = np.empty((ROOM, self._explained.shape[1]), np.float32)
            self._explained = np.concatenate([self._explained, room])
        self._explained[count] = row
        self._left = self._left - row * row
        self._root = root
        self._known = self._known.with_more(site)
        self._targets = np.append(self._targets, np.nan)
        self._whitened = np.append(self._whitened, 0.0)

    def settle(self, place: int, target: float) -> None:
        """The target of the site appended as number `place` became known."""
        self._targets[place] = target
        last = len(self._targets) - 1
        awaited = np.isnan(self._targets)
        if place == last and not awaited.any():
            # Its part of the whitened targets was 0, all others stay.
            known = float(self._root[last, :last] @ self._targets[:last])
            self._whitened[last] = known + self._root[last, last] * target
            step = np.float32(self._whitened[last])
            self.mean = self.mean + step * self._explained[last]
            return
        targets = np.where(awaited, 0.0, self._targets)
        if awaited.any():  # as expected of them, so that they change nothing
            columns = self._root[:, awaited]
            precision = columns.T @ columns
            targets[awaited] = -np.linalg.solve(precision, columns.T @ (self._root @ targets))
        self._whitened = self._root @ targets
        self.mean = self._whitened.astype(np.float32) @ self._explained[: last + 1]


def _variance(sites: Sites) -> Floats:
    """Before anything is known, in units of the scale."""
    return np.asarray(1 + np.einsum("ij,ij->j", sites.trends, sites.trends))


def _left(sites: Sites, explained: Floats) -> Floats:
    """What remains of the variance."""
    return np.asarray(_variance(sites) - np.einsum("ij,ij->j", explained, explained))
