"""What the model takes for granted of a landscape before it knows any of its outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Beliefs:
    """How landscapes usually are.

    Attributes:
        smoothness: in halves, of Matérn's covariance: the less, the less a test says about what
            is close to it.
        spread: standard deviation of the logarithms of a parameter's weight and of the noise. The
            greater, the sooner outcomes make the model believe that a parameter is without effect.
        bends: how many times logarithms compress what is worse than the best. The more, the less
            the model looks at how bad the bad are.
    """

    smoothness: Literal[1, 3, 5] = 5
    spread: float = 1.5
    bends: int = 1


USUAL = Beliefs()
