"""A process that locks the clocks of GPUs, and restores them when its input ends.

    python -m harness.device.clock_keeper NVML REQUEST

NVML is "module:function", which gives the module `pynvml`; REQUEST is JSON: `uuids`, and the
`clock` in MHz or `base`. It answers with one line of JSON: for each UUID the MHz it is locked at,
or a text that says why it is not. Its input ends when the harness closes it or is killed; SIGTERM
and SIGHUP are the same. Only if this process itself is killed, or the machine loses power, nothing
is restored.
"""

from __future__ import annotations

import json
import signal
import sys
from importlib import import_module
from types import FrameType, ModuleType
from typing import Any, NoReturn

from harness.device.nvml_library import errors, translate

Answer = int | str


def lock(nvml: ModuleType, handle: Any, clock: Answer) -> int:
    """Lock the multiprocessors' clock of one GPU; returns its MHz.

    Args:
        clock: MHz, or `base`: what the driver calls the default.
    """
    if clock == "base":
        clock = nvml.nvmlDeviceGetDefaultApplicationsClock(handle, nvml.NVML_CLOCK_GRAPHICS)
    mhz = int(clock)
    nvml.nvmlDeviceSetGpuLockedClocks(handle, mhz, mhz)
    return mhz


def _say(answers: dict[str, Answer]) -> None:
    sys.stdout.write(json.dumps(answers) + "\n")
    sys.stdout.flush()


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def keep(nvml: ModuleType, uuids: list[str], clock: Answer) -> None:
    """Lock, say so, wait for the end of the input, restore."""
    locked: list[Any] = []
    answers: dict[str, Answer] = {}
    nvml.nvmlInit()
    try:
        for uuid in uuids:
            try:
                handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
            except errors(nvml) as error:
                answers[uuid] = str(error).rstrip(".")
                continue
            locked.append(handle)  # first, so that a signal in between restores it, too
            try:
                answers[uuid] = lock(nvml, handle, clock)
            except errors(nvml) as error:
                locked.pop()
                answers[uuid] = str(error).rstrip(".")
        _say(answers)
        sys.stdin.read()
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for handle in locked:
            try:
                nvml.nvmlDeviceResetGpuLockedClocks(handle)
            except errors(nvml) as error:
                sys.stderr.write(f"{translate(error, 'cannot restore clocks')}\n")
        nvml.nvmlShutdown()


def main(entry: str, request: str) -> int:
    """Do what the request says; returns the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    asked = json.loads(request)
    module, _, attribute = entry.partition(":")
    nvml = getattr(import_module(module), attribute)()
    if nvml is None:
        _say(dict.fromkeys(asked["uuids"], "nvidia-ml-py is missing"))
        return 0
    try:
        keep(nvml, asked["uuids"], asked["clock"])
    except errors(nvml) as error:
        reason = str(error).rstrip(".")
        _say(dict.fromkeys(asked["uuids"], reason))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
