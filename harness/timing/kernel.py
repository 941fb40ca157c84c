"""Times kernels on one lane by means of its kernel worker.

The worker is started on first use and replaced whenever it dies, hangs or says that its context is
corrupt; the test that did it is recorded and the lane goes on. How long a kernel may be silent is
`watchdog_s`. A worker that cannot be started again after it once worked means that the device is
lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeGuard

from harness.clock import Clock
from harness.errors import RunError
from harness.lane import Lane
from harness.measurement import ENERGY_S, DeviceState, Launch, Measurement
from harness.model import Evidence, OutcomeKind, Run, Test
from harness.timing.circumstances import DRIFTED, find_flags, make_measurement
from harness.timing.link import (
    DeviceLostError,
    Heed,
    Link,
    WorkerDiedError,
    WorkerHungError,
    ignore,
)
from harness.timing.protocol import Measure, Measured, PhaseName, Refused
from harness.timing.sentinel import LOOK_INDEX, REST_INDEX, REST_S, WARM_UP_S, Sentinel

LEAST_WATCHDOG_S = 1.0
FIRST_WATCHDOG_S = 30.0
"""How long a kernel may take while none has been measured yet."""
WATCHDOG_FACTOR = 20
GRACE_S = 0.5
"""What the worker may be silent for beside its kernel: it says every quarter of a second that it
samples, keeps a device that rested busy for a tenth, and writes over caches."""
LOAD_S = 60.0
"""How long loading a binary and copying its data may take."""
REFERENCE_S = 120.0
"""The same of a reference that is a kernel, with its launch: it is simple, and may be far slower
than the best."""


def watchdog_s(best_s: float | None, timeout_s: float | None) -> float:
    """How long a launch may take before it counts as hung.

    Args:
        best_s: the best launch so far.
        timeout_s: the config's own limit, which comes first.
    """
    if timeout_s is not None:
        return timeout_s
    if best_s is None:
        return FIRST_WATCHDOG_S
    return max(LEAST_WATCHDOG_S, WATCHDOG_FACTOR * best_s)


def silence_s(
    request: Measure, best_s: float | None, timeout_s: float | None, phase: PhaseName
) -> float | None:
    """How long the worker may be silent in a phase; None: what users' Python does takes its time.

    Args:
        best_s, timeout_s: as of `watchdog_s`.
    """
    if phase in ("launch", "sample"):
        # a hot sample begins with a launch that is not timed
        launches = 2 if phase == "sample" and request.mode == "hot" else 1
        return launches * watchdog_s(best_s, timeout_s) + GRACE_S
    if phase == "reference" and request.expectation and request.expectation.launch:
        return max(REFERENCE_S, timeout_s or 0.0)
    return LOAD_S if phase == "load" else None


@dataclass(frozen=True, slots=True)
class Scored:
    """What samples are worth.

    Attributes:
        sample: the objective's value; None: it could not be told.
        metrics: the config's metrics, by name.
        worths: the objective's value of each sample; empty where that is its time.
        reason: why there is no value.
    """

    sample: float | None
    metrics: tuple[tuple[str, float], ...] = ()
    worths: tuple[float, ...] = ()
    reason: str = ""


class KernelTimer:
    """Measures kernels on one lane; see `timing.base.Timer`.

    Args:
        make_link: starts a worker.
        make_request: what to measure for a test, given its run's index and the best run so far.
        score: what the samples of a test are worth.
        read_state: clocks and the like of the lane's device; None where they cannot be told.
        make_sentinel: the request that times the sentinel; None: there is none.
        is_retake: whether the run of an index is made since an earlier one was suspect; such a run
            begins with a look at the sentinel.
        timeout_s: how long a kernel may be silent; None: see `watchdog_s`.
        alone: whether there is no other lane: one that never measured anything ends the session
            then; else its device counts as lost, and the others go on.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        make_link: Callable[[], Link],
        make_request: Callable[[Test, int, Run | None], Measure],
        score: Callable[[Test, Measurement], Scored],
        clock: Clock,
        read_state: Callable[[], DeviceState | None] = lambda: None,
        make_sentinel: Callable[[], Measure] | None = None,
        is_retake: Callable[[int], bool] = lambda _: False,
        timeout_s: float | None = None,
        alone: bool = True,
    ) -> None:
        self._lane = lane
        self._alone = alone
        self._make_link = make_link
        self._make_request = make_request
        self._score = score
        self._clock = clock
        self._read_state = read_state
        self._make_sentinel = make_sentinel
        self._sentinel = Sentinel()
        self._is_retake = is_retake
        self._timeout_s = timeout_s
        self._lock = threading.RLock()  # of the link and what others want of it; a signal may nest
        self._link: Link | None = None
        self._is_open = False
        self._worked = False
        self._cancelled = False

    def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
        """Measure `test` once, which yields many samples.

        Raises:
            RunError: no worker can be started on the only lane, or the request makes no sense for
                any test.
        """
        if index in (LOOK_INDEX, REST_INDEX):
            return self._look_only(index)
        request = self._make_request(test, index, best)
        retake = self._is_retake(index)
        looked = self._look(due=retake)
        started_s = self._clock.now_s()
        states = [self._read_state()]

        def heed(phase: PhaseName) -> None:
            """Energy that goes into what comes before the samples is not theirs."""
            if phase == "sample" and len(states) == 1 and request.stopping.max_s >= ENERGY_S:
                states.append(self._read_state())

        answer, log = (looked, "") if _is_lost(looked) else self._ask(request, best, heed)
        if isinstance(answer, Refused):
            raise RunError(answer.reason)
        before, after = states[-1], self._read_state()
        measurement = make_measurement(request.launch, request.mode, answer, before, after)
        run = Run(
            index=index,
            kind=answer.kind,
            lane=self._lane.name,
            device_uuid=self._lane.device.uuid,
            started_s=started_s,
            elapsed_s=self._clock.now_s() - started_s,
            reason=answer.reason or _say_lost(answer),
            environment=self._lane.environment,
            measurement=self._mark(replace(measurement, retake=retake)),
        )
        if answer.kind in _QUIET:
            return self._with_score(run, test)
        evidence = Evidence(f"(launch of {request.function})", request.folders[0], output=log)
        return replace(run, evidence=evidence)

    def _look_only(self, index: int) -> Run:
        """Time the sentinel, and say what speaks against the device: a run without a sample."""
        started_s = self._clock.now_s()
        while index == REST_INDEX and self._clock.now_s() < started_s + REST_S:
            if self._is_cancelled():
                break
            self._clock.sleep(0.1)
        before = self._read_state()
        answer = self._look(due=True)
        flags = find_flags(before, self._read_state())
        kind = OutcomeKind.DEVICE_LOST if _is_lost(answer) else OutcomeKind.OK
        return Run(
            index=index,
            kind=OutcomeKind.INTERRUPTED if self._is_cancelled() else kind,
            lane=self._lane.name,
            device_uuid=self._lane.device.uuid,
            started_s=started_s,
            elapsed_s=self._clock.now_s() - started_s,
            measurement=self._mark(Measurement(Launch((1, 1, 1), (1, 1, 1)), "hot", flags=flags)),
        )

    def _look(self, *, due: bool) -> Measured | Refused | None:
        """Time the sentinel if it is time to; at first, until the device is warm.

        Args:
            due: whether it is, however many tests there were.

        Returns:
            What the worker said; None: it was not asked.

        Raises:
            RunError: the device of the only lane does not even run this, nor would it any test.
        """
        due = self._sentinel.is_due() or due
        if self._make_sentinel is None or not due:
            return None
        request, began_s, first = self._make_sentinel(), self._clock.now_s(), not self._worked
        looking = True
        while looking:
            answer, _ = self._ask(request, None)
            self._sentinel.take(answer)
            ran = isinstance(answer, Measured) and answer.kind is OutcomeKind.OK
            late = self._clock.now_s() - began_s > WARM_UP_S
            looking = first and ran and not late and not self._sentinel.is_warm
        if first and isinstance(answer, Measured) and answer.kind in _FAILED:
            return self._give_up(
                request.number,
                "not even the sentinel, a kernel of the harness's own, runs on "
                f"{self._lane.device.name}: {answer.reason}",
            )
        return answer

    def _give_up(self, number: int, why: str) -> Measured:
        """The lane never measured anything, and will not.

        Raises:
            RunError: there is no other.
        """
        if self._alone:
            raise RunError(f"lane {self._lane.name} cannot measure: {why}")
        return Measured(number, OutcomeKind.DEVICE_LOST, f"it cannot measure: {why}")

    def _mark(self, measurement: Measurement) -> Measurement:
        """With what the sentinel says of it."""
        flags = measurement.flags
        if self._sentinel.has_drifted:
            flags = (*flags, DRIFTED)
        return replace(measurement, sentinel_s=self._sentinel.last_s, flags=flags)

    def _with_score(self, run: Run, test: Test) -> Run:
        assert run.measurement is not None
        scored = self._score(test, run.measurement)
        measurement = replace(run.measurement, metrics=scored.metrics, worths=scored.worths)
        run = replace(run, measurement=measurement)
        if run.kind is not OutcomeKind.OK:
            return run
        if scored.sample is None:
            return replace(run, kind=OutcomeKind.NO_SCORE, reason=scored.reason)
        return replace(run, sample=scored.sample)

    def _ask(
        self, request: Measure, best: Run | None, heed: Heed = ignore
    ) -> tuple[Measured | Refused, str]:
        """The worker's answer, or what its silence means; and what it printed, if it failed."""
        limits = partial(silence_s, request, _typical_s(best), self._timeout_s)
        number = request.number
        try:
            link = self._connect()
        except DeviceLostError as error:
            return Measured(number, OutcomeKind.DEVICE_LOST, str(error)), ""
        except (WorkerDiedError, WorkerHungError, RunError) as error:
            if self._is_cancelled():
                return Measured(number, OutcomeKind.INTERRUPTED, "cancelled"), ""
            if not self._worked:
                return self._give_up(number, str(error)), ""
            reason = f"its kernel worker cannot be started again: {error}"
            return Measured(number, OutcomeKind.DEVICE_LOST, reason), ""
        try:
            answer = link.ask(request, limits, heed)
        except (WorkerDiedError, WorkerHungError) as error:
            answer = self._judge(number, error)
        failed = isinstance(answer, Measured) and answer.kind not in _QUIET
        log = link.read_log() if failed else ""
        self._worked = True
        if isinstance(answer, Measured) and answer.sticky:
            self._disconnect()
        return answer, log

    def _judge(self, number: int, error: WorkerDiedError | WorkerHungError) -> Measured:
        if self._is_cancelled():
            return Measured(number, OutcomeKind.INTERRUPTED, "cancelled", sticky=True)
        if isinstance(error, WorkerHungError):
            reason = f"no end of its {error.phase} phase within {error.limit_s:g} s"
            return Measured(number, OutcomeKind.TIMEOUT, reason, sticky=True)
        return Measured(number, OutcomeKind.RUN_FAILED, str(error), sticky=True)

    # -- the worker --------------------------------------------------------------------------

    def start(self) -> None:
        """Let the worker start while there is nothing to measure yet; whatever fails shows later.

        It is waited for when it is asked something for the first time.
        """
        with suppress(RunError, DeviceLostError, WorkerDiedError, WorkerHungError):
            self._begin()

    def _begin(self) -> Link:
        """The worker, which may still be starting."""
        with self._lock:
            if self._link is not None:
                return self._link
        link = self._make_link()
        with self._lock:
            self._link = link
            if self._cancelled:
                link.cancel()
        return link

    def _connect(self) -> Link:
        link = self._begin()
        if self._is_open:
            return link
        try:
            link.open()  # a cancel ends the wait, which may be long
        except BaseException:
            self._disconnect()
            raise
        self._is_open = True
        return link

    def _disconnect(self) -> None:
        with self._lock:
            link, self._link = self._link, None
            self._is_open = False
        if link is not None:
            link.close()

    def _is_cancelled(self) -> bool:
        with self._lock:
            return self._cancelled

    def cancel(self) -> None:
        """Kill the worker, and with it what runs; the run ends as `interrupted`."""
        with self._lock:
            self._cancelled = True
            if self._link is not None:
                self._link.cancel()

    def close(self) -> None:
        """End the worker."""
        self._disconnect()


def _is_lost(answer: Measured | Refused | None) -> TypeGuard[Measured]:
    """Whether the device is gone, as far as the worker knows."""
    return isinstance(answer, Measured) and answer.kind is OutcomeKind.DEVICE_LOST


_QUIET = frozenset({OutcomeKind.OK, OutcomeKind.CENSORED})
_FAILED = frozenset({OutcomeKind.RUN_FAILED, OutcomeKind.TIMEOUT})


def _typical_s(best: Run | None) -> float | None:
    """Seconds per launch of the best run."""
    if best is None or best.measurement is None or not best.measurement.samples_s:
        return None
    return min(best.measurement.samples_s)


def _say_lost(answer: Measured) -> str:
    if answer.kind is not OutcomeKind.CENSORED:
        return ""
    how = {"far": "far slower than", "slower": "slower than"}[answer.stop]
    return f"{how} the best after {len(answer.samples_s)} samples"
