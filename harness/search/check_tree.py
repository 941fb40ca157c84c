"""Is the variable tree right? A small sample of tests that asks.

A tree claims that the best values of a group, given its ancestors' values, do not depend on the
variables outside both. Beating the best configuration by chance is rare even when that is wrong,
so half of the tests ask the claim itself: they take a tested configuration that has the best
values in a group and its ancestors, and others elsewhere, and change the group. The claim says
that this cannot make it better.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from harness.configuration import Configuration
from harness.search.claims import Claim, differing, list_claims, replaced
from harness.search.listed import Listed
from harness.space.space import Space

_LISTABLE = 10_000
_DRAWS_PER_TEST = 1_000


class TreeCheck(Listed):
    """Tests a seeded sample of configurations that the search passed by.

    `claims.contradictions` judges what they yield.
    """

    def __init__(
        self,
        space: Space,
        best: Configuration,
        scores: Mapping[Configuration, float | None],
        *,
        size: int = 20,
        seed: int = 0,
    ) -> None:
        """Draw the sample: up to half of it to test claims, the rest from the whole space.

        Args:
            best: what the search found.
            scores: of everything tested so far; None for what failed.
            size: configurations to test; fewer where there are not so many.
            seed: same seed and same scores, same sample.
        """
        sample = _Sample(space, best, scores, seed)
        sample.draw_crossed(size // 2)
        sample.draw_anywhere(size)
        super().__init__(sample.drawn)


class _Sample:
    """Valid, untested configurations, drawn without repetition."""

    def __init__(
        self,
        space: Space,
        best: Configuration,
        scores: Mapping[Configuration, float | None],
        seed: int,
    ) -> None:
        self._space = space
        self._best = best
        self._scores = scores
        self._random = random.Random(seed)  # noqa: S311 - a sample, not a secret
        self.drawn: dict[Configuration, None] = {}

    def draw_crossed(self, size: int) -> None:
        """Fill up to `size` with tests of claims."""
        pairs = list(self._testable_claims())
        choices = {parameter.name: parameter.values for parameter in self._space.parameters}
        for _ in range(_DRAWS_PER_TEST * size if pairs else 0):
            if len(self.drawn) >= size:
                return
            claim, tested = self._random.choice(pairs)
            # sorted: the order of a set of strings differs between processes
            other = {name: self._random.choice(choices[name]) for name in sorted(claim.group)}
            self._take(replaced(tested, other))

    def _testable_claims(self) -> Iterator[tuple[Claim, Configuration]]:
        """Each claim with each tested configuration that differs from the best outside it only."""
        claims = list_claims(self._space.tree) if self._space.tree is not None else []
        for configuration, score in self._scores.items():
            if score is None or configuration == self._best:
                continue
            varied = set(differing(configuration, self._best))
            for claim in claims:
                if not varied & (claim.group | claim.ancestors):
                    yield claim, configuration

    def draw_anywhere(self, size: int) -> None:
        """Fill up to `size` from the whole space, each configuration as likely as any other."""
        if self._space.size is not None and self._space.size <= _LISTABLE:
            untested = [c for c in self._space if self._is_new(c)]
            count = max(0, min(size - len(self.drawn), len(untested)))
            self.drawn.update(dict.fromkeys(self._random.sample(untested, count)))
            return
        for _ in range(_DRAWS_PER_TEST * size):
            if len(self.drawn) >= size:
                return
            self._take(self._draw())

    def _draw(self) -> Configuration:
        """Any configuration; of a space too large to count, any combination of values."""
        if self._space.size is not None:
            return self._space[self._random.randrange(self._space.size)]
        parameters = self._space.parameters
        row = tuple(self._random.choice(parameter.values) for parameter in parameters)
        return Configuration(self._space.names, row)

    def _take(self, configuration: Configuration) -> None:
        if self._is_new(configuration) and self._space.is_valid(configuration):
            self.drawn[configuration] = None

    def _is_new(self, configuration: Configuration) -> bool:
        return configuration not in self._scores and configuration not in self.drawn
