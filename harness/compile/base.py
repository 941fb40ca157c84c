"""What turns a test into something that can run, and clears it away."""

from __future__ import annotations

from typing import Protocol

from harness.model import Build, Lane, Test


class Compiler(Protocol):
    """Compiles and cleans tests, one at a time; each thread has its own."""

    def compile(self, test: Test, lane: Lane) -> Build:
        """Make `test` runnable on `lane`."""

    def clean(self, test: Test, lane: Lane) -> Build:
        """Remove what compiling and running `test` left."""

    def cancel(self) -> None:
        """Stop what runs now, from any thread; it returns as `interrupted`."""

    def pause(self) -> None:
        """Hold what runs now, and what starts before `resume`, from any thread."""

    def resume(self) -> None:
        """Let it go on."""

    def close(self) -> None:
        """Let go of processes and files."""
