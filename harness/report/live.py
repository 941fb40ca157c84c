"""The live view on a terminal: each lane, progress, the best so far, failures, time left."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.events import Event, Note
from harness.model import Phase
from harness.report.plain import describe_score, describe_session
from harness.report.progress import Progress, SeatState
from harness.report.ranking import is_ranking
from harness.units import format_duration, format_text

_WORDS = {Phase.COMPILE: "compiling", Phase.TEST: "running", Phase.CLEAN: "cleaning"}


class LiveView:
    """Redraws a few lines in place; warnings scroll by above them.

    Args:
        remaining: how many more tests the strategy will ask for, if known.
    """

    def __init__(
        self,
        progress: Progress,
        *,
        console: Console,
        now_s: Callable[[], float],
        remaining: Callable[[], int | None],
    ) -> None:
        self._progress = progress
        self._now_s = now_s
        self._remaining = remaining
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def open(self) -> None:
        """Say what is about to happen and begin drawing."""
        self._console.print(Text(format_text(describe_session(self._progress.info))))
        self._live.start()

    def take(self, event: Event | None) -> None:
        """Show `event`; None is a tick."""
        if isinstance(event, Note) and not is_ranking(event):  # the summary says who won
            self._live.console.print(
                Text(format_text(f"{event.level}: {event.text}"), style="yellow")
            )
        elif event is None:
            self._live.update(self._draw(), refresh=True)

    def close(self) -> None:
        """Stop drawing and leave the terminal as it was."""
        self._live.stop()

    def _draw(self) -> RenderableType:
        return Group(self._bar(), self._lanes(), self._best())

    def _bar(self) -> RenderableType:
        progress = self._progress
        elapsed = max(self._now_s() - progress.info.started_s, 1e-9)
        left = progress.count_left(self._remaining())
        total = None if left is None else progress.done + left
        line = Table.grid(padding=(0, 1))
        counts = f"{progress.done}/{'?' if total is None else total} tests"
        counts += "".join(f", [red]{text}[/red]" for text in progress.describe_losses())
        counts += "".join(f", {text}" for text in progress.describe_again())
        timing = format_duration(elapsed)
        if left and progress.tested:
            timing += f", about {format_duration(elapsed / progress.tested * left)} left"
        line.add_row(
            ProgressBar(total=total or 1, completed=progress.done if total else 0, width=30),
            counts,
            timing,
        )
        return line

    def _lanes(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        names = [lane.name for lane in self._progress.info.lanes]
        pool = sorted(name for name in self._progress.seats if name not in names)
        for name in names:
            table.add_row(Text(name, style="bold"), self._state(name))
        active = [name for name in pool if self._progress.seats[name].test_id]
        if pool:
            table.add_row("compile", f"{len(active)} of {len(pool)} workers busy")
        return table

    def _state(self, name: str) -> str:
        seat = self._progress.seats.get(name, SeatState())
        if not seat.test_id or seat.phase is None:
            return "[dim]idle[/dim]"
        since = format_duration(max(0.0, self._now_s() - seat.since_s))
        run = f", run {seat.run + 1} of {self._progress.info.repeat}"
        return (
            f"{_WORDS[seat.phase]} test {seat.test_id}"
            f"{run if seat.phase is Phase.TEST else ''} [dim]{since}[/dim]"
        )

    def _best(self) -> RenderableType:
        info = self._progress.info
        lines = []
        for group, outcome in sorted(self._progress.best.items()):
            simulated = " simulated" if info.simulated else ""
            lines.append(
                Text(
                    format_text(
                        f"best{f' on {group}' if group else ''}{simulated}: "
                        f"{describe_score(outcome, info.unit)}  {outcome.configuration}"
                    ),
                    style="green",
                    no_wrap=True,
                    overflow="ellipsis",
                )
            )
        return Group(*lines)
