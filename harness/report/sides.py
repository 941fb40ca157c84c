"""What is compared: two sets of results, and whether they can be laid side by side at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.comparison import Moments
from harness.configuration import Configuration, Value, show_value
from harness.errors import ConfigError
from harness.measurement import Mode
from harness.model import Outcome, OutcomeKind, SessionInfo
from harness.stats import is_better
from harness.units import format_count

Sampled = tuple[float, ...] | Moments
"""The samples of a test, or what is known of them."""

Key = tuple[str, Configuration]
"""A device, empty where that needs no telling, and what was tested on it."""


Origin = tuple[str, int]
"""A session: its journal, empty where it was read from a file, and its number there."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two.

    Attributes:
        name: what messages call it.
        moments: by the number of a test, what is known of samples that were not kept.
        mode: how kernels were measured, where their tests do not say.
        warnings: what should be known of it.
        winners: the tests that its session called the best, where the scores alone do not decide:
            of kernels, those that won the finals.
        problem: the sizes and other constants of the config; None where they are not known.
    """

    name: str
    info: SessionInfo
    outcomes: Sequence[Outcome]
    moments: Mapping[int, Moments] = field(default_factory=dict)
    mode: Mode | None = None
    warnings: tuple[str, ...] = ()
    winners: frozenset[int] = frozenset()
    problem: Mapping[str, Value] | None = None

    @property
    def modes(self) -> set[str]:
        """How kernels were measured: `cold`, `hot`; empty where that is not known."""
        if self.mode is not None:
            return {self.mode}
        runs = (run for outcome in self.outcomes for run in outcome.runs)
        return {run.measurement.mode for run in runs if run.measurement is not None}

    @property
    def devices(self) -> set[str]:
        """The models of its devices; an empty name where a file does not say."""
        return {lane.device.name for lane in self.info.lanes}


@dataclass(frozen=True, slots=True)
class Measured:
    """A side, ready to be compared.

    Attributes:
        samples: of each successful test; those of lanes with alike devices together.
        bests: the best configuration of each device.
        session: its journal and number.
        origins: by which sessions the samples were taken.
        without_ratio: successful tests that cannot be compared: a sample is 0 or below.
    """

    samples: Mapping[Key, Sampled]
    bests: Mapping[str, Configuration]
    session: Origin
    origins: Mapping[Key, frozenset[Origin]]
    without_ratio: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides with the same names for the same things.

    Attributes:
        warnings: what makes the two hard to compare.
    """

    before: Measured
    after: Measured
    warnings: tuple[str, ...]


def pair_sides(first: Side, second: Side, *, unlike: bool = False) -> Pair:
    """Lay two sides side by side.

    Args:
        unlike: also if devices, problems, or how they were measured, differ, or one side is
            simulated; it is warned of.

    Raises:
        ConfigError: they measure different things, or are unlike and `unlike` is not set.
    """
    for what in ("goal", "unit"):
        mine, theirs = getattr(first.info, what), getattr(second.info, what)
        if mine != theirs:
            raise _differ(
                first, second, f"{what}s differ ({mine or 'none'} and {theirs or 'none'})"
            )
    names, warnings = _align_parameters(first, second)
    reasons = [*_compare_origins(first, second), *_compare_modes(first, second)]
    reasons += _compare_problems(first, second)
    labels, different = _align_devices(first, second)
    reasons += different
    if reasons and not unlike:
        raise ConfigError(
            f"{first.name} and {second.name}: {'; '.join(reasons)}; with --unlike they are "
            "compared all the same"
        )
    before, after = _measure(first, names, labels[0]), _measure(second, names, labels[1])
    without = before.without_ratio | after.without_ratio
    if without:
        tests = format_count(len(without), "configuration")
        warnings.append(f"{tests} left out: there is no ratio to samples of 0 or below")
    doubts = _find_doubts(first, second)
    return Pair(before, after, (*reasons, *first.warnings, *second.warnings, *warnings, *doubts))


def _differ(first: Side, second: Side, how: str) -> ConfigError:
    return ConfigError(
        f"{first.name} and {second.name} cannot be compared: their {how}; give two of one program"
    )


def _align_parameters(first: Side, second: Side) -> tuple[tuple[str, ...] | None, list[str]]:
    """The names that configurations are compared by; None: as they are.

    What only one side has, with a single value, does not matter.
    """
    one, two = first.info.parameters, second.info.parameters
    if one == two:
        return None, []
    common = tuple(name for name in two if name in one)
    warnings = []
    for side, other in ((first, second), (second, first)):
        for name in side.info.parameters:
            if name in other.info.parameters:
                continue
            values = {str(outcome.configuration.get(name)) for outcome in side.outcomes}
            if len(values) != 1 or not common:
                how = f"parameters differ ({', '.join(one)} and {', '.join(two)})"
                raise _differ(first, second, how)
            warnings.append(f"{name} = {values.pop()} is a parameter of {side.name} alone")
    return common, warnings


