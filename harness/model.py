"""The words of the harness as frozen data: what packages hand to each other.

Nothing here does anything. Times are seconds (float); instants are seconds of the session's clock
(Unix time, or virtual time from 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.configuration import Configuration, Goal, Value, show_value
from harness.lane import IMPORTED, Lane
from harness.measurement import SUSPECT, Measurement


class Phase(str, Enum):
    """The three parts of a test."""

    COMPILE = "compile"
    TEST = "test"
    CLEAN = "clean"


class OutcomeKind(str, Enum):
    """How a test ended."""

    OK = "ok"
    COMPILE_FAILED = "compile_failed"
    RUN_FAILED = "run_failed"
    TIMEOUT = "timeout"
    WRONG_RESULT = "wrong_result"
    NO_SCORE = "no_score"
    DEVICE_LOST = "device_lost"
    INTERRUPTED = "interrupted"
    CENSORED = "censored"
    INVALID = "invalid"

    @property
    def is_failure(self) -> bool:
        """Whether something went wrong; a test that was not worth finishing did not fail."""
        return self not in _NO_FAILURES

    @property
    def is_final(self) -> bool:
        """Whether the test need not be repeated when its session is resumed."""
        return self not in (OutcomeKind.DEVICE_LOST, OutcomeKind.INTERRUPTED)


_NO_FAILURES = frozenset(
    {OutcomeKind.OK, OutcomeKind.INTERRUPTED, OutcomeKind.INVALID, OutcomeKind.CENSORED}
)


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start.

    Attributes:
        argv: program and arguments; a shell command is `("/bin/sh", "-c", text)`.
        text: the command as a person would type it.
        directory: absolute path of the working directory.
        environment: variables added to the harness's own.
        timeout_s: killed after this long; None: never.
    """

    argv: tuple[str, ...]
    text: str
    directory: str
    environment: tuple[tuple[str, str], ...] = ()
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """How a process ended and what it used.

    Attributes:
        started_ns: the monotonic clock just before the process was started.
        elapsed_s: from then until it was reaped.
        exit_code: None if a signal ended it or it was never started.
        stdout, stderr: head and tail of what it wrote, cut in the middle where it was too long.
        error: why it could not be started or was stopped by the harness; empty otherwise.
        leftovers: processes that it left running and that were killed.
        stuck: it, or what it started, cannot be killed and may still use the device.
    """

    started_ns: int
    elapsed_s: float
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    cancelled: bool = False
    user_s: float = 0.0
    system_s: float = 0.0
    max_rss_bytes: int = 0
    involuntary_switches: int = 0
    stdout: str = ""
    stderr: str = ""
    error: str = ""
    leftovers: int = 0
    stuck: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether it ran and returned 0."""
        return self.exit_code == 0 and not self.error and not self.timed_out


@dataclass(frozen=True, slots=True)
class Resources:
    """What one kernel of a binary takes of a multiprocessor, and what it spills.

    Attributes:
        registers: per thread.
        shared_bytes: static shared memory per block; what the launch adds is not in it.
        constant_bytes: constant memory, the kernel's arguments among it.
        local_bytes: stack frame per thread, in local memory.
        spill_store_bytes, spill_load_bytes: what the compiler moved from registers to memory and
            back, per thread, as it counts them; None: it did not say.
        max_threads: the largest block the kernel was compiled for; 0: it does not say.
        parameter_bytes: of each of the kernel's parameters, in order; None: it does not say.
    """

    registers: int = 0
    shared_bytes: int = 0
    constant_bytes: int = 0
    local_bytes: int = 0
    spill_store_bytes: int | None = None
    spill_load_bytes: int | None = None
    max_threads: int = 0
    parameter_bytes: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Emulated:
    """What running a kernel on the CPU, at a small size, says of it.

    Attributes:
        problem: the sizes that it was run at.
        error: the greatest difference from the reference; None: it could not be compared.
        unverified: why not; empty if it was.
    """

    problem: tuple[tuple[str, Value], ...] = ()
    error: float | None = None
    unverified: str = ""

    @property
    def place(self) -> str:
        """The sizes, for people: `M = 64, N = 64`."""
        return ", ".join(f"{name} = {show_value(value)}" for name, value in self.problem)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled kernel: machine code on disk, ready to load.

    Attributes:
        path: the cubin, in the cache; absolute.
        digest: of what is loaded of it: kernels of equal digest are the same machine code.
        function: the name to load from it, as the compiler mangled it.
        compiler: which one, with its version: `nvcc 13.0.88`.
        architecture: what it runs on: `sm_90`.
        cached: whether it was there already.
        emulated: what the emulation says of its source; None: it was not asked.
    """

    path: str
    digest: str
    function: str
    resources: Resources
    compiler: str
    architecture: str
    cached: bool = False
    emulated: Emulated | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """A configuration to be compiled, run `repeat` times and cleaned, on its lane.

    Attributes:
        id: 1, 2, 3 … in the order the tests of a session are created; what `%%ID%%` becomes.
        key: identity: tests with the same key measure the same thing (store/identity.py).
        lane: the lane it was created for, in whose name it is compiled and cleaned.
        artifact: what its compile made, where that is a kernel's binary.
    """

    __test__ = False  # not a test case, whatever pytest thinks of its name

    id: int
    configuration: Configuration
    key: str
    lane: str
    artifact: Artifact | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is kept of a phase that failed.

    Attributes:
        command: the command line as run.
        output: the last 40 lines of what it wrote (stderr after stdout).
    """

    command: str
    directory: str
    exit_code: int | None = None
    signal: int | None = None
    output: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One timed execution of a test.

    Attributes:
        index: 0, 1, 2 … within the test.
        kind: `ok`, or how it failed.
        sample: seconds, or the figure of merit; None if it failed.
        started_s: instant of its start.
        environment: what the lane added to its environment.
        measurement: of a kernel: everything measured in this run, of which `sample` is the score.
    """

    index: int
    kind: OutcomeKind
    lane: str
    device_uuid: str
    started_s: float
    elapsed_s: float
    sample: float | None = None
    reason: str = ""
    evidence: Evidence | None = None
    exit_code: int | None = None
    signal: int | None = None
    user_s: float = 0.0
    system_s: float = 0.0
    max_rss_bytes: int = 0
    involuntary_switches: int = 0
    stdout: str = ""
    stderr: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    measurement: Measurement | None = None


