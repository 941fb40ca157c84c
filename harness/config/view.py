"""A Spec that may hold stand-ins, as its checks see it."""

from __future__ import annotations

from harness.config.problems import Key
from harness.config.spec import Spec


class View:
    """The Spec, and which of its keys are to be trusted."""

    def __init__(self, spec: Spec, broken: frozenset[Key]) -> None:
        self.spec = spec
        self.names = tuple(spec.parameters)
        self._broken = broken

    def is_read(self, *key: str | int) -> bool:
        """Whether `key` was read: neither it nor what encloses it is a stand-in."""
        return all(key[: len(bad)] != bad for bad in self._broken)

    def is_whole(self, *key: str | int) -> bool:
        """Whether nothing below `key` is a stand-in either."""
        return self.is_read(*key) and all(bad[: len(key)] != key for bad in self._broken)
