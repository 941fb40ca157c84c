from __future__ import annotations

import struct

import numpy as np
import pytest

from harness.measurement import Argument, numba_words
from harness.timing.driver import Scalar
from harness.timing.parameters import make_parameters

ARGUMENTS = (
    Argument("a", "in", "float32", None, 2.5),
    Argument("x", "in", "float64", (3, 4, 5)),
    Argument("n", "in", "int32", None, 7),
)


def test_an_argument_is_a_parameter() -> None:
    assert make_parameters(ARGUMENTS, {"x": 4096}, "c") == (
        Scalar(struct.pack("<f", 2.5)),
        4096,
        Scalar(struct.pack("<i", 7)),
    )


def test_a_variable_of_the_source_is_no_parameter() -> None:
    variables = (Argument("w", "constant", "float32", (4,)), Argument("k", "constant", "int32"))
    both = (variables[0], *ARGUMENTS, variables[1])
    assert make_parameters(both, {"x": 4096}, "c") == make_parameters(ARGUMENTS, {"x": 4096}, "c")


def test_an_array_of_numbas_is_several() -> None:
    first, *words, last = make_parameters(ARGUMENTS, {"x": 4096}, "numba")
    assert (first, last) == (Scalar(struct.pack("<f", 2.5)), Scalar(struct.pack("<i", 7)))
    numbers = [struct.unpack("<Q", word.data)[0] for word in words if isinstance(word, Scalar)]
    assert numbers == [0, 0, 60, 8, 4096, 3, 4, 5, 160, 40, 8]


@pytest.mark.parametrize("shape", [(7,), (2, 3), (4, 1, 6)])
def test_its_strides_are_those_of_numpy(shape: tuple[int, ...]) -> None:
    array = np.zeros(shape, "float16")
    words = numba_words(0, shape, 2)
    assert words[-array.ndim :] == array.strides
    assert words[2:4] == (array.size, array.itemsize)
