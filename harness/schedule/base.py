"""Jobs, the seats that do them, and the two seams of scheduling: Executor and Distribution.

A *seat* is where work is done: a lane (by name) or the compile pool (`POOL`). A *job* is one phase
of one test. The engine says which jobs are ready; a distribution decides which seat does which,
and when; an executor does them, in threads or in virtual time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.events import Event
from harness.lane import Lane
from harness.model import OutcomeKind, Phase, Run, Test

POOL = None
"""The seat of the compile workers."""
ENOUGH_IN_HAND = 4
"""A lane that has as many jobs waiting at its seat need not be given more at once."""


@dataclass(frozen=True, slots=True)
class Job:
    """One phase of one test.

    Attributes:
        lane: the lane in whose name it is done; runs are done on it.
        runs: for `Phase.TEST`, the indices of the runs to make, in order.
        best: for `Phase.TEST`, the best run so far on devices of the lane's model.
    """

    test: Test
    phase: Phase
    lane: Lane
    runs: tuple[int, ...] = ()
    best: Run | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A job for a seat that is free."""

    seat: str | None
    job: Job


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A seat is free again.

    Attributes:
        kind: `ok`, or how the job failed; a job of several runs ends at the first that fails.
        reason: the failure in one line.
    """

    seat: str | None
    job: Job
    kind: OutcomeKind
    ended_s: float


@dataclass(frozen=True, slots=True)
class Crashed:
    """A seat raised something that is not a test's failure: the session cannot go on."""

    seat: str | None
    error: BaseException


Report = Event | JobEnded | Crashed


class Executor(Protocol):
    """Does jobs; the main thread hands them out and collects what happened."""

    workers: int
    """Compile workers."""

    def submit(self, assignment: Assignment) -> None:
        """Start a job on a seat, when it is free."""

    def wait(self, timeout_s: float | None = None) -> Sequence[Report]:
        """What happened since the last call; blocks until there is something, or `timeout_s`."""

    def now_s(self) -> float:
        """The session's clock."""

    def stop(self) -> None:
        """Let runs that have begun end, and nothing else: no further repetitions, no compiles."""

    def cancel(self) -> None:
        """Kill whatever runs."""

    def close(self) -> None:
        """End the seats; what still runs is killed."""


class Distribution(Protocol):
    """Decides which seat does which job, and when. Pure: no threads, no clock."""

    def wants(self, *, ahead: bool) -> dict[str, int]:
        """How many more tests each lane (by name) can take in now.

        Args:
            ahead: no outcome changes what will be asked for.
        """

    def ready(self, job: Job) -> None:
        """`job` can be done from now on."""

    def assign(self, *, drained: bool, ahead: bool) -> list[Assignment]:
        """The jobs to start now, each on a seat that is free or (`ahead`) will soon be.

        Args:
            drained: nothing more will become ready until a job ends.
            ahead: no outcome makes other tests needless.
        """

    def ended(self, ended: JobEnded) -> None:
        """A seat is free again; its job is over."""

    def dismiss(self, test_id: int) -> None:
        """Nothing more becomes ready of a test that was compiled: it need not be run."""

    def remove_lane(self, name: str) -> list[Job]:
        """The lane's device is lost: the jobs that waited for it."""

    def withdraw(self) -> list[Job]:
        """Take back every job that has not been assigned."""
