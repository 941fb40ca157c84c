"""The arguments of kernels, and what their outputs should hold: made, as arrays and as bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.measurement import Argument
from harness.timing.functions import DataError, call, load_function
from harness.units import format_count

Array = npt.NDArray[Any]

POISON = 0xFF
"""What outputs are filled with before a kernel is verified: a NaN in every floating-point type."""

BFLOAT16 = "bfloat16"


def storage_type(dtype: str) -> np.dtype[Any]:
    """The NumPy type of an array's bytes; bfloat16, which NumPy lacks, is kept in uint16."""
    return np.dtype("uint16" if dtype == BFLOAT16 else dtype)


def size_bytes(argument: Argument) -> int:
    """Bytes of an array."""
    assert argument.shape is not None
    return argument.size_bytes


def pack_scalar(argument: Argument) -> bytes:
    """A scalar as the kernel expects it."""
    return encode(np.array([argument.value], dtype=working_type(argument.dtype)), argument.dtype)


def working_type(dtype: str) -> np.dtype[Any]:
    """The type in which values are made and compared; float32 for bfloat16."""
    return np.dtype("float32" if dtype == BFLOAT16 else dtype)


def encode(values: Array, dtype: str) -> bytes:
    """Values as the device stores them; bfloat16 is rounded to nearest, ties to even."""
    if dtype != BFLOAT16:
        return np.ascontiguousarray(values, dtype=dtype).tobytes()
    bits = np.ascontiguousarray(values, dtype="float32").view("uint32")
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    quiet = np.where(np.isnan(values), 0x7FC0, rounded)
    return quiet.astype("uint16").tobytes()


def decode(data: bytes | bytearray, argument: Argument) -> Array:
    """The values of an array's bytes, in its shape; bfloat16 as float32."""
    assert argument.shape is not None
    stored = np.frombuffer(data, dtype=storage_type(argument.dtype)).reshape(argument.shape)
    if argument.dtype != BFLOAT16:
        return stored
    return (stored.astype("uint32") << 16).view("float32")


def make_values(argument: Argument, folders: Sequence[str]) -> Array:
    """What an array holds at first, in its working type.

    Raises:
        DataError: the file or function cannot be used, or gives another shape.
    """
    assert argument.shape is not None
    dtype, fill, shape = working_type(argument.dtype), argument.fill, argument.shape
    if fill == "zeros":
        return np.zeros(shape, dtype)
    if fill == "ones":
        return np.ones(shape, dtype)
    if fill == "arange":
        return np.arange(math.prod(shape)).astype(dtype).reshape(shape)
    if fill == "random":
        return _make_random(argument, dtype)
    place = f"kernel.arguments: {argument.name}: fill = {fill!r}"
    if fill.endswith(".npy"):
        made = _load_file(Path(folders[0]) / fill, place)
    else:
        function = load_function(fill, folders, place)
        made = call(function, (shape, argument.seed), place)
    values = np.asarray(made)
    if values.shape != shape:
        raise DataError(f"{place}: its shape is {values.shape}, but the argument's is {shape}")
    return values.astype(dtype)


def _make_random(argument: Argument, dtype: np.dtype[Any]) -> Array:
    source = np.random.default_rng([argument.seed, *argument.name.encode()])
    if dtype.kind in "iu":
        return source.integers(int(argument.low), int(argument.high), argument.shape).astype(dtype)
    width = argument.high - argument.low
    single: Any = "float32" if dtype.itemsize <= 4 else "float64"
    values: Array = np.asarray(source.random(argument.shape, dtype=single))
    return (argument.low + width * values).astype(dtype)


def _load_file(path: Path, place: str) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{place}: {path}: {error}; name a file that numpy.save wrote") from error


def expected_outputs(
    reference: str,
    folders: Sequence[str],
    arguments: Sequence[Argument],
    values: Mapping[str, Array],
) -> dict[str, Array]:
    """What the outputs should hold, by name.

    A function is called with the arguments in the kernel's order: scalars as numbers, arrays with
    what they hold at first, outputs with zeros. It returns the outputs by name (those that are not
    there are not compared), or all in order, or the only one; or None, having written them in
    place. A `.npy` file holds the only output, a `.npz` file each by its name.

    Args:
        values: of the arrays that are not only written.

    Raises:
        DataError: it cannot be had, names what is no output, or one has another size.
    """
    place = f"kernel.reference.function = {reference!r}"
    outputs = [argument for argument in arguments if argument.is_output]
    if reference.endswith((".npy", ".npz")):
        place = f"kernel.reference.file = {reference!r}"
        made = _load_file(Path(folders[0]) / reference, place)
        named = dict(made) if reference.endswith(".npz") else _name_outputs(made, outputs, place)
    else:
        handed = [_hand_over(argument, values) for argument in arguments]
        function = load_function(reference, folders, place)
        made = call(function, handed, place)
        if made is None:
            named = _find_written(arguments, handed, values, place)
        else:
            named = _name_outputs(made, outputs, place)
    unknown = sorted(named.keys() - {output.name for output in outputs})
    if unknown or not named:
        names = ", ".join(output.name for output in outputs)
        raise DataError(f"{place}: it gives {', '.join(unknown) or 'nothing'}, outputs are {names}")
    return {o.name: _check_output(named[o.name], o, place) for o in outputs if o.name in named}


def _hand_over(argument: Argument, values: Mapping[str, Array]) -> Any:
    if argument.shape is None:
        return argument.value
    if argument.role == "out":
        return np.zeros(argument.shape, working_type(argument.dtype))
    return values[argument.name].copy()


def _find_written(
    arguments: Sequence[Argument], handed: Sequence[Any], values: Mapping[str, Array], place: str
) -> dict[str, Any]:
    """The outputs of a reference that returned nothing, which it must have written to then."""
    given = zip(arguments, handed, strict=True)
    written = {argument.name: array for argument, array in given if argument.is_output}
    if all(np.array_equal(array, values.get(name, 0 * array)) for name, array in written.items()):
        names = ", ".join(written)
        raise DataError(
            f"{place}: it returned nothing and wrote to none of its outputs ({names}); return them"
        )
    return written


def _name_outputs(made: Any, outputs: Sequence[Argument], place: str) -> dict[str, Any]:
    if isinstance(made, Mapping):
        return dict(made)
    several = list(made) if isinstance(made, (tuple, list)) else [made]
    if len(several) != len(outputs):
        names = ", ".join(output.name for output in outputs)
        raise DataError(
            f"{place}: it returned {format_count(len(several), 'output')}; the kernel has "
            f"{len(outputs)}: {names}"
        )
    return {output.name: array for output, array in zip(outputs, several, strict=True)}


def _check_output(made: Any, output: Argument, place: str) -> Array:
    array = np.asarray(made)
    if array.size != math.prod(output.shape or ()):
        raise DataError(
            f"{place}: {output.name} has shape {array.shape}, but the argument's is {output.shape}"
        )
    check_written(array, output.name, place)
    return array.reshape(output.shape or ())


def check_written(array: Array, name: str, place: str) -> None:
    """Refuse what a reference gives as an output if a kernel that writes nothing would be right.

    Raises:
        DataError: it is not a number anywhere.
    """
    if array.dtype.kind == "f" and array.size and bool(np.isnan(array).all()):
        raise DataError(
            f"{place}: {name} is nan everywhere, as is what a kernel does not write; "
            "correct the reference"
        )
