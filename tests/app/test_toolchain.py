from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.app import toolchain
from harness.app.toolchain import (
    check_lanes,
    describe_toolchain,
    identify_toolchain,
    open_toolchain,
)
from harness.errors import CompileError
from harness.lane import DeviceInfo, Lane

NVCC = """\
#!/bin/sh
case "$1" in
--version) echo "Cuda compilation tools, release 12.9, V12.9.86"; echo "Build test_build" ;;
--list-gpu-arch) echo compute_80; echo compute_86 ;;
*) exit 1 ;;
esac
"""


def tables(**kernel: Any) -> dict[str, Any]:
    return {
        "backend": "mock",
        "parameters": {"BLOCK": [32]},
        "kernel": {"code": "", "function": "f", "grid": 1, "block": "BLOCK", **kernel},
    }


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    program = tmp_path / "tools" / "nvcc"
    program.write_text(NVCC)
    program.chmod(0o755)
    return tmp_path


def test_the_nvcc_of_a_config_is_relative_to_it(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    monkeypatch.setenv("CUDACXX", "/no/nvcc")  # the config comes first
    spec = harness.make_spec(tables(compiler="nvcc", nvcc="tools/nvcc"), base=base)
    opened = open_toolchain(spec, virtual=False)
    assert opened is not None
    assert describe_toolchain(spec, opened) == "nvcc 12.9.86 test_build"
    assert identify_toolchain(spec, virtual=False) == "nvcc 12.9.86 test_build"
    opened.check_architecture("sm_86")
    with pytest.raises(CompileError, match=rf"nvcc 12\.9\.86 \({base}/tools/nvcc\) cannot compile"):
        opened.check_architecture("sm_61")


def test_an_nvcc_that_is_not_there_is_named(base: Path) -> None:
    spec = harness.make_spec(tables(compiler="nvcc", nvcc="tools/nvc"), base=base)
    message = f"no nvcc at '{base}/tools/nvc', which kernel.nvcc names; correct or remove it"
    with pytest.raises(CompileError, match=message):
        open_toolchain(spec, virtual=False)


def test_an_nvcc_that_is_named_is_taken_before_nvrtc(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> None:
        raise AssertionError("nobody asked for it")

    monkeypatch.setattr(toolchain, "_open_nvrtc", found)
    spec = harness.make_spec(tables(nvcc="tools/nvcc"), base=base)
    opened = open_toolchain(spec, virtual=False)
    assert describe_toolchain(spec, opened) == "nvcc 12.9.86 test_build"
    assert identify_toolchain(spec, virtual=False) == "nvcc 12.9.86 test_build"


def test_nothing_is_opened_where_nothing_is_compiled(base: Path) -> None:
    spec = harness.make_spec(tables(compiler="nvcc", nvcc="/no/nvcc"), base=base)
    assert open_toolchain(spec, virtual=True) is None
    assert describe_toolchain(spec, None) == "simulated"


def test_numba_and_cupy_are_what_is_installed(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told without importing them, and the same as when they are opened."""
    found = {"numba": "0.61", "numba-cuda": "0.20", "llvmlite": "0.44", "cupy-cuda13x": "13.6"}

    def version(name: str) -> str:
        if name not in found:
            raise metadata.PackageNotFoundError(name)
        return found[name]

    monkeypatch.setattr(metadata, "version", version)
    (base / "k.py").write_text("def make(BLOCK): ...\n")
    kernel = {name: value for name, value in tables()["kernel"].items() if name != "code"}
    specs = [
        harness.make_spec(
            {**tables(), "kernel": {**kernel, "source": "k.py", "function": "make", **more}},
            base=base,
        )
        for more in (
            {"language": "numba"},
            {"language": "cupy", "compiler": "nvcc", "nvcc": "tools/nvcc"},
        )
    ]
    numba, cupy = (identify_toolchain(spec, virtual=False) for spec in specs)
    assert numba.startswith("numba 0.61 numba-cuda 0.20 llvmlite 0.44 python 3.")
    assert cupy == "cupy-cuda13x 13.6; nvcc 12.9.86 test_build"
    assert describe_toolchain(specs[1], open_toolchain(specs[1], virtual=False)) == cupy
    found.clear()
    for spec, message in zip(specs, ("Numba .* numba is not", "CuPy .* it is not"), strict=True):
        with pytest.raises(CompileError, match=f"{message} installed; `pip install"):
            identify_toolchain(spec, virtual=False)


def test_devices_that_the_toolkit_gave_up_are_named_and_can_be_left_out(base: Path) -> None:
    spec = harness.make_spec(tables(compiler="nvcc", nvcc="tools/nvcc"), base=base)
    opened = open_toolchain(spec, virtual=False)
    assert opened is not None
    architectures = {"a": "sm_61", "b": "sm_86", "c": "sm_80"}
    lanes = [
        Lane(name, place, DeviceInfo("cuda", 2 * place, f"GPU-{name}", f"model {name}"))
        for place, name in enumerate(architectures)
    ]

    def check(names: str) -> None:
        chosen = [lane for lane in lanes if lane.name in names]
        check_lanes(opened, chosen, lambda lane: architectures[lane.name])

    check("bc")
    with pytest.raises(CompileError) as raised:
        check("abc")
    text = str(raised.value)
    assert text.startswith("lane a (model a): nvcc 12.9.86 (")
    assert text.endswith("; or leave such devices out: --parallel gpu2,gpu4")
    with pytest.raises(CompileError) as raised:
        check("a")
    assert "--parallel" not in str(raised.value)
