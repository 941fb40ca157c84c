from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.measurement import Argument
from harness.timing.data import (
    decode,
    encode,
    expected_outputs,
    make_values,
    pack_scalar,
    size_bytes,
)
from harness.timing.functions import DataError

ARRAY = Argument("x", "in", "float32", (2, 3))


def made(tmp_path: Path, **changes: object) -> np.ndarray:
    return make_values(replace(ARRAY, **changes), [str(tmp_path)])  # type: ignore[arg-type]


def test_fills(tmp_path: Path) -> None:
    assert made(tmp_path, fill="zeros").tolist() == [[0, 0, 0], [0, 0, 0]]
    assert made(tmp_path, fill="ones").sum() == 6
    assert made(tmp_path, fill="arange").tolist() == [[0, 1, 2], [3, 4, 5]]
    np.save(tmp_path / "x.npy", np.full((2, 3), 7.0))
    assert made(tmp_path, fill="x.npy").dtype == np.float32
    (tmp_path / "makers_a.py").write_text(
        "import numpy\ndef fives(shape, seed):\n    return numpy.full(shape, 5 + seed)\n"
    )
    assert made(tmp_path, fill="makers_a:fives", seed=1).max() == 6


def test_random_is_the_same_for_the_same_seed_and_name(tmp_path: Path) -> None:
    first = made(tmp_path)
    assert (first == made(tmp_path)).all()
    assert (first != made(tmp_path, seed=1)).any()
    assert (first != made(tmp_path, name="y")).any()
    assert first.dtype == np.float32
    assert (first >= 0).all()
    assert (first < 1).all()


def test_random_stays_in_its_range(tmp_path: Path) -> None:
    integers = made(tmp_path, dtype="uint8", shape=(1000,), low=10, high=12)
    assert set(integers.tolist()) == {10, 11}
    reals = made(tmp_path, dtype="float64", shape=(1000,), low=-2, high=-1)
    assert -2 <= reals.min() < reals.max() < -1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fill": "none.npy"}, "name a file that numpy.save wrote"),
        ({"fill": "no_such_module:f"}, "modules are looked for in"),
        ({"fill": "json:nothing"}, "has no attribute 'nothing'"),
        ({"fill": "json:__name__"}, "name a function"),
        ({"fill": "json:loads"}, "it raised TypeError"),
        ({"fill": "makers_b:flat"}, "its shape is"),
    ],
)
def test_fills_that_cannot_be_had_say_why(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    (tmp_path / "makers_b.py").write_text("def flat(shape, seed):\n    return [1.0]\n")
    with pytest.raises(DataError, match=message):
        made(tmp_path, **change)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "uint64"])
def test_bytes_and_back(dtype: str) -> None:
    argument = replace(ARRAY, dtype=dtype)
    values = np.arange(6).reshape(2, 3)
    data = encode(values, dtype)
    assert len(data) == size_bytes(argument)
    assert decode(data, argument).tolist() == values.tolist()


def test_bfloat16_rounds_to_nearest_even() -> None:
    argument = replace(ARRAY, dtype="bfloat16", shape=(4,))
    ulp = 2.0**-7
    values = np.array([1 + ulp / 2, 1 + 3 * ulp / 2, np.nan, np.inf], dtype="float32")
    found = decode(encode(values, "bfloat16"), argument)
    assert found[:2].tolist() == [1.0, 1 + 2 * ulp]
    assert np.isnan(found[2])
    assert np.isinf(found[3])


def test_scalars_have_the_size_of_their_type() -> None:
    assert pack_scalar(Argument("n", "in", "int32", None, 7)) == (7).to_bytes(4, "little")
    assert len(pack_scalar(Argument("a", "in", "float64", None, 0.5))) == 8
    assert pack_scalar(Argument("h", "in", "bfloat16", None, 1.0)) == b"\x80\x3f"


REFERENCES = """
import numpy

def returns(n, x, y, z):
    return x + n, z * 2

def by_name(n, x, y, z):
    return {"y": x + n}

def in_place(n, x, y, z):
    y[:] = x + n
    z *= 2

def wrong_name(n, x, y, z):
    return {"w": x}

def wrong_count(n, x, y, z):
    return [x]

def wrong_shape(n, x, y, z):
    return x[:1], z

def nothing(n, x, y, z):
    y = x + n

def nan(n, x, y, z):
    return x * numpy.nan, z

def raises(n, x, y, z):
    return numpi.sin(x), z

def two_arguments(x, y):
    return x, y
"""
ARGUMENTS = (
    Argument("n", "in", "int32", None, 3),
    Argument("x", "in", "float32", (4,)),
    Argument("y", "out", "float32", (4,)),
    Argument("z", "inout", "float32", (4,)),
)
VALUES = {"x": np.arange(4.0), "z": np.ones(4)}


def expected(tmp_path: Path, function: str) -> dict[str, list[float]]:
    (tmp_path / "refs_a.py").write_text(REFERENCES)
    found = expected_outputs(f"refs_a:{function}", [str(tmp_path)], ARGUMENTS, VALUES)
    return {name: array.tolist() for name, array in found.items()}


@pytest.mark.parametrize("function", ["returns", "in_place"])
def test_references_return_outputs_or_write_them(tmp_path: Path, function: str) -> None:
    assert expected(tmp_path, function) == {"y": [3, 4, 5, 6], "z": [2, 2, 2, 2]}
    assert VALUES["z"].tolist() == [1, 1, 1, 1]


def test_outputs_that_a_reference_does_not_name_are_not_compared(tmp_path: Path) -> None:
    assert set(expected(tmp_path, "by_name")) == {"y"}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("wrong_name", "it gives w, outputs are y, z"),
        ("wrong_count", "it returned 1 output; the kernel has 2: y, z"),
        ("wrong_shape", "y has shape"),
        ("nothing", r"returned nothing and wrote to none of its outputs \(y, z\); return them"),
        ("nan", "y is nan everywhere, as is what a kernel does not write; correct"),
        ("raises", r"it raised NameError: name 'numpi' is not defined \(refs_a.py, line 30\)"),
        (
            "two_arguments",
            r"it raised TypeError: two_arguments\(\) takes 2 positional arg.* given$",
        ),
    ],
)
def test_references_that_do_not_fit_say_so(tmp_path: Path, function: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        expected(tmp_path, function)


def test_each_folder_has_its_own_module_of_a_name(tmp_path: Path) -> None:
    """A process may tune several projects, one after the other and again."""
    for factor in (2, 3):
        folder = tmp_path / str(factor)
        folder.mkdir()
        (folder / "refs_of_project.py").write_text(
            f"from terms_{factor} import factor\ndef y(n, x, y, z):\n    return x * factor, z\n"
        )
        (folder / f"terms_{factor}.py").write_text(f"factor = {factor}\n")
    for factor in (2, 3, 2):
        place = [str(tmp_path / str(factor))]
        found = expected_outputs("refs_of_project:y", place, ARGUMENTS, VALUES)
        assert found["y"].tolist() == [0, factor, 2 * factor, 3 * factor]


def test_a_file_is_a_reference(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", y=np.arange(4), z=np.ones(4))
    found = expected_outputs("all.npz", [str(tmp_path)], ARGUMENTS, VALUES)
    assert found["y"].tolist() == [0, 1, 2, 3]
