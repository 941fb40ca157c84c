"""Each lane compiles, runs and cleans one test at a time (Idea 2 of the plan)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from harness.lane import Lane
from harness.model import Phase
from harness.schedule.base import Assignment, Job, JobEnded


class PerTest:
    """Distribution `per-test`: the compile pool is not used."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._queues: dict[str, deque[Job]] = {lane.name: deque() for lane in lanes}
        self._busy: set[str] = set()

    def wants(self, *, ahead: bool) -> dict[str, int]:
        """One test for each lane that has nothing to do."""
        return {
            name: 1 for name, queue in self._queues.items() if not queue and name not in self._busy
        }

    def ready(self, job: Job) -> None:
        """Queue `job` on its lane."""
        self._queues[job.lane.name].append(job)

    def assign(self, *, drained: bool, ahead: bool) -> list[Assignment]:
        """The next job of each free lane."""
        given = []
        for name, queue in self._queues.items():
            if queue and name not in self._busy:
                self._busy.add(name)
                given.append(Assignment(name, queue.popleft()))
        return given

    def ended(self, ended: JobEnded) -> None:
        """The lane is free again."""
        assert ended.seat is not None
        self._busy.discard(ended.seat)

    def dismiss(self, test_id: int) -> None:
        """Nothing is held for a test that is not ready."""

    def remove_lane(self, name: str) -> list[Job]:
        """Forget the lane; returns the jobs that waited for it."""
        return list(self._queues.pop(name))

    def withdraw(self) -> list[Job]:
        """Take back every compile and run that has not been assigned; cleans stay."""
        taken: list[Job] = []
        for queue in self._queues.values():
            cleans = [job for job in queue if job.phase is Phase.CLEAN]
            taken += [job for job in queue if job.phase is not Phase.CLEAN]
            queue.clear()
            queue.extend(cleans)
        return taken
