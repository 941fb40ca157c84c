"""The executor of real sessions: one thread per lane, a pool of compile threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from queue import Empty, SimpleQueue

from harness.clock import SystemClock
from harness.compile.base import Compiler
from harness.events import Event, PhaseStarted
from harness.lane import Lane
from harness.model import Phase
from harness.schedule.base import ENOUGH_IN_HAND, POOL, Assignment, Crashed, Job, Report
from harness.schedule.quiet import QuietGate
from harness.schedule.work import Bench, do_job
from harness.timing.base import Timer

MakeCompiler = Callable[[Lane | None], Compiler]
"""Makes a thread's compiler: for a lane's thread, or (None) for a compile worker's."""

MakeTimer = Callable[[Lane], Timer]


class _Seat:
    """A thread that does the jobs of its inbox, with a compiler and a timer of its own."""

    def __init__(
        self,
        lane: Lane | None,
        name: str,
        inbox: SimpleQueue[Job | None],
        executor: ThreadExecutor,
    ) -> None:
        self.lane = lane
        self.name = name
        self.compiler: Compiler | None = None
        self.timer: Timer | None = None
        self._inbox = inbox
        self._executor = executor
        self._held: list[Report] = []
        self.thread = threading.Thread(target=self._work, name=f"harness-{name}", daemon=True)

    def _get_compiler(self) -> Compiler:
        if self.compiler is None:
            self.compiler = self._executor.make_compiler(self.lane)
        return self.compiler

    def _get_timer(self) -> Timer:
        if self.timer is None:
            assert self.lane is not None, "only lanes run tests"
            self.timer = self._executor.make_timer(self.lane)
        return self.timer

    def _work(self) -> None:
        executor = self._executor
        seat = self.lane.name if self.lane else POOL
        bench = Bench(
            seat,
            self.name,
            compiler=self._get_compiler,
            timer=self._get_timer,
            now_s=executor.now_s,
            emit=self._emit,
            stopping=executor.is_stopping,
        )
        try:
            if self.lane is not None:
                self._get_timer()  # so that what it starts is there when the first test is
            while (job := self._inbox.get()) is not None:
                with executor.gate.open(self._get_compiler, timed=job.phase is Phase.TEST):
                    ended = do_job(job, bench)
                self._post(ended)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            self._post(Crashed(seat, error))
        finally:
            self._close()

    def _emit(self, event: Event) -> None:
        """Hand on an event: an end goes with what follows it at once, a start or the job's end.

        So the main thread is not woken twice, and the disk not used twice.
        """
        if not isinstance(event, PhaseStarted):
            self._held.append(event)
        elif self._held:
            self._post(event)
        else:
            self._executor.post([event], wake=False)  # only views care

    def _post(self, report: Report) -> None:
        # A lane that has enough in hand lets the main thread sleep: one batch for all.
        wake = self._inbox.qsize() < ENOUGH_IN_HAND or isinstance(report, Crashed)
        self._executor.post([*self._held, report], wake=wake)
        self._held.clear()

    def cancel(self) -> None:
        for worker in (self.timer, self.compiler):
            if worker is not None:
                worker.cancel()

    def _close(self) -> None:
        """By its own thread, so that all seats close at once."""
        for worker in (self.timer, self.compiler):
            if worker is not None:
                worker.close()


class _NoGate:
    """Compiling and timing may overlap."""

    def open(self, compiler: object, *, timed: bool) -> nullcontext[None]:
        return nullcontext()


class ThreadExecutor:
    """Does jobs in threads; frozen values go over queues and nothing else is shared.

    Args:
        lanes: one thread each.
        workers: compile threads.
        quiet_timing: stop compiling while any run is timed.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        *,
        workers: int,
        make_compiler: MakeCompiler,
        make_timer: MakeTimer,
        clock: SystemClock,
        quiet_timing: bool = False,
    ) -> None:
        self.workers = workers
        self.make_compiler = make_compiler
        self.make_timer = make_timer
        self.gate: QuietGate | _NoGate = QuietGate() if quiet_timing else _NoGate()
        self.now_s = clock.now_s
        self._reports: deque[Report] = deque()
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._stopping = threading.Event()
        self._inboxes: dict[str | None, SimpleQueue[Job | None]] = {
            seat: SimpleQueue() for seat in [POOL, *(lane.name for lane in lanes)]
        }
        self._seats = [_Seat(lane, lane.name, self._inboxes[lane.name], self) for lane in lanes]
        self._seats += [
            _Seat(None, f"compile-{number}", self._inboxes[POOL], self)
            for number in range(1, workers + 1)
        ]
        for seat in self._seats:
            seat.thread.start()

    def post(self, reports: Sequence[Report], *, wake: bool = True) -> None:
        """Hand reports to the main thread: at once, or when it next looks."""
        self._reports.extend(reports)
        if wake:
            self._wakes.put(None)

    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def submit(self, assignment: Assignment) -> None:
        """Start a job on a seat, when it is free."""
        self._inboxes[assignment.seat].put(assignment.job)

    def wait(self, timeout_s: float | None = None) -> list[Report]:
        """What happened since the last call; blocks until there is something, or `timeout_s`."""
        with suppress(Empty):
            self._wakes.get(timeout=timeout_s)
            while True:
                self._wakes.get_nowait()
        return [self._reports.popleft() for _ in range(len(self._reports))]

    def stop(self) -> None:
        """Let runs that have begun end, and nothing else. Safe in a signal handler."""
        self._stopping.set()
        for seat in self._seats:
            if seat.lane is None and seat.compiler is not None:
                seat.compiler.cancel()
        self._wakes.put(None)

    def cancel(self) -> None:
        """Kill whatever runs. Safe in a signal handler."""
        self._stopping.set()
        for seat in self._seats:
            seat.cancel()
        self._wakes.put(None)

    def close(self) -> None:
        """End the seats; what still runs is killed."""
        for seat in self._seats:
            seat.cancel()
            self._inboxes[seat.lane.name if seat.lane else POOL].put(None)
        for seat in self._seats:
            seat.thread.join()
