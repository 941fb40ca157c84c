"""Compile all tests, pool every run, clean all (Idea 1 of the plan).

Every repetition is a job of its own, dealt to whichever lane is free: first the first run of every
test, then the second, and so on, which spreads slow drift of a machine evenly over the tests. So
the samples of one test come from several lanes, unless its binary fits only one lane or the lanes'
devices are of different models; then they stay on the lane it was compiled for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Literal

from harness.lane import Lane
from harness.model import OutcomeKind, Phase
from harness.schedule.base import POOL, Assignment, Job, JobEnded

_BATCH = 256


class Pooled:
    """Distribution `pooled`: rounds of compile, run, clean.

    A round takes in everything the strategy will give before it is told more: all tests for an
    exhaustive search, a batch for one that learns.
    """

    def __init__(self, lanes: Sequence[Lane], *, workers: int, bound: bool) -> None:
        self._lanes = {lane.name: lane for lane in lanes}
        self._workers = workers
        self._stay = bound or len({lane.device.model for lane in lanes}) > 1
        self._stage: Literal["compile", "run", "clean"] = "compile"
        self._compiles: deque[Job] = deque()
        self._compiled: list[Job] = []
        self._runs: dict[str, deque[Job]] = {}
        self._cleans: deque[Job] = deque()
        self._pool_busy = 0
        self._lanes_busy: set[str] = set()

    def wants(self, *, ahead: bool) -> dict[str, int]:
        """Everything there is, while a round is being compiled."""
        if self._stage != "compile":
            return {}
        return {name: max(1, _BATCH // len(self._lanes)) for name in self._lanes}

    def ready(self, job: Job) -> None:
        """Keep `job` for its stage of the round."""
        if job.phase is Phase.COMPILE:
            self._compiles.append(job)
        elif job.phase is Phase.CLEAN:
            self._cleans.append(job)
        else:
            self._compiled.append(job)

    def assign(self, *, drained: bool, ahead: bool) -> list[Assignment]:
        """Start what the present stage has, and go on to the next when it is done."""
        while True:
            if self._stage == "run":
                given = self._assign_runs()
            else:
                given = self._assign_pool(
                    self._compiles if self._stage == "compile" else self._cleans
                )
            if given or not self._advance(drained=drained):
                return given

    def _advance(self, *, drained: bool) -> bool:
        """Go to the next stage if this one is done and there is anything to go for."""
        if self._stage == "compile":
            waits = bool(self._compiled or self._cleans)
            if not waits or not drained or self._compiles or self._pool_busy:
                return False
            self._stage = "run"
            self._pool_runs()
        elif self._stage == "run":
            if any(self._runs.values()) or self._lanes_busy:
                return False
            self._stage = "clean"
        else:
            if self._cleans or self._pool_busy:
                return False
            self._stage = "compile"
        return True

    def _assign_pool(self, queue: deque[Job]) -> list[Assignment]:
        given = []
        while queue and self._pool_busy < self._workers:
            self._pool_busy += 1
            given.append(Assignment(POOL, queue.popleft()))
        return given

    def _assign_runs(self) -> list[Assignment]:
        given = []
        for name, lane in self._lanes.items():
            queue = self._runs.get(name if self._stay else "")
            if queue and name not in self._lanes_busy:
                self._lanes_busy.add(name)
                given.append(Assignment(name, replace(queue.popleft(), lane=lane)))
        return given

    def _pool_runs(self) -> None:
        """Split the compiled tests into single runs, all first runs before all second ones."""
        split = [[replace(job, runs=(index,)) for index in job.runs] for job in self._compiled]
        self._compiled.clear()
        self._runs = {}
        for rank in zip_longest(*split):
            for job in rank:
                if job is not None:
                    queue = job.lane.name if self._stay else ""
                    self._runs.setdefault(queue, deque()).append(job)

    def ended(self, ended: JobEnded) -> None:
        """Free the seat; a failed run takes the test's remaining runs with it."""
        if ended.seat is POOL:
            self._pool_busy -= 1
            return
        self._lanes_busy.discard(ended.seat)
        if ended.kind is not OutcomeKind.OK:
            for name, queue in self._runs.items():
                self._runs[name] = deque(job for job in queue if job.test.id != ended.job.test.id)

    def dismiss(self, test_id: int) -> None:
        """Nothing is held for a test that is not ready."""

    def remove_lane(self, name: str) -> list[Job]:
        """Forget the lane; returns the jobs that only it could do."""
        del self._lanes[name]
        if not self._stay:
            return []
        orphans = [job for job in [*self._compiled, *self._compiles] if job.lane.name == name]
        self._compiled = [job for job in self._compiled if job.lane.name != name]
        self._compiles = deque(job for job in self._compiles if job.lane.name != name)
        return [*orphans, *self._runs.pop(name, ())]

    def withdraw(self) -> list[Job]:
        """Take back every compile and run that has not been assigned; cleans stay."""
        waiting = [job for queue in self._runs.values() for job in queue]
        jobs = [*self._compiles, *self._compiled, *waiting]
        self._compiles.clear()
        self._compiled.clear()
        self._runs.clear()
        return jobs
