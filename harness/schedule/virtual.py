"""The executor of simulations: jobs take no time, and the clock jumps from end to end."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from harness.clock import Clock, VirtualClock
from harness.compile.base import Compiler
from harness.events import Event
from harness.lane import Lane
from harness.schedule.base import POOL, Assignment, Job, Report
from harness.schedule.work import Bench, do_job
from harness.timing.base import Timer


@dataclass(slots=True)
class _Seat:
    """A lane or a compile worker, with a clock of its own that runs ahead while it works."""

    seat: str | None
    name: str
    clock: VirtualClock
    compiler: Compiler
    timer: Timer | None


class VirtualExecutor:
    """Does each job at once, on the main thread, and reports it when its simulated time is over.

    Args:
        make_compiler, make_timer: as for threads, with the clock that their seat sleeps on; what
            they return sleeps for as long as the real thing would take.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        *,
        workers: int,
        make_compiler: Callable[[Lane | None, Clock], Compiler],
        make_timer: Callable[[Lane, Clock], Timer],
    ) -> None:
        self.workers = workers
        self._now_s = 0.0
        self._stopping = False
        self._pending: list[tuple[float, int, Report]] = []
        self._count = 0
        self._seats: dict[str | None, list[_Seat]] = {POOL: []}
        for lane in lanes:
            clock = VirtualClock()
            self._seats[lane.name] = [
                _Seat(
                    lane.name, lane.name, clock, make_compiler(lane, clock), make_timer(lane, clock)
                )
            ]
        for number in range(1, workers + 1):
            clock = VirtualClock()
            self._seats[POOL].append(
                _Seat(POOL, f"compile-{number}", clock, make_compiler(None, clock), None)
            )

    def now_s(self) -> float:
        """Virtual seconds since the start."""
        return self._now_s

    def submit(self, assignment: Assignment) -> None:
        """Do the job now and report it when its time is over."""
        seat = min(self._seats[assignment.seat], key=lambda seat: seat.clock.now_s())
        seat.clock.advance_to(self._now_s)
        self._do(seat, assignment.job)

    def _do(self, seat: _Seat, job: Job) -> None:
        bench = Bench(
            seat.seat,
            seat.name,
            compiler=lambda: seat.compiler,
            timer=partial(_timer_of, seat),
            now_s=seat.clock.now_s,
            emit=partial(self._post, seat.clock),
            stopping=lambda: self._stopping,
        )
        ended = do_job(job, bench)
        self._push(ended.ended_s, ended)

    def _post(self, clock: VirtualClock, event: Event) -> None:
        self._push(clock.now_s(), event)

    def _push(self, at_s: float, report: Report) -> None:
        self._count += 1
        heapq.heappush(self._pending, (at_s, self._count, report))

    def wait(self, timeout_s: float | None = None) -> list[Report]:
        """Everything that happens at the next instant at which something does."""
        batch: list[Report] = []
        if self._pending:
            self._now_s = self._pending[0][0]
        while self._pending and self._pending[0][0] <= self._now_s:
            batch.append(heapq.heappop(self._pending)[2])
        return batch

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True

    def cancel(self) -> None:
        """The same: simulated jobs are already over."""
        self._stopping = True

    def close(self) -> None:
        """Close compilers and timers."""
        for seats in self._seats.values():
            for seat in seats:
                seat.compiler.close()
                if seat.timer is not None:
                    seat.timer.close()


def _timer_of(seat: _Seat) -> Timer:
    assert seat.timer is not None, "only lanes run tests"
    return seat.timer
