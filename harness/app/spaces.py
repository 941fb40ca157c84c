"""The spaces of a config: one for all lanes, or one per limits of their devices.

Lanes that search together need configurations that are valid on every one of their devices, so a
constraint on device limits must hold with the limits of each. Where every lane searches for itself
(`distribution = "replicate"`), each has the space of its own device; lanes whose devices have the
same limits share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.app.lanes import find_lanes
from harness.app.premises import Function
from harness.config.spec import Spec
from harness.configuration import Value
from harness.errors import ConfigError
from harness.lane import Lane
from harness.limits import LIMITS, PREFIX, device_limits
from harness.space.constraints import (
    AnyConstraint,
    Constraint,
    make_constraint,
    parse_constraint,
)
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.space.tree import parse_tree
from harness.units import format_path


@dataclass(frozen=True, slots=True)
class LaneSpace:
    """A space and the lanes that search it.

    Attributes:
        lanes: names; empty where no constraint depends on a device and none was looked for.
        models: the names of their devices, each once.
        simulated: whether any of these is.
    """

    lanes: tuple[str, ...]
    models: tuple[str, ...]
    simulated: bool
    space: Space


def add_counts(counts: Iterable[int | None]) -> int | None:
    """The sum; None if any of them is not known."""
    listed = list(counts)
    known = [count for count in listed if count is not None]
    return sum(known) if len(known) == len(listed) else None


def find_spaces(spec: Spec) -> tuple[LaneSpace, ...]:
    """The spaces of a config, with a look at this machine's devices only if they matter.

    Raises:
        ConfigError, DeviceError: as `make_spaces` and `find_lanes`.
    """
    return make_spaces(spec, find_lanes(spec).lanes if needs_devices(spec) else ())


def needs_devices(spec: Spec) -> bool:
    """Whether a constraint names a device limit."""
    return any(_limits_in(spec, text) for text in spec.space.constraints)


def make_spaces(
    spec: Spec, lanes: Sequence[Lane], functions: Sequence[Function] = ()
) -> tuple[LaneSpace, ...]:
    """The spaces that the lanes search, each once.

    Args:
        lanes: none is enough where no constraint `needs_devices`.
        functions: further constraints.

    Raises:
        ConfigError: a constraint names a limit that a lane's device does not have, or raises.
    """
    problems = list(_find_missing(spec, lanes))
    if problems:
        raise ConfigError(problems)
    alone = spec.distribution == "replicate" and lanes
    groups = [[lane] for lane in lanes] if alone else [list(lanes)]
    sharing: dict[object, tuple[list[Lane], list[Constraint]]] = {}
    for group in groups:
        constraints = _list_constraints(spec, group)
        key = tuple(tuple(sorted(constraint.constants.items())) for constraint in constraints)
        sharing.setdefault(key, ([], constraints))[0].extend(group)
    added = [make_constraint(f, tuple(spec.parameters), spec.problem) for f in functions]
    return tuple(
        LaneSpace(
            tuple(lane.name for lane in group),
            tuple(dict.fromkeys(lane.device.name for lane in group)),
            any(lane.device.simulated for lane in group),
            _make_space(spec, [*constraints, *added]),
        )
        for group, constraints in sharing.values()
    )


def _make_space(spec: Spec, constraints: Sequence[AnyConstraint]) -> Space:
    return make_space(
        [Parameter(name, values) for name, values in spec.parameters.items()],
        constraints,
        parse_tree(spec.space.tree) if spec.space.tree else None,
    )


def _limits_in(spec: Spec, text: str) -> list[str]:
    """The device limits that a constraint names."""
    constants = _constants(spec, dict.fromkeys(LIMITS, 1))
    used = parse_constraint(text, tuple(spec.parameters), constants).constants
    return [name for name in used if name.startswith(PREFIX)]


def _constants(spec: Spec, limits: dict[str, int]) -> dict[str, Value]:
    return {**spec.problem, **{PREFIX + name: limit for name, limit in limits.items()}}


def _list_constraints(spec: Spec, lanes: Sequence[Lane]) -> list[Constraint]:
    """The constraints with the limits of all the lanes' devices, each combination once."""
    found: list[Constraint] = []
    names = tuple(spec.parameters)
    known = [(lane.device.name, device_limits(lane.device)) for lane in lanes] or [("", {})]
    for index, text in enumerate(spec.space.constraints):
        place = f"{format_path(spec.path)}: space.constraints[{index}]"
        variants: dict[object, tuple[str, Constraint]] = {}
        for model, limits in known:
            constraint = parse_constraint(text, names, _constants(spec, limits))
            constraint = replace(constraint, place=place)
            variants.setdefault(tuple(constraint.constants.items()), (model, constraint))
        if len(variants) == 1:
            found += [constraint for _, constraint in variants.values()]
        else:
            found += [replace(c, text=f"{c.text} (on {model})") for model, c in variants.values()]
    return found


def _find_missing(spec: Spec, lanes: Sequence[Lane]) -> Iterator[str]:
    """What to say of limits that a device does not have."""
    for index, text in enumerate(spec.space.constraints):
        for name in _limits_in(spec, text):
            limit = name.removeprefix(PREFIX)
            for lane in lanes:
                if limit not in device_limits(lane.device):
                    yield (
                        f"space.constraints[{index}]: {name} is not known of lane {lane.name}'s "
                        f"device ({lane.device.name}, backend {lane.device.kind}); use GPUs "
                        '(backend = "cuda", or "mock" to simulate), or write the number'
                    )
                    break
