"""What can stop a session, and the exit code that says so.

    HarnessError            1
    ├── ConfigError         2   a config, a command line or a file that was handed in is wrong
    ├── DeviceError         3   no such device, or it is in use
    ├── CompileError        1   no compiler, or one that cannot do what is asked
    ├── RunError            1   tests cannot be run at all
    └── StoreError          1   the journal cannot be read or written
        └── SessionError    2   it holds no such session

A test that fails is not an error: it is data, an `Outcome`. Messages name what failed with its
value, what was expected, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_DEVICE = 3
EXIT_REGRESSION = 4
EXIT_INTERRUPTED = 130


class HarnessError(Exception):
    """The session cannot go on; the message says why and what to do."""

    exit_code: ClassVar[int] = EXIT_FAILURE


class ConfigError(HarnessError):
    """Input is wrong: every problem that was found, one line each.

    Attributes:
        problems: what is wrong, in the order of the file; each names place, value and remedy.
    """

    exit_code = EXIT_USAGE

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class DeviceError(HarnessError):
    """No such device, or it is held by somebody else."""

    exit_code = EXIT_DEVICE


class CompileError(HarnessError):
    """No compiler, or one that cannot do what is asked of it."""


class RunError(HarnessError):
    """Tests cannot be run at all (a failing test is an `Outcome`)."""


class StoreError(HarnessError):
    """The journal or another result file cannot be read or written."""


class SessionError(StoreError):
    """The journal holds no session that is called so."""

    exit_code = EXIT_USAGE
