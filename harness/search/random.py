"""Test at random."""

from __future__ import annotations

from harness.search.explorer import Explorer


class Random(Explorer):
    """Every configuration as likely as every other, each at most once."""

    learns = False
