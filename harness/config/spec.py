"""The Spec: a tuning config after reading, and the one place that holds its defaults.

Each table of the TOML file is a class here; the reader, the JSON Schema and docs/configuration.md
are made from these fields, their types and their descriptions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, field

from harness.config.kernel_tables import KernelTable
from harness.config.mock_table import MockTable
from harness.config.tables import ENTRY_PATTERN, CommandLine, Positive, Seconds, Value
from harness.config.tables import Table as _Table
from harness.config.tables import doc as _doc

MAX_REPEAT = 1_000_000
MAX_WORKERS = 1024


class SpaceTable(_Table, frozen=True, kw_only=True):
    """Which combinations of values are tests."""

    constraints: Annotated[
        tuple[str, ...],
        _doc(
            "Expressions over the parameters, the sizes in `problem` and the device's limits; only "
            "combinations for which all hold are tested. See [spaces](spaces.md).",
            ["BLOCK_X * BLOCK_Y <= device.max_threads_per_block", "N % TILE == 0"],
        ),
    ] = ()
    tree: Annotated[
        str | None,
        _doc(
            "Variable tree: sibling groups are independent of each other, given the variables "
            "that enclose them, and are optimised one after the other.",
            "{A, B, {C, D}, {E, F}}",
        ),
    ] = None


class TimeoutTable(_Table, frozen=True, kw_only=True):
    """How long each phase may take."""

    compile: Annotated[Seconds | None, _doc("Seconds for one compile.")] = None
    test: Annotated[Seconds | None, _doc("Seconds for one run.")] = None
    clean: Annotated[Seconds | None, _doc("Seconds for one clean.")] = None


class CommandTable(_Table, frozen=True, kw_only=True):
    """The three commands of a test: a string for the shell, or a list for no shell."""

    compile: Annotated[
        CommandLine | None, _doc("Builds a test.", "gcc -O2 -DN=%N% -o app_%%ID%% app.c")
    ] = None
    test: Annotated[
        CommandLine | None,
        _doc("Runs it; this is what is timed. Needed, unless there is `kernel`.", "./app_%%ID%%"),
    ] = None
    clean: Annotated[CommandLine | None, _doc("Removes what it left.", "rm -f app_%%ID%%")] = None
    directory: Annotated[str, _doc("Where the commands run, relative to the config's folder.")] = (
        "."
    )
    environment: Annotated[
        dict[str, str], _doc("Environment variables; values may hold placeholders.")
    ] = field(default_factory=dict)
    timeout_s: Annotated[TimeoutTable, _doc("Limits per phase.")] = TimeoutTable()
    sources: Annotated[
        tuple[str, ...],
        _doc(
            "Files or glob patterns whose content is part of a test's identity: when one changes, "
            "its tests are measured again. Files named in the commands are found without this.",
            ["src/*.cu", "include/tile.h"],
        ),
    ] = ()


class ScoringTable(_Table, frozen=True, kw_only=True):
    """How samples become a score, and which score is best."""

    repeat: Annotated[
        int, Meta(ge=1, le=MAX_REPEAT), _doc("Runs per test; samples per test of a kernel.")
    ] = 1
    aggregate: Annotated[
        Literal["min", "max", "med", "avg"],
        _doc(
            "How a test's samples become its score. Of a kernel it is always the times that are "
            "aggregated, and the metrics are computed from that: with `min`, `gbps` is that of the "
            "fastest sample, the greatest."
        ),
    ] = "min"
    optimal: Annotated[
        Literal["min_time", "max_time", "min_energy", "min", "max"],
        _doc(
            "`min_time` and `max_time` score the measured time of a run; `min_energy` the joules "
            "that the GPU's counter says it took ([measuring](measuring.md#energy)); `min` and "
            "`max` the figure of merit: the number on the last line the test prints, or a "
            "kernel's `metric`."
        ),
    ] = "min_time"
    metric: Annotated[
        str | None, _doc("With `kernel`: which of `kernel.metrics` is scored.", "gflops")
    ] = None
    unit: Annotated[str, _doc("Unit of the figure of merit, for display.", "GFLOP/s")] = ""
    reference: Annotated[
        float | None,
        _doc("A score to compare with (seconds, joules), such as the one in use."),
    ] = None


STRATEGIES = (
    "auto",
    "exhaustive",
    "tree",
    "random",
    "stratified",
    "local",
    "local-best",
    "annealing",
    "genetic",
    "differential-evolution",
    "model",
    "tree/random",
    "tree/stratified",
    "tree/local",
    "tree/local-best",
    "tree/annealing",
    "tree/genetic",
    "tree/differential-evolution",
    "tree/model",
)
_STRATEGY_SCHEMA = {"anyOf": [{"enum": list(STRATEGIES)}, {"pattern": f"^{ENTRY_PATTERN}$"}]}


class SearchTable(_Table, frozen=True, kw_only=True):
    """Which configurations are tested, in which order, and how many.

    Whichever of the four limits is reached first ends the search; with `replicate`, that of each
    lane.
    """

    strategy: Annotated[
        str,
        Meta(extra_json_schema=_STRATEGY_SCHEMA),
        _doc(
            "See docs/strategies.md. `auto`: `tree` if the space has one and `max_tests` suffices "
            "for it, `exhaustive` if no limit keeps it from ending, else `model`. `tree/NAME`: the "
            "variable tree, with a strategy inside each of its nodes. `module:Class`: one of your "
            "own, looked for in the config's folder. One of "
            + ", ".join(f"`{name}`" for name in STRATEGIES)
            + ".",
        ),
    ] = "auto"
    seed: Annotated[int, _doc("Of strategies that draw: same seed, same questions.")] = 0
    prefer_quick: Annotated[
        bool,
        _doc(
            "Of configurations that promise about the same, test first what is in the kernel cache "
            "or will take the least time, as far as earlier tests tell. Pays where compiling takes "
            "most of the time and its times differ much; see docs/strategies.md."
        ),
    ] = False
    start: Annotated[
        dict[str, Value],
        _doc(
            "A configuration to test first, such as the one in use: a value of each parameter.",
            {"BLOCK_X": 32},
        ),
    ] = field(default_factory=dict)
    max_tests: Annotated[
        Positive | None, _doc("Tests to make at most, those recorded before included.")
    ] = None
    max_time_s: Annotated[
        Seconds | None,
        _doc("Seconds after which no test is begun; of simulated time where that is simulated."),
    ] = None
    target: Annotated[
        float | None, _doc("Enough: a score (seconds for times) at which to stop.")
    ] = None
    patience: Annotated[
        Positive | None, _doc("Tests without an improvement after which to stop.")
    ] = None


class CompileTable(_Table, frozen=True, kw_only=True):
    """The compile workers."""

    workers: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_WORKERS)] | None,
        _doc("Compiles at once; default: the cores that no lane owns, at least 1."),
    ] = None
    quiet_timing: Annotated[bool, _doc("Stop all compiling while any run is timed.")] = False


class EmitTable(_Table, frozen=True, kw_only=True):
    """A file of the best values, for builds to include; written when a session is complete."""

    format: Annotated[
        Literal["header", "make", "cmake", "python", "values"],
        _doc(
            "`header`: C and C++ macros; `make`, `cmake`, `python`: a fragment or module; "
            "`values`: JSON."
        ),
    ]
    path: Annotated[str, _doc("The file; it is touched only if a value changed.", "tuned.h")]
    prefix: Annotated[
        str | None,
        _doc("Before every parameter's name; default: `TUNED_` for make and cmake, else nothing."),
    ] = None


class ReplayTable(_Table, frozen=True, kw_only=True):
    """The recorded results that backend `replay` answers from, in virtual time."""

    file: Annotated[
        str | None,
        _doc(
            "T4 results, a Kernel Tuner cache, a log in CSV, a JSON export (all also gzipped), or "
            "a journal as `journal.sqlite:SESSION`; relative to the config's folder. See "
            "[replay](replay.md#formats).",
            "results_A100.t4.json.gz",
        ),
    ] = None
    unmeasured: Annotated[
        Literal["fail", "skip"],
        _doc("Configurations that were not recorded: their tests fail, or they are no tests."),
    ] = "fail"


class OutputTable(_Table, frozen=True, kw_only=True):
    """Files to write, relative to the config's folder."""

    log: Annotated[str | None, _doc("CSV of all tests: values, every sample, score.")] = None
    script: Annotated[str | None, _doc("Transcript of the session.")] = None
    importance: Annotated[
        str | None,
        _doc("CSV of extra tests around the best configuration, one parameter varied at a time."),
    ] = None
    emit: Annotated[
        tuple[EmitTable, ...],
        _doc(
            "Files of the best values, for builds to include.",
            [{"format": "header", "path": "tuned.h"}],
        ),
    ] = ()
    journal: Annotated[
        str | None,
        _doc(
            "The journal, where every session of this project is kept; default: "
            "`.harness/journal.sqlite` in the project's folder, which is the nearest one above "
            "the config that holds `.harness` or `.git`, or else the config's own."
        ),
    ] = None


