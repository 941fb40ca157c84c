"""How far apart two configurations are, for a model that learns what matters.

The squared distance is a weighted sum over *aspects* of parameters; the model learns the weights.
A parameter with two values, or with values that are not numbers, has one aspect: whether they
differ. A parameter of numbers has up to three:

- order: how far apart they are, among the parameter's values and by their logarithm;
- alignment: how often two divides them, which memory and warps care about, and which tells 128
  from 112 and 144 although these are closer than 64;
- identity: whether they differ at all, so that no value need be like its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.configuration import Value
from harness.space.arrays import Array
from harness.space.parameters import Parameter
from harness.space.tree import Node

Floats = npt.NDArray[Any]
"""Real numbers, of 32 bits where there are many."""

Kind = Literal["order", "alignment", "identity", "choice"]
"""What an aspect looks at; `choice`: the identity of values that have no order."""

USUAL_WEIGHT: dict[Kind, float] = {"order": 0.3, "choice": 0.3, "alignment": 0.1, "identity": 0.03}
"""Weights before anything is known, where the greatest distance in an aspect is 1."""

MOST_IDENTITIES = 100
"""Of a parameter with more numbers few will be seen twice."""

MOST_ALIGNED = 6
"""Beyond a multiple of 64 further powers of two make no difference."""


@dataclass(frozen=True, slots=True)
class Aspect:
    """One way in which values of a parameter differ.

    Attributes:
        parameter: its position.
        coordinates: shape (coordinates, values): the distance is Euclidean in them.
    """

    parameter: int
    kind: Kind
    coordinates: Floats


def list_aspects(parameters: Sequence[Parameter]) -> list[Aspect]:
    """The aspects of all parameters that have a choice."""
    return [
        aspect
        for place, parameter in enumerate(parameters)
        if len(parameter.values) > 1
        for aspect in _aspects_of(place, parameter.values)
    ]


def _aspects_of(place: int, values: Sequence[Value]) -> list[Aspect]:
    corners = np.eye(len(values)) / np.sqrt(2)  # of a simplex: all at distance 1
    numbers = [value for value in values if not isinstance(value, (str, bool))]
    if len(numbers) < len(values) or len(values) == 2 or not all(map(math.isfinite, numbers)):
        return [Aspect(place, "choice", corners)]
    floats = np.array(numbers, dtype=np.float64)
    order = [_rank(floats)]
    if floats.min() > 0:
        order.append(_to_unit(np.log(floats)))
    found = [Aspect(place, "order", np.stack(order) / np.sqrt(len(order)))]
    if all(isinstance(value, int) for value in numbers):
        aligned = np.array([_alignment(int(value)) for value in numbers])
        if _tells_more(aligned, order[-1]):
            found.append(Aspect(place, "alignment", _to_unit(aligned)[None, :]))
    if len(values) <= MOST_IDENTITIES:
        found.append(Aspect(place, "identity", corners))
    return found


def _rank(floats: Floats) -> Floats:
    """Places in the order of the numbers, from 0 to 1."""
    ranks = np.empty(len(floats))
    ranks[np.argsort(floats)] = np.arange(len(floats))
    return ranks / (len(floats) - 1)


def _to_unit(floats: Floats) -> Floats:
    """Scaled to the interval from 0 to 1."""
    least = floats.min()
    return np.asarray((floats - least) / (floats.max() - least))


def _alignment(number: int) -> float:
    """How often two divides it."""
    return float(min(MOST_ALIGNED, (number & -number).bit_length() - 1 if number else MOST_ALIGNED))


def _tells_more(aligned: Floats, order: Floats) -> bool:
    """Whether alignments differ, and not just as the order does, as those of powers of two do."""
    return bool(np.ptp(aligned)) and abs(float(np.corrcoef(aligned, order)[0, 1])) < 0.9


class Metric:
    """Computes distances between rows of a space, aspect by aspect or summed.

    Attributes:
        aspects: what it looks at.
        usual: shape (aspects,): logarithms of the weights before anything is known.
        groups: shape (groups, aspects): which aspects belong to parameters that interact: those
            on a path from the root of the variable tree to a leaf; and all, as the tree may be
            wrong. Without a tree all are one group.
        sharing: shape (aspects, unknowns): which of a model's unknowns add up to the logarithm of
            each weight, relative to `usual`: one for each parameter, and one each for how much
            alignment and identity matter, whatever the parameter.
    """

    def __init__(self, parameters: Sequence[Parameter], tree: Node | None = None) -> None:
        self.aspects = list_aspects(parameters)
        name_of = [parameters[aspect.parameter].name for aspect in self.aspects]
        paths = _list_paths(tree, ()) if tree is not None and tree.children else []
        everything = tuple(parameter.name for parameter in parameters)
        self.groups = np.array(
            [[name in path for name in name_of] for path in [*paths, everything]], dtype=np.float64
        )
        self.usual = np.log([USUAL_WEIGHT[aspect.kind] for aspect in self.aspects])
        self._aspect_of = np.repeat(
            np.arange(len(self.aspects)), [len(aspect.coordinates) for aspect in self.aspects]
        )
        unknowns: dict[object, int] = {}
        shares = []
        for at, aspect in enumerate(self.aspects):
            shares.append((at, unknowns.setdefault(aspect.parameter, len(unknowns))))
            if aspect.kind in ("alignment", "identity"):
                shares.append((at, unknowns.setdefault(aspect.kind, len(unknowns))))
        self.sharing = np.zeros((len(self.aspects), len(unknowns)))
        for at, unknown in shares:
            self.sharing[at, unknown] = 1.0

    def embed(self, rows: Array) -> Floats:
        """Coordinates of rows: shape (coordinates, rows)."""
        found = [aspect.coordinates[:, rows[:, aspect.parameter]] for aspect in self.aspects]
        none = np.zeros((0, len(rows)))
        return np.concatenate([none, *found]).astype(np.float32)

    def by_aspect(self, points: Floats) -> Floats:
        """Squared distances between points in each aspect: shape (aspects, points, points)."""
        found = np.zeros((len(self.aspects), points.shape[1], points.shape[1]))
        for place in range(len(self.aspects)):
            part = points[self._aspect_of == place].astype(np.float64)
            found[place] = _squared(part, part)
        return found

    def squared(self, points: Floats, others: Floats, weights: Floats) -> Floats:
        """Weighted squared distances: shape (points, others)."""
        stretch = np.sqrt(weights)[self._aspect_of, None].astype(np.float32)
        return _squared(points * stretch, others * stretch)


def _list_paths(node: Node, above: tuple[str, ...]) -> list[tuple[str, ...]]:
    """For each leaf its variables and those of the nodes that enclose it."""
    path = (*above, *node.variables)
    if not node.children:
        return [path]
    return [found for child in node.children for found in _list_paths(child, path)]


def _squared(points: Floats, others: Floats) -> Floats:
    """Squared distances between columns."""
    found: Floats = points.T @ others
    found *= -2
    found += np.einsum("ij,ij->j", points, points)[:, None]
    found += np.einsum("ij,ij->j", others, others)
    np.maximum(found, 0, out=found)
    return found
