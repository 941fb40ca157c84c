from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import harness
from harness.app.setup import prepare
from harness.app.toolchains import describe_toolchain, open_toolchain
from harness.errors import CompileError

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
    setup = prepare(harness.make_spec(tables(compiler="nvcc", nvcc="tools/nvcc"), base=base))
    toolchain = open_toolchain(setup)
    assert toolchain is not None
    assert describe_toolchain(setup, toolchain) == "nvcc 12.9.86 test_build"
    toolchain.check_architecture("sm_86")
    with pytest.raises(CompileError, match=rf"nvcc 12\.9\.86 \({base}/tools/nvcc\) cannot compile"):
        toolchain.check_architecture("sm_61")


def test_an_nvcc_that_is_not_there_is_named(base: Path) -> None:
    setup = prepare(harness.make_spec(tables(compiler="nvcc", nvcc="tools/nvc"), base=base))
    message = f"no nvcc at '{base}/tools/nvc', which the config names; correct or remove it"
    with pytest.raises(CompileError, match=message):
        open_toolchain(setup)


def test_nothing_is_opened_where_nothing_is_compiled(base: Path) -> None:
    virtual = {**tables(compiler="nvcc", nvcc="/no/nvcc"), "mock": {"time": "virtual"}}
    setup = prepare(harness.make_spec(virtual, base=base))
    assert open_toolchain(setup) is None
    assert describe_toolchain(setup, None) == "simulated"
