"""Compiling without declarations that few kernels need, and with them where that fails.

Reading headers is most of the time of a small kernel. The binary is the same without them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from harness.compile.messages import first_error
from harness.model import OutcomeKind


class Made(Protocol):
    """How a compile went.

    Attributes:
        kind: as of `base.Translation`; so is the log.
    """

    @property
    def kind(self) -> OutcomeKind:
        """See above."""

    @property
    def log(self) -> str:
        """See above."""


T = TypeVar("T", bound=Made)


def compile_briefly(text: str, need_all: set[str], attempt: Callable[[bool], T]) -> T:
    """Compile without the declarations, and with them if that fails.

    What ptxas refuses has all declarations, and what was stopped is not begun again.

    Args:
        need_all: texts that are known not to do without; one that is found out is added.
        attempt: compiles briefly, or (False) with everything.
    """
    if text not in need_all:
        made = attempt(True)
        if made.kind is not OutcomeKind.COMPILE_FAILED:
            return made
        if first_error(made.log).startswith("ptxas"):
            return made
    made = attempt(False)
    if made.kind is OutcomeKind.OK:
        need_all.add(text)
    return made
