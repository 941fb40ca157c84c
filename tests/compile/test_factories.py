from __future__ import annotations

from pathlib import Path

import pytest

from harness.compile.factories import Factory, describe_call, find_factory, find_imports
from harness.compile.source import KernelSource, count_parameter_bytes


@pytest.mark.parametrize(
    ("signature", "factory"),
    [
        ("", Factory((), ())),
        ("A, B: int", Factory(("A", "B"), ("A", "B"))),
        ("A, B=2", Factory(("A", "B"), ("A",))),
        ("A, *, B, C=3", Factory(("A", "B", "C"), ("A", "B"))),
        ("A=1, **rest", Factory(("A",), (), takes_all=True)),
        ("A, /, B", Factory(("B",), ("B",), places=("A",))),
    ],
)
def test_what_a_factory_takes(signature: str, factory: Factory) -> None:
    text = f"import numba\n\ndef make({signature}):\n    return 1\n"
    assert find_factory(text, "make") == factory


def test_only_functions_at_the_top_level_are_factories() -> None:
    assert find_factory("class C:\n    def make(self): ...\n", "make") is None
    assert find_factory("make = 3\n", "make") is None
    with pytest.raises(SyntaxError):
        find_factory("def make(:\n", "make")


def test_imports_are_followed_as_far_as_they_are_the_projects(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name, text in {
        "kernels/tile.py": "import os, numba.cuda\nfrom .common import load, SIZE\n",
        "kernels/__init__.py": "",
        "kernels/common.py": "def load():\n    import sizes.small\n",
        "kernels/other.py": "",
        "sizes/small.py": "from kernels import common\nimport broken\n",
        "broken.py": "def (",
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    path = project / "kernels/tile.py"
    found = find_imports(path.read_text(), path, [project / "configs", project])
    assert {str(file.relative_to(project)) for file in found} == {
        "kernels/__init__.py",
        "kernels/common.py",
        "sizes/small.py",
        "broken.py",
    }


def test_a_call_as_python_writes_it() -> None:
    source = KernelSource("", "make", "sm_90", macros=(("T", "'float'"), ("N", "4")))
    assert describe_call(source) == "make(T='float', N=4)"


@pytest.mark.parametrize(
    ("signature", "size"),
    [
        ((), 0),
        (("int8", "int16", "int8"), 5),
        (("float32", "float32[1]", "float32[1]", "int32"), 124),  # as ptxas counts saxpy.py's
        (("float64", "uint8[3]", "float16"), 8 + 11 * 8 + 2),
    ],
)
def test_parameters_are_aligned_to_their_size(signature: tuple[str, ...], size: int) -> None:
    assert count_parameter_bytes(signature) == size
