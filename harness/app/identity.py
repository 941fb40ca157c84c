"""The parts of a setup that make its tests, and the session, what they are."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence

from harness.app.setup import Setup
from harness.app.spaces import Function
from harness.config.substitute import CommandTemplate
from harness.model import Configuration, Lane
from harness.store.identity import make_key
from harness.store.sources import SourceWatch, find_compilers, find_sources


class Identity:
    """The keys of a setup's tests, and of the session.

    How long the search may go on is no part of either: with a wider limit, a session continues.

    Args:
        compiler: of kernels, with its version; empty where commands compile.
        prior: the sessions that the strategy is told of beforehand.
    """

    def __init__(self, setup: Setup, compiler: str = "", prior: Sequence[int] = ()) -> None:
        spec, commands = setup.spec, setup.commands
        self._commands = commands
        self._replicates = spec.distribution == "replicate"
        models = sorted({lane.device.model for lane in setup.lanes})
        lines = [_text(template) for template in commands.phases.values()]
        self._watch = SourceWatch(
            lambda: find_sources(lines, spec.command.sources, spec.directory), spec.directory
        )
        self._shared: dict[str, object] = {
            "directory": os.path.relpath(spec.directory, spec.base),
            "sources": self._watch.sources,
            "compilers": find_compilers(lines),
            "models": models,
            "drivers": sorted({lane.device.driver for lane in setup.lanes}),
            **({"kernel": setup.kernel.identity(), "compiler": compiler} if setup.kernel else {}),
            "repeat": spec.scoring.repeat,
            "measured": setup.measured,
            "simulation": _simulation(setup),
        }
        self._shared_key = make_key(self._shared)
        self.spec_key = make_key(
            {
                "shared": self._shared_key,
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
                "functions": [_source(function) for function in setup.functions],
                "tree": repr(setup.space.tree),
                "strategy": setup.strategy,
                "seed": spec.search.seed,
                "start": repr(setup.start),
                "prior": list(prior),
                "goal": setup.goal,
                "aggregate": spec.scoring.aggregate,
                "unit": setup.unit,
                "replicate": [lane.name for lane in setup.lanes] if self._replicates else [],
            }
        )

    def refresh(self) -> list[str]:
        """Sources that changed since the last look: the keys of tests to come say so."""
        changed = self._watch.refresh()
        if changed:
            self._shared["sources"] = self._watch.sources
            self._shared_key = make_key(self._shared)
        return changed

    def test_key(self, configuration: Configuration, lane: Lane) -> str:
        """The key of a test; the lane matters only where every lane searches for itself."""
        commands = self._commands
        return make_key(
            {
                "shared": self._shared_key,
                "parameters": [[name, repr(value)] for name, value in configuration.items()],
                "commands": {
                    phase.value: template.symbolic(configuration)
                    for phase, template in commands.phases.items()
                },
                "environment": {
                    name: value.symbolic(configuration)
                    for name, value in commands.environment.items()
                },
                "lane": [lane.name, lane.device.uuid] if self._replicates else [],
            }
        )


def _simulation(setup: Setup) -> str:
    """What decides how simulated tests end; `None` for real ones."""
    if setup.recording is not None:
        return f"replay of {setup.recording.digest}"
    return repr(setup.spec.mock if setup.simulated else None)


def _source(function: Function) -> str:
    """What a function does, as its text says; what it refers to is not looked into."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):  # made without a file, or an object that is called
        return getattr(function, "__qualname__", type(function).__qualname__)


def _text(template: CommandTemplate) -> str:
    return " ".join(part.format() for part in template.parts)
