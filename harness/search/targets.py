"""Losses made comparable, as a model wants them: what matters spread out, the rest together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.search.beliefs import USUAL
from harness.search.metric import Floats

TINY = 1e-300
LEAST = 1e-9
PRIOR_WORTH = 20
"""How many outcomes a prior's scale counts for."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Losses to targets: logarithm, compression of what is far from the best, standardisation.

    With z the logarithm of the loss (ratios of times are what counts), and u its distance from
    the best in units of the median's distance, u becomes log(1 + u), `bends` times, and the target
    is that, standardised: among the bad it makes little difference how bad, and the model need not
    follow.

    Attributes:
        sign: 1: the logarithm of the loss; -1: losses are negative scores, minus the logarithm
            of the score; 0: there were both signs, no logarithm.
        best, typical: z of the best, and how much greater the median is.
        mean, deviation: of the targets before they are standardised.
        worst: target of a failure: that of the worst success.
        bends: as in `Beliefs`.
    """

    sign: int
    best: float
    typical: float
    mean: float = 0.0
    deviation: float = 1.0
    worst: float = 0.0
    bends: int = USUAL.bends

    def targets(self, losses: Floats) -> Floats:
        """Of losses, inf for failures: shape as given."""
        failed = ~np.isfinite(losses)
        return np.where(failed, self.worst, (self._bend(losses) - self.mean) / self.deviation)

    def _bend(self, losses: Floats) -> Floats:
        finite = np.where(np.isfinite(losses), losses, 1.0)
        if self.sign:
            finite = self.sign * np.log(np.maximum(self.sign * finite, TINY))
        away = (finite - self.best) / self.typical
        bent = np.maximum(away, 0)
        for _ in range(self.bends):
            bent = np.log1p(bent)
        return np.asarray(np.where(away > 0, bent, away))


def make_scale(
    losses: Sequence[float] | Floats, prior: Scale | None = None, bends: int = USUAL.bends
) -> Scale:
    """The scale that suits these losses, at least one of them finite.

    Args:
        prior: of another session's losses, which says how far apart targets are as long as there
            are few.
    """
    every = np.asarray(losses, dtype=np.float64)
    succeeded = np.isfinite(every)
    finite = every[succeeded]
    sign = int(np.sign(finite[0])) if (np.sign(finite) == np.sign(finite[0])).all() else 0
    logs = sign * np.log(np.maximum(sign * finite, TINY)) if sign else finite
    best = float(logs.min())
    typical = max(float(np.median(logs)) - best, LEAST)
    if prior is not None and prior.sign == sign:
        own = len(finite) - 1
        mixed = own * np.log(typical) + PRIOR_WORTH * np.log(prior.typical)
        typical = float(np.exp(mixed / (own + PRIOR_WORTH)))
        mean, deviation = prior.mean, prior.deviation
    else:
        bent = Scale(sign, best, typical, bends=bends).targets(every)
        bent[~succeeded] = bent[succeeded].max()
        mean, deviation = float(bent.mean()), max(float(bent.std()), LEAST)
    scale = Scale(sign, best, typical, mean, deviation, bends=bends)
    return replace(scale, worst=float(scale.targets(finite).max()))
