"""A condition ready to be evaluated for columns of positions: vectorised where that is exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from harness.configuration import Value
from harness.errors import ConfigError
from harness.space.arrays import Array, Bools, Columns
from harness.space.conjuncts import Conjunct
from harness.space.constraints import evaluation_problem
from harness.space.programs import NotVectorisable
from harness.space.vector import compile_vector


class Evaluator:
    """Tells for arrays of configurations where a condition holds, and where it raises."""

    def __init__(self, conjunct: Conjunct, values: Mapping[str, tuple[Value, ...]]) -> None:
        """Compile the condition.

        Args:
            values: of every parameter of the space.
        """
        self.conjunct = conjunct
        self.names = tuple(name for name in values if name in conjunct.names)
        self._values = {name: values[name] for name in self.names}
        self._run: Callable[[Columns], tuple[Bools, Bools | None]] | None = None
        if conjunct.node is not None:
            try:
                self._run = compile_vector(conjunct.node, self._values, conjunct.constants)
            except NotVectorisable:
                self._run = None

    @property
    def is_vectorised(self) -> bool:
        """Whether it is cheap to evaluate; else each distinct combination costs a Python call."""
        return self._run is not None

    def __call__(self, columns: Columns) -> tuple[Bools, Bools | None]:
        """Where it holds, and where it raises (None: nowhere), in the columns' common shape.

        Where it raises, what it says about holding means nothing.
        """
        if self._run is not None:
            try:
                return self._run(columns)
            except NotVectorisable:
                return self._rows(columns)
        return self._rows(columns)

    def _rows(self, columns: Columns) -> tuple[Bools, Bools | None]:
        if not self.names:
            truth, failed = self._cell(())
            return np.array([truth]), np.array([True]) if failed else None
        arrays = np.broadcast_arrays(*[columns[name] for name in self.names])
        shape = arrays[0].shape
        known: dict[tuple[int, ...], tuple[bool, bool]] = {}
        truths: list[bool] = []
        errors: list[bool] = []
        for cell in zip(*[array.ravel().tolist() for array in arrays], strict=True):
            if cell not in known:
                known[cell] = self._cell(cell)
            truth, failed = known[cell]
            truths.append(truth)
            errors.append(failed)
        error = np.array(errors, dtype=bool).reshape(shape) if any(errors) else None
        return np.array(truths, dtype=bool).reshape(shape), error

    def mapping(self, cell: tuple[int, ...]) -> dict[str, Value]:
        """The values at these positions, one per name."""
        return {
            name: self._values[name][at] for name, at in zip(self.names, cell, strict=True)
        }  # fmt: skip

    def _cell(self, cell: tuple[int, ...]) -> tuple[bool, bool]:
        try:
            return bool(self.conjunct.evaluate(self.mapping(cell))), False
        except self.conjunct.errors:
            return False, True

    def problem(self, cell: tuple[int, ...]) -> ConfigError:
        """The error to raise for positions at which evaluation raises."""
        mapping = self.mapping(cell)
        try:
            self.conjunct.evaluate(mapping)
        except self.conjunct.errors as error:
            return evaluation_problem(self.conjunct.source, mapping, error)
        raise AssertionError(f"{self.conjunct.source.text}: raised, then did not")


def cells(columns: Columns, names: tuple[str, ...], where: Array) -> Array:
    """The positions of these names at flat places; shape (len(where), len(names))."""
    if not names:
        return np.zeros((len(where), 0), dtype=np.intp)
    return np.stack([columns[name][where] for name in names], axis=1)
