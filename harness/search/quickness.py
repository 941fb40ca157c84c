"""How long a test will take to compile and run, as far as earlier tests tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.configuration import Configuration
from harness.model import Outcome, OutcomeKind
from harness.search.metric import Floats
from harness.space.arrays import Array
from harness.space.space import Space

FEWEST = 8
"""Of fewer tests nothing is concluded."""
MOST = 256
"""What is learned from: the last so many."""
GROWTH = 1.25
"""It learns anew when there are so many times as many tests."""
SHRINKING = 1.0
"""How much every value of a parameter is believed to make no difference, in tests."""
LEAST_S = 1e-6


class Quickness:
    """Predicts what tests take: compiling and running, each by itself.

    The logarithm of a time is a sum of parts, one for each parameter's value: those of ridge
    regression on the times seen so far. What failed, and so took no usual time, is left out.
    """

    def __init__(
        self, space: Space, is_cached: Callable[[Configuration], bool] | None = None
    ) -> None:
        """Begin.

        Args:
            is_cached: whether what a configuration needs was compiled before.
        """
        self._space = space
        self._is_cached = is_cached
        sizes = np.array([len(parameter.values) for parameter in space.parameters])
        self._compiling, self._running = _Times(sizes), _Times(sizes)

    def learn(self, row: Array, outcome: Outcome) -> None:
        """What a test took."""
        if outcome.kind is not OutcomeKind.OK or outcome.copy_of is not None:
            return
        if outcome.artifact is None or not outcome.artifact.cached:
            self._compiling.learn(row, outcome.compile_s)
        self._running.learn(row, sum(run.elapsed_s for run in outcome.runs))

    def predict(self, rows: Array) -> Floats:
        """Seconds, shape (n,); all the same as long as too little is known."""
        compiling_s, running_s = self._compiling.predict(rows), self._running.predict(rows)
        if self._is_cached is not None:
            cached = [self._is_cached(each) for each in self._space.decode(rows)]
            compiling_s = np.where(cached, 0.0, compiling_s)
        return np.asarray(compiling_s + running_s)


class _Times:
    """One kind of time."""

    def __init__(self, sizes: Array) -> None:
        self._starts = np.cumsum(sizes) - sizes  # of each parameter's parts
        self._parts: Floats = np.zeros(int(sizes.sum()))
        self._mean = 0.0
        self._rows: list[Array] = []
        self._logs: list[float] = []
        self._learned = 0

    def learn(self, row: Array, seconds: float) -> None:
        self._rows.append(row)
        self._logs.append(float(np.log(max(seconds, LEAST_S))))

    def predict(self, rows: Array) -> Floats:
        if len(self._rows) >= max(FEWEST, self._learned * GROWTH):
            self._fit()
        return np.asarray(np.exp(self._mean + self._parts[rows + self._starts].sum(axis=1)))

    def _fit(self) -> None:
        self._learned = len(self._rows)
        rows, logs = np.stack(self._rows[-MOST:]), np.array(self._logs[-MOST:])
        chosen = np.zeros((len(rows), len(self._parts)))
        np.put_along_axis(chosen, rows + self._starts, 1.0, axis=1)
        matrix = chosen.T @ chosen + SHRINKING * np.eye(len(self._parts))
        self._mean = float(logs.mean())
        self._parts = np.linalg.solve(matrix, chosen.T @ (logs - self._mean))