def _compare_origins(first: Side, second: Side) -> list[str]:
    if first.info.simulated == second.info.simulated:
        return []
    return ["one of the sessions is simulated, the other was measured"]


def _compare_modes(first: Side, second: Side) -> list[str]:
    one, two = sorted(first.modes), sorted(second.modes)
    if not one or not two or one == two:
        return []
    return [
        f"their kernels were not measured alike: {' and '.join(one)}; and {' and '.join(two)} "
        "(whether the L2 cache is flushed before every sample)"
    ]


def _compare_problems(first: Side, second: Side) -> list[str]:
    one, two = first.problem, second.problem
    if one is None or two is None or one == two:
        return []
    shown = (
        " ".join(f"{name}={show_value(value)}" for name, value in problem.items()) or "none"
        for problem in (one, two)
    )
    return [f"their problems differ: {'; and '.join(shown)}"]


def _find_doubts(first: Side, second: Side) -> list[str]:
    """What does not speak against a comparison, but should be known."""
    doubts = []
    if first.info.simulated and second.info.simulated:
        doubts.append("both sessions are simulated: nothing here was measured on hardware")
    for side, other in ((first, second), (second, first)):
        if side.modes and not other.modes:
            doubts.append(
                f"{side.name} was measured {' and '.join(sorted(side.modes))}; {other.name} does "
                "not say whether the L2 cache was flushed, or timed whole programs"
            )
        if side.devices == {""} and side.info.imported:
            doubts.append(f"{side.name} does not say what it was measured on")
    return doubts


Labels = Mapping[str, str | None]
"""What the device of each lane is called in a comparison; None: it is left out."""


def _align_devices(first: Side, second: Side) -> tuple[tuple[Labels, Labels], list[str]]:
    """The devices of both by the same names, and what is unlike about them."""
    one, two = first.devices, second.devices
    unsaid = any(side.devices == {""} and side.info.imported for side in (first, second))
    if len(one) == 1 and len(two) == 1 and (one == two or unsaid):
        return (_label(first, None), _label(second, None)), []
    if one == two:
        return (_label(first, one), _label(second, two)), []
    reason = f"their devices differ: {_list(one)}; and {_list(two)}"
    shared = one & two or None
    return (_label(first, shared), _label(second, shared)), [reason]


def _label(side: Side, kept: set[str] | None) -> Labels:
    """Each lane with its device if that is kept; all with the same name if None is."""
    if kept is None:
        return {lane.name: "" for lane in side.info.lanes}
    names = {lane.name: lane.device.name for lane in side.info.lanes}
    return {lane: name if name in kept else None for lane, name in names.items()}


def _list(names: Iterable[str]) -> str:
    return ", ".join(name or "unknown" for name in sorted(names))


def _measure(side: Side, names: tuple[str, ...] | None, labels: Labels) -> Measured:
    samples: dict[Key, Sampled] = {}
    origins: dict[Key, frozenset[Origin]] = {}
    bests: dict[str, tuple[Configuration, Outcome]] = {}
    without: set[Key] = set()
    for outcome in side.outcomes:
        label = labels.get(outcome.lane)
        known = side.moments.get(outcome.test_id, outcome.samples)
        if outcome.kind is not OutcomeKind.OK or label is None or not known:
            continue
        configuration = outcome.configuration
        if names is not None:
            configuration = Configuration(names, tuple(configuration[name] for name in names))
        best = bests.get(label)
        if outcome.score is not None and (best is None or _is_better(outcome, best[1], side)):
            bests[label] = (configuration, outcome)
        key = (label, configuration)
        if isinstance(known, tuple) and min(known) <= 0:
            without.add(key)
            continue
        origin = (side.info.journal, outcome.reused_from or side.info.id)
        origins[key] = origins.get(key, frozenset()) | {origin}
        before = samples.get(key, ())
        both = isinstance(before, tuple) and isinstance(known, tuple)
        samples[key] = (*before, *known) if both else known  # type: ignore[misc] # both are tuples
    return Measured(
        {key: known for key, known in samples.items() if key not in without},
        {label: best for label, (best, _) in bests.items()},
        (side.info.journal, side.info.id),
        origins,
        frozenset(without),
    )


def _is_better(outcome: Outcome, best: Outcome, side: Side) -> bool:
    won, holds = (each.test_id in side.winners for each in (outcome, best))
    if won != holds:
        return won
    return is_better(outcome.score or 0.0, best.score or 0.0, side.info.goal)
