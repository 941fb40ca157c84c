"""What strategies share that learn as they go: what is known, what is new, and chance.

Such a strategy decides by nothing but its seed and what it was told, in the order it was told, so
that one that is told a record goes on as the one that made it did.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from harness.configuration import Configuration, Goal
from harness.model import Outcome, OutcomeKind
from harness.search.quickness import Quickness
from harness.space.arrays import Array
from harness.space.neighbours import Kind, neighbour_rows
from harness.space.sampling import sample_rows
from harness.space.space import Space

DRAWN_AT_ONCE = 256
DRAWS = 1 << 16
FRUITLESS_DRAWS = 4
"""So many batches in a row without anything new, and the space is gone through in order."""

Key = bytes
"""A row as a dictionary's key."""


def loss_of(outcome: Outcome, goal: Goal) -> float:
    """The score as something to be made small; inf if the test failed."""
    score = outcome.score
    if outcome.kind is not OutcomeKind.OK or score is None or not math.isfinite(score):
        return math.inf
    return score if goal == "min" else -score


class Explorer:
    """The base of strategies that learn: keeps the contract, and leaves them the choice.

    A subclass overrides `_propose` and, where it has a state, `_begin` and `_learn`. They work on
    rows: positions of values, one for each parameter.

    Attributes:
        rows, losses: of what was told, in that order; a loss is inf for a failure.
        pending: keys of what was asked and not told yet, with their rows, in the order asked.
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
        self.space = space
        self.goal: Goal = goal
        self.budget = budget
        self.rows: list[Array] = []
        self.losses: list[float] = []
        self.pending: dict[Key, Array] = {}
        self._seed = seed % 2**63
        self._places: dict[Key, int] = {}  # of what was told, in `rows`
        self._stream = self._draw_all()
        self._drawn: Array | None = None  # taken from the stream, and perhaps new
        self._quickness: Quickness | None = None
        self._begin(prior)

    # -- the contract -------------------------------------------------------------------------

    def ask(self, n: int) -> list[Configuration]:
        """The next `n`, or all that are left."""
        chosen: list[Array] = []
        while len(chosen) < n:
            row = self.propose()
            if row is None:
                break
            chosen.append(row)
        return self.space.decode(np.stack(chosen)) if chosen else []

    def tell(self, outcome: Outcome) -> None:
        """Learn from it, unless its configuration is known already or not of the space."""
        found = self.space.positions(outcome.configuration)
        if found is None:
            return
        key = key_of(found[0])
        if key in self._places or (key not in self.pending and not self.space.valid_rows(found)[0]):
            return
        if self._quickness is not None:
            self._quickness.learn(found[0], outcome)
        self.take(found[0], loss_of(outcome, self.goal))

    def remaining(self) -> int | None:
        """How many were neither asked nor told; None if the space is too large to count."""
        return None if self.space.size is None else self.space.size - self.count

    def prefer_quick(self, is_cached: Callable[[Configuration], bool] | None = None) -> None:
        """From now on, of what promises about the same, ask for what will take the least time.

        Args:
            is_cached: whether a configuration was compiled before.
        """
        self._quickness = Quickness(self.space, is_cached)

    # -- the same in rows, for strategies made of others ------------------------------------------

    def propose(self) -> Array | None:
        """What `ask` asks for; None if there is nothing left."""
        row = self._propose()
        if row is None:
            row = self.next_random()
        if row is not None:
            self.pending[key_of(row)] = row
        return row

    def take(self, row: Array, loss: float) -> None:
        """Learn from an outcome that is known to be new and of the space."""
        key = key_of(row)
        self.pending.pop(key, None)
        self._places[key] = len(self.rows)
        self.rows.append(row)
        self.losses.append(loss)
        self._learn(row, loss)

    # -- what a subclass decides ----------------------------------------------------------------

    def _begin(self, prior: Sequence[Outcome]) -> None:
        """Set the state up; all that does not depend on the subclass is."""

    def _propose(self) -> Array | None:
        """A row that is new; None: whatever comes next at random."""
        return None

    def _learn(self, row: Array, loss: float) -> None:
        """Change the state after an outcome, the last of `rows` and `losses`."""

    # -- what it is offered ---------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many were asked or told."""
        return len(self.rows) + len(self.pending)

    def is_new(self, row: Array) -> bool:
        """Whether it was neither asked nor told."""
        key = key_of(row)
        return key not in self._places and key not in self.pending

    def new_rows(self, rows: Array) -> Array:
        """Those of `rows` that were neither asked nor told."""
        return rows[[self.is_new(row) for row in rows]] if len(rows) else rows

    def pick(self, rows: Array) -> Array:
        """One of rows that promise about the same, at least one: the first, or the quickest."""
        place = 0 if self._quickness is None else int(self._quickness.predict(rows).argmin())
        found: Array = rows[place]
        return found

    def known_loss(self, row: Array) -> float | None:
        """What was told of a row; None if nothing was."""
        place = self._places.get(key_of(row))
        return None if place is None else self.losses[place]

    def chance(self, purpose: int = 0) -> np.random.Generator:
        """Random numbers for this moment: the same whenever as much is known."""
        return np.random.default_rng((self._seed, self.count, purpose))

    def neighbours(self, row: Array, kind: Kind = "hamming") -> Array:
        """Valid rows that differ from one in a single parameter, known or not."""
        return neighbour_rows(self.space, row, kind)

    def next_random(self) -> Array | None:
        """A new configuration from one random sequence of all; None: there is none left."""
        while self._drawn is None or not self.is_new(self._drawn):
            self._drawn = next(self._stream, None)
            if self._drawn is None:
                return None
        return self._drawn

    def _draw_all(self) -> Iterator[Array]:
        """Every configuration at least once, in random order while that is cheap."""
        rng = np.random.default_rng((self._seed, 2**32))
        yield from self._first_rows(rng)
        fruitless = 0
        while fruitless < FRUITLESS_DRAWS:
            fruitless += 1
            for row in draw_rows(self.space, DRAWN_AT_ONCE, rng):
                if self.is_new(row):
                    fruitless = 0
                    yield row
        for block in self.space.rows():
            yield from rng.permutation(block).astype(np.int64)

    def _first_rows(self, rng: np.random.Generator) -> Array:
        """What the random sequence begins with."""
        return np.zeros((0, len(self.space.names)), dtype=np.int64)


def draw_rows(space: Space, count: int, rng: np.random.Generator) -> Array:
    """Random rows, without looking far for the last of them.

    Returns:
        `count` different ones, or all, of a space that was counted; otherwise what is found in
        `DRAWS` draws, at least one if there is any, and perhaps some of them twice.
    """
    if space.size is not None:
        return sample_rows(space, count, rng).astype(np.int64)
    rows = np.zeros((0, len(space.names)), dtype=np.int64)
    drawn = 0
    for batch, draws in space.implicit.batches(rng):
        rows, drawn = np.concatenate([rows, batch.astype(np.int64)]), drawn + draws
        if len(rows) >= count or drawn >= DRAWS:
            break
    return rows[:count] if len(rows) else sample_rows(space, 1, rng).astype(np.int64)


def key_of(row: Array) -> Key:
    """A row as a dictionary's key."""
    return row.astype(np.int64, copy=False).tobytes()
