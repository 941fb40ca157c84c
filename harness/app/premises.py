"""What a session's results rest on, found without making its space.

Premises are all that could change what a session measures or which tests it makes, as far as it is
known before: the config, the files it names and what they include, compilers, devices, drivers.
Keys are made of them (app/identity.py), and a session whose premises are not today's is stale
(app/staleness.py). They are named parts that JSON can hold.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from harness.app.commands import Commands
from harness.app.kernel_files import identify_kernel
from harness.app.objective import find_objective
from harness.config.spec import Spec
from harness.lane import Lane
from harness.store.identity import IDENTITY_VERSION
from harness.store.sources import find_sources

Function = Callable[..., object]
"""A constraint in Python: its arguments are parameters and problem sizes."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is on this machine, as premises need it.

    Attributes:
        sources: hashes of the files that commands are made from, by path.
        compilers: what each compiler in the commands says of its version.
        kernel: the text of the kernel's source; None where commands are tuned, or a recording
            answers.
        compiler: of kernels, with its version.
        recording: digest of the recording that a replay answers from; None elsewhere.
    """

    lanes: Sequence[Lane]
    sources: Mapping[str, str]
    compilers: Mapping[str, str]
    kernel: str | None = None
    compiler: str = ""
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class Premises:
    """The parts.

    Attributes:
        of_tests: a test's key covers these, beside its configuration.
        of_session: what else decides which tests are made.
        of_search: how far the search goes and what follows it. Results do not depend on it, but a
            session that is complete is so with these.
    """

    of_tests: Mapping[str, object]
    of_session: Mapping[str, object]
    of_search: Mapping[str, object]

    def to_json(self) -> str:
        """All parts as one text, equal for equal premises."""
        parts = {**self.of_tests, **self.of_session, **self.of_search}
        return json.dumps({"identity": IDENTITY_VERSION, **parts}, sort_keys=True)


def find_premises(
    spec: Spec, commands: Commands, found: Found, functions: Sequence[Function] = ()
) -> Premises:
    """The premises of a session of `spec` that began now.

    Args:
        functions: constraints beside those of the config.
    """
    objective = find_objective(spec)
    replicates = spec.distribution == "replicate"
    return Premises(
        of_tests=_find_of_tests(spec, found),
        of_session={
            "name": spec.name,
            "config": str(spec.path),
            "commands": {
                phase.value: repr(template) for phase, template in commands.phases.items()
            },
            "environment": {name: repr(value) for name, value in commands.environment.items()},
            # A longer limit is another chance for tests that took too long.
            "timeouts": {phase.value: limit for phase, limit in commands.timeouts_s.items()},
            "parameters": {name: repr(values) for name, values in spec.parameters.items()},
            "order": list(spec.parameters),
            "problem": {name: repr(value) for name, value in spec.problem.items()},
            "constraints": list(spec.space.constraints),
            "functions": [_source(function) for function in functions],
            "goal": objective.goal,
            "aggregate": spec.scoring.aggregate,
            "unit": objective.unit,
            "replicate": [lane.name for lane in found.lanes] if replicates else [],
        },
        of_search={
            "tree": spec.space.tree,
            "search": msgspec.to_builtins(spec.search),
            "measure": repr(spec.kernel.measure) if spec.kernel else None,
            "importance": spec.output.importance is not None,
        },
    )


def covers(before: str, now: str) -> bool:
    """Whether a complete session has done all that a session with the premises `now` would do.

    It has if all is the same but for limits of the search, none of which was narrower.

    Args:
        before: the premises of the complete session, as `Premises.to_json` wrote them.
    """
    if before == now:
        return True
    one, two = json.loads(before), json.loads(now)
    limits, wanted = one.pop("search", None), two.pop("search", None)
    if one != two or not isinstance(limits, dict) or not isinstance(wanted, dict):
        return False
    sign = -1 if one.get("goal") == "max" else 1
    # The greater, the more is tested; a target the other way round.
    reaches = {"max_tests": 1, "max_time_s": 1, "patience": 1, "target": -sign}
    return all(
        _reaches(limits.get(name), wanted.get(name), reaches[name])
        if name in reaches
        else limits.get(name) == wanted.get(name)
        for name in {**limits, **wanted}
    )


def _reaches(limit: float | None, wanted: float | None, sign: int) -> bool:
    """Whether a search with the first of two limits goes at least as far as with the second."""
    if limit is None or wanted is None:
        return limit is None
    return sign * limit >= sign * wanted


def find_command_sources(spec: Spec, commands: Commands) -> dict[str, str]:
    """Hashes of the files that the tests of `commands` are made from, by path."""
    return find_sources(
        commands.lines, spec.command.sources, spec.directory, results=spec.output_paths
    )


def _find_of_tests(spec: Spec, found: Found) -> dict[str, object]:
    kernel: dict[str, object] = {}
    if spec.kernel is not None and found.kernel is not None:
        identity = identify_kernel(spec, spec.kernel, found.kernel)
        kernel = {"kernel": identity, "compiler": found.compiler}
    simulated = any(lane.device.simulated for lane in found.lanes)
    simulation = repr(spec.mock if simulated else None)
    if found.recording is not None:
        simulation = f"replay of {found.recording}"
    return {
        "directory": os.path.relpath(spec.directory, spec.base),
        "sources": dict(found.sources),
        "compilers": dict(found.compilers),
        "models": sorted({lane.device.model for lane in found.lanes}),
        "drivers": sorted({lane.device.driver for lane in found.lanes}),
        **kernel,
        "repeat": spec.scoring.repeat,
        "measured": find_objective(spec).measured,
        "simulation": simulation,
        **({"clocks": spec.lock_clocks} if spec.lock_clocks is not None else {}),
    }


def _source(function: Function) -> str:
    """What a function does, as its text says; what it refers to is not looked into."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):  # made without a file, or an object that is called
        return getattr(function, "__qualname__", type(function).__qualname__)