Selector = int | str
Pin = Literal["visible", "ordinal", "none"]
Parallel = Positive | str | tuple[str, ...] | dict[str, Selector]


class SpecFile(_Table, frozen=True, kw_only=True):
    """A config file, table by table."""

    schema: Annotated[Literal[1], _doc("Version of this format.")] = 1
    name: Annotated[str, _doc("What is tuned; default: the file's name.")] = ""
    parallel: Annotated[
        str | Positive | tuple[str, ...] | dict[str, Selector],
        _doc(
            'The lanes: `"auto"` (one per device), a number, a list of names, or a table that '
            "gives each name its device.",
            4,
            ["left", "right"],
            {"left": "GPU-8f2c", "right": "0000:65:00.0"},
        ),
    ] = "auto"
    backend: Annotated[
        Literal["auto", "cuda", "cpu", "mock", "none", "replay"],
        _doc(
            "Where tests run; `auto`: GPUs if there are any, else CPU cores. `mock` and `replay` "
            "simulate: nothing is run on a device."
        ),
    ] = "auto"
    pin: Annotated[
        Pin,
        _doc(
            "How a test is bound to its lane's GPU. `visible`: it sees that GPU only, as number 0. "
            "`ordinal`: it sees all lanes' GPUs in the order of the lanes, for programs that call "
            "`cudaSetDevice(%%PARALLEL%%)`. `none`: nothing is set."
        ),
    ] = "visible"
    distribution: Annotated[
        Literal["pipelined", "pooled", "per-test", "replicate"],
        _doc(
            "How compiles and runs are spread over lanes. `pipelined`: CPU workers compile ahead "
            "while devices measure. `pooled`: compile all, run all, clean all. `per-test`: each "
            "lane does one whole test at a time. `replicate`: every lane tunes on its own."
        ),
    ] = "pipelined"
    lock_clocks: Annotated[
        Literal["base"] | Positive | None,
        _doc(
            "Lock the multiprocessors' clocks of the lanes' GPUs while the session lasts: at so "
            "many MHz, or at the driver's `base`. It takes root; without, they stay as they are, "
            "with a warning. See [measuring](measuring.md#clocks).",
            1410,
            "base",
        ),
    ] = None
    oversubscribe: Annotated[bool, _doc("Allow more lanes than devices.")] = False
    parameters: Annotated[
        dict[str, tuple[Value, ...]],
        _doc(
            "Each parameter with its values: a list, or `{ first = 32, last = 1024, factor = 2 }`, "
            "`{ first = 1, last = 31, step = 2 }`; without `step` and `factor`, each number.",
            {"BLOCK_X": [16, 32, 64]},
        ),
    ]
    problem: Annotated[
        dict[str, Value],
        _doc(
            "Sizes of the problem and other constants: names in constraints, and placeholders in "
            "commands, as the parameters are, but with one value that is not tuned.",
            {"N": 4096},
        ),
    ] = field(default_factory=dict)
    space: Annotated[SpaceTable, _doc("Constraints and variable tree.")] = SpaceTable()
    command: Annotated[CommandTable, _doc("What is compiled, run and cleaned.")] = CommandTable()
    kernel: Annotated[KernelTable | None, _doc("A CUDA kernel to tune, instead of commands.")] = (
        None
    )
    scoring: Annotated[ScoringTable, _doc("Repeats, aggregate, goal.")] = ScoringTable()
    search: Annotated[SearchTable, _doc("The strategy.")] = SearchTable()
    compile: Annotated[CompileTable, _doc("The compile workers.")] = CompileTable()
    mock: Annotated[MockTable, _doc("Simulated GPUs.")] = MockTable()
    replay: Annotated[ReplayTable, _doc("Recorded results in place of a device.")] = ReplayTable()
    output: Annotated[OutputTable, _doc("Files to write.")] = OutputTable()


