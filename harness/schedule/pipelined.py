"""Compile ahead on the CPU while the lanes measure; each lane has a queue of its own.

A lane takes in a few tests more than it runs, so that a compiled one is ready whenever it is free;
how many is bounded, because a strategy asked far ahead decides with less knowledge: one that learns
nothing is asked further ahead, since compile times vary. Compilers serve the lane that has the
least to do. A lane whose runs are quick is given the next ones before it is free, so that it need
not wait to be noticed, and many results are recorded at once. When nothing more will come, idle
lanes take over what still waits for slower ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from harness.lane import Lane
from harness.model import OutcomeKind, Phase
from harness.schedule.base import ENOUGH_IN_HAND, POOL, Assignment, Job, JobEnded

QUICK_S = 0.05
"""What a lane can have in hand besides what it runs takes no longer than this."""
MOST_IN_HAND = 2 * ENOUGH_IN_HAND
"""It is no more tests than this, however quick they are."""
FAR_AHEAD = 16
"""How many tests a lane holds if no outcome changes which there will be."""


def look_ahead(lanes: int, workers: int) -> int:
    """How many tests each lane holds, the running one included.

    Compile workers plus lanes in total, at least 4; at least 3 per lane, and one per lane more
    than an even share, since compile times vary.
    """
    total = max(4, workers + lanes)
    return max(3, -(-total // lanes) + 1)


class _Pace:
    """How quick a lane is.

    Attributes:
        in_hand: how many runs it can have in hand besides the one that it does.
    """

    def __init__(self) -> None:
        self.in_hand = 0
        self._freed_s: float | None = None  # when its last job ended
        self._pace_s = 0.0

    def note(self, ended_s: float) -> None:
        """A job has ended. One that took long counts at once, quick ones by and by."""
        before_s, self._freed_s = self._freed_s, ended_s
        if before_s is None:
            return
        took_s = ended_s - before_s
        self._pace_s = max(took_s, (took_s + self._pace_s) / 2)
        many = self._pace_s * MOST_IN_HAND <= QUICK_S
        self.in_hand = MOST_IN_HAND if many else int(QUICK_S / self._pace_s)


class Pipelined:
    """Distribution `pipelined`, and `replicate` when lanes may not share.

    Args:
        bound: whether what is compiled fits only its lane (the compile command names it).
        share: whether an idle lane may take over another's tests.
    """

    def __init__(
        self, lanes: Sequence[Lane], *, workers: int, bound: bool, share: bool = True
    ) -> None:
        self._lanes = {lane.name: lane for lane in lanes}
        self._workers = workers
        self._bound = bound
        self._share = share
        self._depth = look_ahead(len(lanes), workers)
        self._lane_of: dict[int, str] = {}  # test id -> the lane that holds it, until measured
        self._held = {lane.name: 0 for lane in lanes}
        self._runs: dict[str, deque[Job]] = {lane.name: deque() for lane in lanes}
        self._given = {lane.name: 0 for lane in lanes}  # what it runs and has in hand
        self._paces = {lane.name: _Pace() for lane in lanes}
        self._compiles: dict[str, deque[Job]] = {lane.name: deque() for lane in lanes}
        self._building = {lane.name: 0 for lane in lanes}  # compiles that are under way
        self._cleans: deque[Job] = deque()
        self._compiling = 0

    def wants(self, *, ahead: bool) -> dict[str, int]:
        """How many more tests each lane can take in now; the emptiest first."""
        room = {}
        for name, held in self._held.items():
            depth = (
                max(self._depth, FAR_AHEAD) + self._paces[name].in_hand if ahead else self._depth
            )
            if held < depth:
                room[name] = depth - held
        return dict(sorted(room.items(), key=lambda item: -item[1]))

    def ready(self, job: Job) -> None:
        """Queue `job`: compiles and cleans for the pool, runs for their lane."""
        if job.phase is Phase.CLEAN:
            self._cleans.append(job)
            return
        self._hold(job, job.lane.name)
        if job.phase is Phase.COMPILE:
            self._compiles[job.lane.name].append(job)
        else:
            self._runs[job.lane.name].append(job)

    def _hold(self, job: Job, name: str) -> None:
        self._release(job)
        self._lane_of[job.test.id] = name
        self._held[name] += 1

    def _release(self, job: Job) -> None:
        self.dismiss(job.test.id)

    def dismiss(self, test_id: int) -> None:
        """The test leaves its lane's hold."""
        name = self._lane_of.pop(test_id, None)
        if name in self._held:
            self._held[name] -= 1

    def assign(self, *, drained: bool, ahead: bool) -> list[Assignment]:
        """Fill every free seat that has work, and the hands of quick lanes."""
        if drained and self._share:
            self._balance()
        given: list[Assignment] = []
        for name, queue in self._runs.items():
            most = 1 + self._paces[name].in_hand if ahead else 1
            while queue and self._given[name] < most:
                self._given[name] += 1
                given.append(Assignment(name, queue.popleft()))
        while self._compiling < self._workers and (job := self._next_of_pool()):
            self._compiling += 1
            given.append(Assignment(POOL, job))
        return given

    def _next_of_pool(self) -> Job | None:
        """A clean, or else a compile for the lane that has the least to do."""
        if self._cleans:
            return self._cleans.popleft()
        waiting = [name for name, queue in self._compiles.items() if queue]
        if not waiting:
            return None
        name = min(waiting, key=self._count_ahead)
        self._building[name] += 1
        return self._compiles[name].popleft()

    def _count_ahead(self, name: str) -> int:
        """How many tests a lane runs, can run, or soon can."""
        return self._given[name] + len(self._runs[name]) + self._building[name]

    def _balance(self) -> None:
        """Give each idle lane a test that waits for another lane, the longest queue first."""
        for name, lane in self._lanes.items():
            if self._held[name]:
                continue
            job = self._take_compiled(lane) or self._take_uncompiled()
            if job is None:
                return
            self._hold(job, name)
            moved = replace(job, lane=lane, test=replace(job.test, lane=name))
            (self._runs if job.phase is Phase.TEST else self._compiles)[name].append(moved)

    def _take_compiled(self, lane: Lane) -> Job | None:
        """A test that is compiled for a device of the same model, wherever it was to run."""
        if self._bound:
            return None
        donors = [
            name
            for name, queue in self._runs.items()
            if queue and self._lanes[name].device.model == lane.device.model
        ]
        if not donors:
            return None
        longest = max(donors, key=lambda name: self._held[name])
        return self._runs[longest].pop() if self._held[longest] > 1 else None

    def _take_uncompiled(self) -> Job | None:
        """A test whose compile has not begun, from a lane that holds others besides."""
        donors = [name for name, queue in self._compiles.items() if queue and self._held[name] > 1]
        if not donors:
            return None
        return self._compiles[max(donors, key=lambda name: self._held[name])].pop()

    def ended(self, ended: JobEnded) -> None:
        """Free the seat; a test that is measured, or will not be, leaves its lane's hold."""
        if ended.seat is POOL:
            self._compiling -= 1
            if ended.job.phase is Phase.COMPILE and ended.job.lane.name in self._building:
                self._building[ended.job.lane.name] -= 1
        elif ended.seat in self._given:
            self._given[ended.seat] -= 1
            self._paces[ended.seat].note(ended.ended_s)
        compiled = ended.job.phase is Phase.COMPILE and ended.kind is OutcomeKind.OK
        if not compiled:
            self._release(ended.job)

    def remove_lane(self, name: str) -> list[Job]:
        """Forget the lane; returns the jobs that waited for it."""
        del self._lanes[name], self._held[name], self._given[name], self._building[name]
        return [*self._runs.pop(name), *self._compiles.pop(name)]

    def withdraw(self) -> list[Job]:
        """Take back every compile and run that has not been assigned; cleans stay."""
        queues = [*self._compiles.values(), *self._runs.values()]
        jobs = [job for queue in queues for job in queue]
        for queue in queues:
            queue.clear()
        for job in jobs:
            self._release(job)
        return jobs
