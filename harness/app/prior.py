"""What other sessions found, as knowledge to begin with: `--warm-start`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.app.setup import Setup
from harness.configuration import Configuration, name_best
from harness.errors import ConfigError
from harness.model import Outcome
from harness.space.space import Space
from harness.store.sessions import load_session
from harness.units import format_count


@dataclass(frozen=True, slots=True)
class Prior:
    """Outcomes that a strategy is told beforehand.

    Attributes:
        sessions: the numbers of the sessions that they come from.
    """

    sessions: tuple[int, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def load_prior(setup: Setup, sessions: Sequence[str]) -> Prior:
    """The final outcomes of sessions in the setup's journal, as far as they are in its space.

    Args:
        sessions: numbers, names of configs, or `last`.

    Raises:
        ConfigError: a session with another goal, or without a configuration of the space.
        StoreError: no such session.
    """
    numbers: list[int] = []
    found: list[Outcome] = []
    for which in sessions:
        stored = load_session(setup.spec.journal_path, which)
        place = f"warm start from session {stored.info.id} ({stored.info.name})"
        if stored.info.goal != setup.goal:
            raise ConfigError(
                f"{place}: its best score is the {name_best(stored.info.goal)}, here it is the "
                f"{name_best(setup.goal)}; choose a session with the same goal"
            )
        fitting = fit_outcomes(stored.outcomes, setup.space)
        if not fitting:
            raise ConfigError(
                f"{place}: of its {format_count(len(stored.outcomes), 'test')} none is in this "
                "space; choose a session with the same parameters"
            )
        numbers.append(stored.info.id)
        found += fitting
    return Prior(tuple(numbers), tuple(found))


def fit_outcomes(outcomes: Iterable[Outcome], space: Space) -> list[Outcome]:
    """The final ones of configurations in `space`, these in its order of parameters."""
    return [
        replace(outcome, configuration=_reorder(outcome.configuration, space.names))
        for outcome in outcomes
        if outcome.kind.is_final and space.is_valid(outcome.configuration)
    ]


def _reorder(configuration: Configuration, names: tuple[str, ...]) -> Configuration:
    return Configuration(names, tuple(configuration[name] for name in names))