class Spec(SpecFile, frozen=True, kw_only=True):
    """A config that was read and checked.

    Attributes:
        path: the file it came from; its folder is what relative paths are relative to.
    """

    path: Path

    @property
    def base(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent

    @property
    def directory(self) -> Path:
        """Where the commands run, absolute."""
        return (self.base / self.command.directory).resolve()

    @property
    def output_paths(self) -> list[Path]:
        """The files that a session writes, absolute."""
        output = self.output
        named = [output.log, output.script, output.importance, *(emit.path for emit in output.emit)]
        return [(self.base / name).absolute() for name in named if name is not None]

    @property
    def journal_path(self) -> Path:
        """The journal's file, absolute."""
        if self.output.journal is None:
            return default_journal(self.base)
        return (self.base / self.output.journal).resolve()


JOURNAL_NAME = "journal.sqlite"


def default_journal(folder: Path) -> Path:
    """The journal of the project that `folder` belongs to."""
    return project_folder(folder) / ".harness" / JOURNAL_NAME


def project_folder(folder: Path) -> Path:
    """The project that `folder` belongs to.

    It is the nearest folder, from `folder` upwards, that holds `.harness` or `.git`; without one,
    it is `folder` itself.
    """
    folder = folder.resolve()
    marks = (".harness", ".git")
    homes = [home for home in (folder, *folder.parents) if any((home / m).exists() for m in marks)]
    return homes[0] if homes else folder
