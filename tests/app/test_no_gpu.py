"""What is said where a config for GPUs meets a machine without one."""

from __future__ import annotations

from pathlib import Path

import pytest

import harness
from harness.app.setup import prepare
from harness.app.suspects import setup_warnings
from harness.device.nvml import CudaBackend


@pytest.mark.parametrize(
    ("compile_line", "backend", "found"),
    [
        ("nvcc -O3 -o app app.cu", "auto", "nvcc"),
        ("/usr/local/cuda/bin/nvcc -o app app.cu", "auto", "nvcc"),
        (["clang++", "-x", "cuda", "app.cpp"], "auto", "-x cuda"),
        ("make app.cu.o", "auto", "app.cu"),
        ("g++ main.cpp -lcudart", "auto", "-lcudart"),
        ("cc -O2 -o app app.c", "auto", ""),
        ("cc -O2 -o app app.cuda_free.c", "auto", ""),
        ("nvcc -O3 -o app app.cu", "cpu", ""),
        ("nvcc -O3 -o app app.cu", "mock", ""),
    ],
)
def test_commands_for_gpus_on_cpu_cores_are_doubted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    compile_line: str | list[str],
    backend: str,
    found: str,
) -> None:
    monkeypatch.setattr(CudaBackend, "discover", lambda self, count: [])
    data = {
        "backend": backend,
        "parameters": {"A": [1, 2]},
        "command": {"compile": compile_line, "test": "./app"},
    }
    said = setup_warnings(prepare(harness.make_spec(data, base=tmp_path)))
    warnings = [text for text in said if "no GPU was found, so tests run on CPU cores" in text]
    assert len(warnings) == bool(found)
    assert all(f"({found})" in text and "--backend mock" in text for text in warnings)
