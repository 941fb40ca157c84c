"""The keys of a setup's tests, and of the session: made of its premises."""

from __future__ import annotations

from collections.abc import Sequence

from harness.app.premises import Found, find_command_sources, find_premises
from harness.app.setup import Setup
from harness.configuration import Configuration
from harness.lane import Lane
from harness.store.identity import make_key
from harness.store.sources import SourceWatch, find_compilers


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
        self._watch = SourceWatch(lambda: find_command_sources(spec, commands), spec.directory)
        found = Found(
            lanes=setup.lanes,
            sources=self._watch.sources,
            compilers=find_compilers(commands.lines),
            kernel=setup.kernel.source.text if setup.kernel else None,
            compiler=compiler,
            recording=setup.recording.digest if setup.recording else None,
        )
        self.premises = find_premises(spec, commands, found, setup.functions)
        self._shared = dict(self.premises.of_tests)
        if setup.bench:
            self._shared["bench"] = setup.bench
        self._shared_key = make_key(self._shared)
        self.spec_key = make_key(
            {
                "shared": self._shared_key,
                **self.premises.of_session,
                "tree": repr(setup.space.tree),
                "strategy": setup.strategy,
                "seed": spec.search.seed,
                **({"prefer_quick": True} if spec.search.prefer_quick else {}),
                "start": repr(setup.start),
                "prior": list(prior),
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
