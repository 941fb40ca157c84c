"""What the GPU tests share; `make test-gpu` runs them, and each skips where there is no GPU."""

from __future__ import annotations

import shutil
import subprocess

import pytest


@pytest.fixture(scope="session")
def listed() -> list[tuple[str, str, str]]:
    """PCI bus id, UUID and name of each GPU as nvidia-smi lists them, in PCI order."""
    if shutil.which("nvidia-smi") is None:
        pytest.skip("there is no nvidia-smi: no NVIDIA driver is installed")
    ended = subprocess.run(
        ["nvidia-smi", "--query-gpu=pci.bus_id,uuid,name", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0 or not ended.stdout.strip():
        pytest.skip(f"nvidia-smi lists no GPU: {ended.stdout}{ended.stderr}")
    rows = [line.split(", ") for line in ended.stdout.strip().splitlines()]
    return sorted((bus.lower(), uuid, name) for bus, uuid, name in rows)
