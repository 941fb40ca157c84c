"""Locked clocks: asked for, held by a process that restores them, whatever ends the harness."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from harness.errors import RunError
from harness.procs.partner import Partner

NVML = "harness.device.nvml_library:import_nvml"
_ANSWER_S = 30.0


class ClockLock:
    """Clocks of GPUs that stay locked until it is closed, or this process ends in any way.

    Args:
        clock: MHz, or `base`.
        nvml: "module:function" that gives the module `pynvml`.

    Attributes:
        locked: MHz by UUID.
        refused: why not, by UUID.
    """

    def __init__(self, uuids: Sequence[str], clock: int | str, nvml: str = NVML) -> None:
        self.locked: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        request = json.dumps({"uuids": list(uuids), "clock": clock})
        argv = [sys.executable, "-m", "harness.device.clock_keeper", nvml, request]
        self._keeper = Partner(argv, environment={})
        try:
            self._take(uuids, self._keeper.receive(_ANSWER_S))
        except BaseException:
            self._keeper.close()
            raise

    def _take(self, uuids: Sequence[str], line: bytes | None) -> None:
        if not line:
            said = self._keeper.read_log().split("\n")[-1]
            why = f"the process that locks clocks does not answer: {said}".rstrip(": ")
            self.refused = dict.fromkeys(uuids, why)
            return
        try:
            answers = json.loads(line)
        except ValueError as error:
            raise RunError(f"the process that locks clocks answered {line!r}") from error
        self.locked = {uuid: mhz for uuid, mhz in answers.items() if isinstance(mhz, int)}
        self.refused = {uuid: why for uuid, why in answers.items() if isinstance(why, str)}

    @property
    def pid(self) -> int:
        """Of the process that holds them."""
        return self._keeper.pid

    def close(self) -> None:
        """Restore the clocks."""
        self._keeper.close()
