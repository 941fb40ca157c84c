"""How to run a session, beside what the config says; and what shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from harness.events import Event
from harness.report.plain import PlainView
from harness.report.progress import Progress


class View(Protocol):
    """Shows a session while it runs."""

    def open(self) -> None:
        """The session begins."""

    def take(self, event: Event | None) -> None:
        """Something happened, or (None) time passed."""

    def close(self) -> None:
        """The session is over."""


MakeView = Callable[[Progress, Callable[[], float], Callable[[], int | None]], View]
"""Makes a view from the progress, the session's clock and the tests still to come."""


def make_plain_view(write: Callable[[str], object]) -> MakeView:
    """The view that gives `write` a line for each test that ends, and of counts now and then."""

    def make(
        progress: Progress, now_s: Callable[[], float], remaining: Callable[[], int | None]
    ) -> View:
        return PlainView(progress, write=write, now_s=now_s, remaining=remaining)

    return make


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a session, beside what the config says.

    Attributes:
        fresh: measure everything again, whatever the journal holds.
        retry: measure failed tests again.
        wait: wait for devices that another harness uses, instead of failing.
        check_tree: test a sample outside the variable tree's path.
        warm_start: sessions of the same journal whose results the strategy is told beforehand.
        make_view: what shows progress; None: nothing does.
        on_wait: is told which device is waited for.
    """

    fresh: bool = False
    retry: bool = False
    wait: bool = False
    check_tree: bool = False
    warm_start: tuple[str, ...] = ()
    make_view: MakeView | None = None
    on_wait: Callable[[str], None] = lambda _: None