@dataclass(frozen=True, slots=True)
class Build:
    """How a compile or a clean went.

    Attributes:
        kind: `ok`, `compile_failed`, `timeout`, `interrupted`, or `invalid`: it was not compiled,
            or need not be run, since the device cannot launch it; or `wrong_result`: so the
            emulation says.
        seat: the lane or compile worker that did it.
        artifact: of a kernel: the binary.
    """

    phase: Phase
    kind: OutcomeKind
    seat: str
    started_s: float
    elapsed_s: float
    reason: str = ""
    evidence: Evidence | None = None
    artifact: Artifact | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """How a test ended: what the journal keeps and the strategy is told.

    Attributes:
        score: the aggregated samples; None unless kind is `ok`.
        reason: why it failed, in one line; empty when it did not.
        compile_s: how long its compile took, the look into a cache included.
        compile_started_s: instant at which that began; None: it was not compiled in this session,
            or the journal is of a harness that did not record it.
        compile_seat: what compiled it: `compile`, which is the compile pool, or a lane's name.
        reused_from: session id of the measurement this is a copy of; None: measured here.
        artifact: the binary of a kernel.
        copy_of: id of the test of this session whose measurement it shares, since binary and
            launch are the same; None: it has its own.
    """

    configuration: Configuration
    kind: OutcomeKind
    score: float | None = None
    runs: tuple[Run, ...] = ()
    test_id: int = 0
    key: str = ""
    lane: str = ""
    reason: str = ""
    evidence: Evidence | None = None
    compile_s: float = 0.0
    ended_s: float = 0.0
    reused_from: int | None = None
    artifact: Artifact | None = None
    copy_of: int | None = None
    compile_started_s: float | None = None
    compile_seat: str = ""

    def __repr__(self) -> str:
        """One line; runs alone would fill a screen."""
        what = f"score {self.score!r}" if self.score is not None else self.reason
        parts = [self.kind.value, what, f"n={len(self.samples)}" if self.samples else ""]
        said = ", ".join(part for part in parts if part)
        return f"<Outcome of test {self.test_id} [{self.lane}] {self.configuration}: {said}>"

    @property
    def measured(self) -> Run | None:
        """Of a kernel: the run that counts.

        That is the first, or the last retake that nothing speaks against; further runs are those of
        the finals. None for commands, and where nothing was measured.
        """
        runs = [run for run in self.runs if run.measurement is not None]
        retakes = [
            run
            for run in runs
            if run.measurement is not None
            and run.measurement.retake
            and run.kind is OutcomeKind.OK
            and not SUSPECT & set(run.measurement.flags)
        ]
        return retakes[-1] if retakes else next(iter(runs), None)

    @property
    def has_retake(self) -> bool:
        """Whether what counts was measured again."""
        measured = self.measured
        return measured is not None and bool(measured.measurement and measured.measurement.retake)

    @property
    def samples(self) -> tuple[float, ...]:
        """What its successful runs yielded, in order and in the session's unit."""
        measured = self.measured
        if measured is not None and measured.measurement is not None:
            return measured.measurement.worths or measured.measurement.samples_s
        return tuple(run.sample for run in self.runs if run.sample is not None)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What a session is, for those who show or store it.

    Attributes:
        id: number in the journal.
        unit: of samples and scores: `s` for times, empty or the user's for figures of merit.
        size: configurations in the space; None if not counted.
        simulated: whether any device is.
        resumed: whether tests of it were recorded before.
        was_complete: whether it had come to its end before; its result says how it ended now.
        reopened: tests of before that are measured now: they failed, or had not ended.
    """

    id: int
    name: str
    goal: Goal
    unit: str
    lanes: tuple[Lane, ...]
    parameters: tuple[str, ...]
    repeat: int
    aggregate: str
    size: int | None
    simulated: bool
    started_s: float
    distribution: str
    strategy: str
    journal: str
    resumed: bool = False
    was_complete: bool = False
    reopened: int = 0

    @property
    def recording(self) -> str:
        """The file that the results of a replay or an import come from; empty for others."""
        return next((lane.device.recording for lane in self.lanes if lane.device.recording), "")

    @property
    def imported(self) -> bool:
        """Whether its results were not measured here, but read from a file."""
        return any(lane.device.kind == IMPORTED for lane in self.lanes)

    @property
    def origin(self) -> str:
        """`simulated` or `imported`, with the recording if there is one; empty for the rest."""
        if self.imported:
            return f"imported from {self.recording}" + (", simulated" if self.simulated else "")
        if self.recording:
            return f"simulated from {self.recording}"
        return "simulated" if self.simulated else ""
