"""Configurations that differ from one in a single parameter: the moves of a local search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from harness.configuration import Configuration, Value
from harness.space.arrays import Array
from harness.space.space import Space

Kind = Literal["hamming", "adjacent", "strictly_adjacent"]
"""`hamming`: one parameter has any other value. `adjacent`: it has the nearest value before or
after its own with which the configuration is valid. `strictly_adjacent`: the very next value."""


def neighbours(
    space: Space, configuration: Mapping[str, Value], kind: Kind = "hamming"
) -> list[Configuration]:
    """The valid neighbours of a configuration, by parameter, then in the order of values.

    Args:
        configuration: one value of each parameter; need not be valid itself.

    Raises:
        KeyError: a value is not one of its parameter's.
    """
    row = space.positions(configuration)
    if row is None:
        raise KeyError(configuration)
    return space.decode(neighbour_rows(space, row[0], kind))


def neighbour_rows(space: Space, row: Array, kind: Kind = "hamming") -> Array:
    """As `neighbours`, but positions: shape (neighbours, parameters)."""
    rows, changed = _single_changes(space, row)
    if kind == "strictly_adjacent":
        near = abs(rows[np.arange(len(rows)), changed] - row[changed]) == 1
        rows, changed = rows[near], changed[near]
    valid = space.valid_rows(rows)
    rows, changed = rows[valid], changed[valid]
    if kind == "adjacent":
        rows = rows[_nearest(rows, changed, row)]
    return rows


def _single_changes(space: Space, row: Array) -> tuple[Array, Array]:
    """All rows that differ from `row` in one place, and which place that is."""
    sizes = [len(parameter.values) for parameter in space.parameters]
    changed = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.repeat(row[None, :], len(changed), axis=0)
    values = np.concatenate([np.arange(size) for size in sizes] or [np.zeros(0, np.int64)])
    rows[np.arange(len(changed)), changed] = values
    moved = values != row[changed]
    return rows[moved], changed[moved]


def _nearest(rows: Array, changed: Array, row: Array) -> Array:
    """Which rows hold the last value before, or the first after, that of `row`."""
    found: list[Array] = [np.zeros(0, dtype=np.intp)]
    for place in np.unique(changed):
        where = np.flatnonzero(changed == place)
        distance = rows[where, place] - row[place]
        found += [where[distance < 0][-1:], where[distance > 0][:1]]
    return np.concatenate(found)
