"""Greedy descent with restarts: look at all neighbours, go to the best."""

from __future__ import annotations

from typing import ClassVar

from harness.search.local import Local


class LocalBest(Local):
    """As `local`, but moves only when every neighbour of the centre is known."""

    waits_for_all: ClassVar[bool] = True
