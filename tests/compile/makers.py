"""What factory workers of tests make kernels with, where there is no Numba and no CuPy."""

from __future__ import annotations

import time
from typing import Any

from harness.compile.factory import Make, UnfitError
from harness.compile.factory_protocol import Ask, Compiled, Failed, Ready, Written
from harness.compile.modules import Modules
from harness.testing.cubins import FakeKernel, make_cubin


def open_fake() -> tuple[Ready, Make]:
    """Binaries with one kernel, whose code is what the factory returned."""
    return Ready({"numba-cuda": "1.2", "python": "3"}, ("sm_80", "sm_90")), make_fake


def make_fake(kernel: Any, ask: Ask, modules: Modules) -> Compiled | Failed:
    """What the factory returned says what happens."""
    if kernel == "fatal":
        return Failed("nothing works", fatal=True)
    if kernel == "slow":
        time.sleep(60)
    if not isinstance(kernel, str):
        raise UnfitError(f"returned {kernel!r}; return a text")
    code = f"{kernel} {ask.signature} {ask.options} {ask.module}"
    binary = make_cubin([FakeKernel("made", code.encode())])
    return Compiled(binary, "said nothing", modules.list_files(ask.path))


def open_writer() -> tuple[Ready, Make]:
    """Sources in place of CuPy's."""
    return Ready({"cupy": "13"}), write_fake


def write_fake(kernel: Any, ask: Ask, modules: Modules) -> Written:
    """What the factory returned, as a source."""
    return Written(str(kernel), "named", ("-DA=1",), ("/cupy",), modules.list_files(ask.path))


def open_nothing() -> tuple[Ready, Make]:
    """As if something were not installed."""
    raise ImportError("no module\nnamed numba")
