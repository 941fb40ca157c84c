"""What a session knows of its tests before it begins: from itself, and from other sessions."""

from __future__ import annotations

from collections.abc import Callable, Collection

from harness.app.retakes import restore
from harness.configuration import Configuration
from harness.model import Outcome
from harness.store.base import Begun

Find = Callable[[str], Outcome | None]
"""The outcome of a test, by its key, if it is known."""


def make_recall(begun: Begun, elsewhere: Find | None) -> Find:
    """Where the engine looks a test up before it is made.

    Args:
        begun: the session; the search goes on with what it was told then.
        elsewhere: other sessions; None: nothing is taken from them.
    """
    recorded = {outcome.key: outcome for outcome in begun.outcomes}

    def recall(key: str) -> Outcome | None:
        known = recorded.get(key)
        if known is not None:
            return restore(known)
        return None if elsewhere is None else elsewhere(key)

    return recall


def list_known(begun: Begun) -> list[Outcome]:
    """What earlier invocations of the session have measured, as the search was told of it."""
    return [restore(outcome) for outcome in begun.outcomes]


def find_tests(
    begun: Begun, lanes: Collection[str] | None = None
) -> dict[Configuration, Outcome | None]:
    """The tests that earlier searches have begun, with their outcomes if they have one.

    Args:
        lanes: only those of these; None: all.
    """

    def is_wanted(number: int, lane: str) -> bool:
        return number not in begun.beside and (lanes is None or lane in lanes)

    unfinished = [test for test, _ in begun.unfinished if is_wanted(test.id, test.lane)]
    outcomes = [o for o in list_known(begun) if is_wanted(o.test_id, o.lane)]
    return {
        **{test.configuration: None for test in unfinished},
        **{outcome.configuration: outcome for outcome in outcomes},
    }
