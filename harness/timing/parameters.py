"""A kernel's arguments as the parameters of its launch."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence

from harness.measurement import Argument, Convention, numba_words
from harness.timing.data import pack_scalar, storage_type
from harness.timing.driver import Parameter, Pointer, Scalar


def make_parameters(
    arguments: Sequence[Argument], pointers: Mapping[str, Pointer], convention: Convention
) -> tuple[Parameter, ...]:
    """What to launch a kernel with: one parameter per argument, or as many as Numba makes of it.

    Variables of its source are none.

    Args:
        pointers: where each array is.
    """
    return tuple(
        parameter
        for argument in arguments
        if argument.role != "constant"
        for parameter in _expand(argument, pointers.get(argument.name, 0), convention)
    )


def _expand(argument: Argument, pointer: Pointer, convention: Convention) -> Iterator[Parameter]:
    if argument.shape is None:
        yield Scalar(pack_scalar(argument))
    elif convention == "c":
        yield pointer
    else:
        item_bytes = storage_type(argument.dtype).itemsize
        for word in numba_words(pointer, argument.shape, item_bytes):
            yield Scalar(struct.pack("<Q", word))
