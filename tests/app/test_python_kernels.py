"""Sessions of kernels that factories in Python make, and Specs of them from Python."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import harness
from harness.app.emulation import Emulation, SmallKernels, describe_size
from harness.app.identity import Identity
from harness.app.setup import Setup, prepare
from harness.configuration import Configuration
from harness.errors import ConfigError
from harness.lane import Lane
from harness.model import Artifact, OutcomeKind, Resources, Test
from tests.app import invented

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """\
import tiles
from numba import cuda

def make_scale(ITEMS, N=1, FAST=False):
    @cuda.jit
    def scale(x, y, n):
        first = cuda.grid(1) * ITEMS
        for i in range(first, min(first + ITEMS, n)):
            y[i] = tiles.FACTOR * x[i]
    return scale
"""
KERNEL: dict[str, Any] = {
    "language": "numba",
    "source": "scale.py",
    "function": "make_scale",
    "grid": ["(N + BLOCK * ITEMS - 1) // (BLOCK * ITEMS)"],
    "block": "BLOCK",
    "arguments": [
        {"name": "x", "shape": ["N"]},
        {"name": "y", "shape": ["N"], "role": "out"},
        {"name": "n", "dtype": "int32", "value": "N"},
    ],
}
DATA: dict[str, Any] = {
    "name": "scale",
    "backend": "mock",
    "parallel": 2,
    "problem": {"N": 1 << 16},
    "parameters": {"BLOCK": [64, 128], "ITEMS": [1, 2], "FAST": [True]},
    "kernel": KERNEL,
    "mock": {"time": "virtual"},
}
needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None or importlib.util.find_spec("cuda") is None,
    reason="Numba for CUDA is not installed; it comes with the extras cuda12 and cuda13",
)
needs_cupy = pytest.mark.skipif(
    importlib.util.find_spec("cupy") is None,
    reason="CuPy is not installed; it comes with the extras cuda12 and cuda13",
)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "scale.py").write_text(SOURCE)
    (tmp_path / "tiles.py").write_text("FACTOR = 2\n")
    (tmp_path / ".harness").mkdir()
    return tmp_path


def with_kernel(**changes: object) -> dict[str, Any]:
    return {**DATA, "kernel": {**KERNEL, **changes}}


def set_up(base: Path, data: dict[str, Any] = DATA) -> Setup:
    return prepare(harness.make_spec(data, base=base))


def a_test(setup: Setup) -> tuple[Test, Lane]:
    configuration = Configuration(("BLOCK", "ITEMS", "FAST"), (64, 2, True))
    return Test(1, configuration, "key", setup.lanes[0].name), setup.lanes[0]


def test_the_factory_gets_what_its_arguments_name(base: Path) -> None:
    setup = set_up(base)
    assert setup.kernel is not None
    source = setup.kernel.make_source(*a_test(setup))
    assert source.macros == (("ITEMS", "2"), ("N", "65536"), ("FAST", "True"))
    assert source.signature == ("float32[1]", "float32[1]", "int32")
    assert source.include_directories == (str(base),)
    assert (source.language, source.options) == ("numba", ())
    described = setup.kernel.describe(*a_test(setup))
    assert described["compile"] == (
        f"sm_86 make_scale(ITEMS=2, N=65536, FAST=True) of {base / 'scale.py'}, by numba"
    )


def test_one_that_takes_any_name_gets_all_parameters(base: Path) -> None:
    (base / "scale.py").write_text("def make_scale(ITEMS, **others): ...\n")
    setup = set_up(base)
    assert setup.kernel is not None
    macros = setup.kernel.make_source(*a_test(setup)).macros
    assert macros == (("ITEMS", "2"), ("BLOCK", "64"), ("FAST", "True"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def other(): ...\n", "no such function at the top level of .*; define it there"),
        ("def make_scale(", "no Python: .*never closed.*; correct it"),
        ("def make_scale(ITEM): ...\n", "its argument ITEM is no parameter and no problem size"),
        ("def make_scale(ITEMS, /): ...\n", "remove the / after ITEMS"),
    ],
)
def test_a_factory_that_cannot_be_called_is_refused(base: Path, text: str, message: str) -> None:
    (base / "scale.py").write_text(text)
    with pytest.raises(ConfigError, match=message):
        set_up(base)


def test_what_it_imports_makes_a_test_what_it_is(base: Path) -> None:
    def key(data: dict[str, Any] = DATA) -> str:
        setup = set_up(base, data)
        test, lane = a_test(setup)
        return Identity(setup, "numba 1").test_key(test.configuration, lane)

    first = key()
    assert key() == first
    (base / "tiles.py").write_text("FACTOR = 3\n")
    second = key()
    assert second != first
    (base / "scale.py").write_text(SOURCE + "# changed\n")
    assert key() != second
    (base / "table.txt").write_text("1")
    with_table = with_kernel(more_sources=["*.txt"])
    before = key(with_table)
    (base / "table.txt").write_text("2")
    assert key(with_table) != before


def test_a_session_in_virtual_time_needs_no_numba(base: Path) -> None:
    result = harness.tune(harness.make_spec(DATA, base=base))
    assert len(result.outcomes) == 4
    assert result.best is not None
    assert result.best.artifact is not None
    assert result.best.artifact.compiler == "simulated"


def test_the_emulation_says_that_it_needs_a_source_in_cuda(base: Path) -> None:
    (base / "right.py").write_text("def scale(x, y, n):\n    return 0 * x\n")
    data = {
        **DATA,
        "kernel": {**KERNEL, "reference": {"function": "right:scale"}},
        "mock": {"time": "virtual", "emulate": True},
    }
    result = harness.tune(harness.make_spec(data, base=base))
    assert [outcome.kind for outcome in result.outcomes] == [OutcomeKind.OK] * 4
    assert "4 tests not verified: the source is Python" in "\n".join(
        note.text for note in result.summary.progress.notes
    )


def test_emulation_says_that_it_reads_cuda_only(base: Path) -> None:
    setup = set_up(base)
    assert setup.kernel is not None
    test, lane = a_test(setup)
    assert describe_size(setup.kernel, test, lane).startswith("not at all: ")
    artifact = Artifact("/x.cubin", "digest", "wave", Resources(), "numba 1", "sm_86")
    built = Emulation(SmallKernels(setup.kernel), None, {}).verify(test, lane, artifact)
    assert built.kind is OutcomeKind.OK
    assert built.artifact is not None
    assert built.artifact.emulated is not None
    assert "CUDA" in built.artifact.emulated.unverified


# -- from Python -----------------------------------------------------------------------------------


def describe(code: object, function: str | None = None, **changes: Any) -> Any:
    spec = harness.kernel(
        code, function, parameters={"BLOCK": [32]}, grid=1, block="BLOCK", base=ROOT, **changes
    )
    return spec.kernel


def test_a_factory_by_its_file_and_name() -> None:
    kernel = describe(invented.make_nothing)
    assert (kernel.language, kernel.function) == ("numba", "make_nothing")
    assert kernel.source == "tests/app/invented.py"
    assert describe(invented.make_nothing, language="cupy").language == "cupy"


def test_a_raw_kernel_of_cupys_by_its_source() -> None:
    raw = SimpleNamespace(code="// source", name="add", options=("-std=c++17",))
    kernel = describe(raw, options=["-O3"])
    assert (kernel.language, kernel.code, kernel.function) == ("cuda", "// source", "add")
    assert kernel.options == ("-std=c++17", "-O3")
    module = SimpleNamespace(code="// source", options=())
    assert describe(module, "add<%BLOCK%>").function == "add<%BLOCK%>"
    with pytest.raises(ConfigError, match="function is missing; it is the name of a kernel in"):
        describe(module)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("// source", "function is missing; it is the kernel's name in the code"),
        (SimpleNamespace(py_func=1), "a kernel with nothing to tune; give the function that"),
        (3, "code is an object of type int; give the text of a source, its Path, a function"),
        (lambda: 3, "code: <lambda> cannot be imported"),
    ],
)
def test_what_is_no_kernel_is_refused(code: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        describe(code)


def test_a_factory_has_its_own_name() -> None:
    with pytest.raises(ConfigError, match="a factory has its own name; remove this"):
        describe(invented.make_nothing, "make_nothing")


# -- the page --------------------------------------------------------------------------------------


def _write_page(folder: Path) -> None:
    """The files of docs/python.md."""
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for name, text in zip(
        ("waves.py", "waves_reference.py", "tune_waves.py"), blocks[1:4], strict=True
    ):
        (folder / name).write_text(text)
    (config,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (folder / "waves.toml").write_text(config)


@pytest.fixture
def page(base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    _write_page(base)
    monkeypatch.chdir(base)
    monkeypatch.syspath_prepend(str(base))
    for name in ("waves", "waves_reference", "tune_waves"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return base


def test_the_example_of_the_page(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("numba") is None:
        stub = ModuleType("numba")
        stub.cuda = SimpleNamespace(jit=lambda function: function)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "numba", stub)
    spec = importlib.import_module("tune_waves").spec
    assert (spec.kernel.language, spec.kernel.source) == ("numba", "waves.py")
    result = harness.tune(spec, backend="mock", mock={"time": "virtual", "verify": True})
    assert len(result.outcomes) == 9
    assert result.failures == ()
    assert result.best is not None
    assert result.best.runs[0].measurement is not None
    assert result.best.runs[0].measurement.verified
    tables = harness.load_config(page / "waves.toml")
    assert tables.kernel is not None
    assert tables.parameters == spec.parameters
    assert tables.kernel.function == spec.kernel.function


@needs_numba
def test_the_kernel_of_the_page_is_compiled(page: Path) -> None:
    spec = importlib.import_module("tune_waves").spec
    result = harness.tune(spec, backend="mock", mock={"run_s": 1e-4}, max_tests=4)
    assert [outcome.reason for outcome in result.failures] == []
    assert result.best is not None
    assert result.best.artifact is not None
    assert result.best.artifact.compiler.startswith("numba-cuda ")


# -- with Numba and CuPy, without a GPU ------------------------------------------------------------


@needs_numba
def test_numbas_kernels_are_compiled_and_measured_on_simulated_gpus(base: Path) -> None:
    data = {**DATA, "mock": {"run_s": 1e-4}}
    result = harness.tune(harness.make_spec(data, base=base))
    assert len(result.outcomes) == 4
    best = result.best
    assert best is not None
    assert best.artifact is not None
    assert best.artifact.compiler.startswith("numba-cuda ")
    assert best.artifact.resources.registers > 0
    assert best.artifact.resources.spill_store_bytes == 0
    again = harness.tune(harness.make_spec(data, base=base), fresh=True)
    cached = [outcome.artifact.cached for outcome in again.outcomes if outcome.artifact]
    assert all(cached)


@needs_cupy
def test_cupys_kernels_are_compiled_by_their_source(tmp_path: Path) -> None:
    data = tomllib.loads((ROOT / "configs" / "vector_add_cupy.toml").read_text())
    data["output"] = {"journal": str(tmp_path / "journal.sqlite")}
    data |= {"backend": "mock", "mock": {"run_s": 1e-4}, "parallel": 1}
    data["parameters"] = {"BLOCK": [64, 128], "VECTOR": [4], "ITEMS": [1]}
    result = harness.tune(harness.make_spec(data, base=ROOT / "configs"), fresh=True)
    for outcome in result.outcomes:
        assert outcome.artifact is not None, outcome.reason
        assert outcome.artifact.function == "vector_add"
        assert not outcome.artifact.compiler.startswith("cupy")  # NVRTC, or nvcc
