"""What happens while a session runs, in the order it happens.

The main thread hands each event to the journal, then to whoever watches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.model import Build, Outcome, Phase, Run, Test


@dataclass(frozen=True, slots=True)
class TestCreated:
    """A configuration became a test."""

    __test__ = False

    test: Test
    at_s: float


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A lane or compile worker began a phase of a test."""

    test: Test
    phase: Phase
    seat: str
    at_s: float
    run: int = 0


@dataclass(frozen=True, slots=True)
class BuildEnded:
    """A compile or clean ended."""

    test: Test
    build: Build


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run ended."""

    test: Test
    run: Run


@dataclass(frozen=True, slots=True)
class TestEnded:
    """A test has its outcome."""

    __test__ = False

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TestRevised:
    """A test that had its outcome was measured again, and has another."""

    __test__ = False

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Note:
    """Something the user should know: a warning, a lost lane, a fact about the session.

    Attributes:
        kept: whether the journal keeps it; not what is true only while it is shown.
    """

    level: Literal["info", "warning"]
    text: str
    at_s: float = 0.0
    details: Mapping[str, object] = field(default_factory=dict)
    kept: bool = True


Event = TestCreated | PhaseStarted | BuildEnded | RunEnded | TestEnded | TestRevised | Note
