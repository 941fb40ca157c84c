"""What stands in for pynvml in the process that keeps clocks: it writes down what is locked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pynvml

from harness.testing.nvml import FakeNvml, make_gpus

LOG = "FAKE_CLOCKS_LOG"


class LoggingNvml(FakeNvml):
    """Each change of what is locked is a line of the file that LOG names."""

    def _log(self) -> None:
        with Path(os.environ[LOG]).open("a") as file:
            file.write(json.dumps(self.locked) + "\n")

    def _nvmlDeviceSetGpuLockedClocks(self, gpu: object, least: int, most: int) -> None:
        super()._nvmlDeviceSetGpuLockedClocks(gpu, least, most)  # type: ignore[arg-type]
        self._log()

    def _nvmlDeviceResetGpuLockedClocks(self, gpu: object) -> None:
        super()._nvmlDeviceResetGpuLockedClocks(gpu)  # type: ignore[arg-type]
        self._log()


def two() -> FakeNvml:
    """Two GPUs whose clocks may be locked."""
    return LoggingNvml(make_gpus(2))


def forbidden() -> FakeNvml:
    """A user who may not."""
    code = pynvml.NVML_ERROR_NO_PERMISSION
    return LoggingNvml(make_gpus(2), errors={"nvmlDeviceSetGpuLockedClocks": code})


def driverless() -> FakeNvml:
    """A machine without a driver."""
    return FakeNvml(init_error=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)


def unimportable() -> None:
    """A machine without nvidia-ml-py."""
