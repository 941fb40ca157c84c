"""What speaks against measurements of a session as a whole: flags, and lanes that differ."""

from __future__ import annotations

import os
import re
import statistics
from collections import Counter
from collections.abc import Sequence

from harness.app.kernel_warnings import kernel_warnings
from harness.app.replay import replay_warnings
from harness.app.setup import Setup
from harness.app.strategies import search_warnings
from harness.compile.cache_folder import explain_directory
from harness.lane import Lane
from harness.model import Outcome
from harness.mounts import find_shared
from harness.timing.sentinel import TOLERANCE
from harness.units import format_count, format_path

_CUDA = re.compile(r"\bnvcc\b|\S*\.cu\b|-x ?cuda\b|-lcuda\w*")
"""What only commands for NVIDIA GPUs have."""

_SLOWING = {
    "CUDA_LAUNCH_BLOCKING": "each launch waits for its end",
    "CUDA_INJECTION64_PATH": "a profiler or checker is loaded into every program",
    "CUDA_FORCE_PTX_JIT": "programs run what the driver compiles, not what the toolkit did",
}
"""Variables of CUDA that change what is measured."""

_MEANINGS = {
    "drifted": "the sentinel kernel was more than 2 % off its first time",
    "throttled": "the device's clocks were held back for heat or its power supply",
    "power_capped": "the device's clocks were held back by its power limit",
    "shared": "another process computed on the device",
    "late": "the host was too slow to queue all of a sample before the device began with it",
}


def find_suspects(outcomes: Sequence[Outcome], lanes: Sequence[Lane]) -> list[str]:
    """Warnings: tests that were measured under bad circumstances, lanes that are not alike."""
    flags: Counter[tuple[str, str]] = Counter()
    sentinels: dict[str, list[float]] = {}
    for outcome in outcomes:
        for run in outcome.runs:
            measurement = run.measurement
            if measurement is None or outcome.copy_of is not None:
                continue
            if measurement.sentinel_s is not None:
                sentinels.setdefault(run.lane, []).append(measurement.sentinel_s)
            unmeasured = run is not outcome.measured
            if unmeasured and (outcome.has_retake or measurement.retake):
                continue  # the other one counts
            flags.update((run.lane, flag) for flag in measurement.flags)
    warnings = [
        f"lane {lane}: {format_count(count, 'measurement')} {'is' if count == 1 else 'are'} "
        f"suspect: {_MEANINGS[flag]}"
        for (lane, flag), count in sorted(flags.items())
    ]
    medians = {lane: statistics.median(times) for lane, times in sentinels.items()}
    return warnings + _compare_lanes(medians, lanes)


def _compare_lanes(sentinels_s: dict[str, float], lanes: Sequence[Lane]) -> list[str]:
    """Lanes of one model on which the sentinel takes unlike times."""
    models: dict[str, list[str]] = {}
    for lane in lanes:
        if lane.name in sentinels_s:
            models.setdefault(lane.device.name, []).append(lane.name)
    warnings = []
    for model, names in models.items():
        slowest = max(names, key=lambda name: sentinels_s[name])
        fastest = min(names, key=lambda name: sentinels_s[name])
        ratio = sentinels_s[slowest] / sentinels_s[fastest]
        if ratio > 1 + TOLERANCE:
            warnings.append(
                f"lanes {fastest} and {slowest} are both {model}, but the sentinel kernel takes "
                f"{100 * (ratio - 1):.1f} % longer on {slowest}: scores of different lanes compare "
                "no better than that; the finals were on one lane"
            )
    return warnings


def setup_warnings(setup: Setup) -> list[str]:
    """What one should know of a setup before its scores are believed, or waited for."""
    warnings = [*setup.devices.remarks, *setup.devices.describe_users()]
    warnings += [*search_warnings(setup), *_look_for_cuda(setup)]
    warnings += [*comparability_warnings(setup), *_look_at_disk(setup), *_look_at_variables(setup)]
    if setup.kernel is not None:
        warnings += kernel_warnings(setup.kernel)
    if setup.one_by_one:
        where = "on each lane" if len(setup.lanes) > 1 else "on one lane"
        warnings.append(
            "the test command is the same for tests that are compiled differently: so that none "
            f"overwrites another's program, they are compiled and run one by one, {where}; with "
            "%%ID%% in the program's name (app_%%ID%%), in compile, test and clean, the next ones "
            "compile meanwhile, on all lanes"
        )
    elif setup.commands.is_blind and setup.recording is None:
        warnings.append(
            "the test command is the same for tests that are compiled differently: if it runs what "
            "compile makes, it may run what was made for another; write %%ID%% or the parameters "
            "into the file's name, in compile, test and clean"
        )
    return warnings


def comparability_warnings(setup: Setup) -> list[str]:
    """What makes the scores of this setup's lanes hard to rank together, or to take for all."""
    models = sorted({lane.device.model for lane in setup.lanes})
    warnings = [] if setup.recording is None else replay_warnings(setup.recording)
    if len(models) > 1 and setup.spec.distribution != "replicate":
        warnings.append(
            f"the lanes' devices are unlike ({', '.join(models)}), so a score depends on where its "
            'test ran; use distribution = "replicate" to tune each, or lanes of one model'
        )
    return warnings


def _look_at_disk(setup: Setup) -> list[str]:
    """A journal that machines may share is slower, and less safe; a cache may not last."""
    path, warnings = setup.spec.journal_path, []
    if kind := find_shared(path):
        warnings.append(
            f"the journal {format_path(path)} is on a file system that machines may share "
            f"({kind}), whose locks SQLite has to trust: use it from one machine at a time; on a "
            "local disk (output.journal) it is faster and safer"
        )
    compiles = setup.kernel is not None and not setup.virtual
    if compiles and (why := explain_directory()):
        warnings.append(why)
    return warnings


def _look_at_variables(setup: Setup) -> list[str]:
    """What is left over from looking for faults makes everything slower."""
    if not any(lane.device.kind == "cuda" for lane in setup.lanes):
        return []
    return [
        f"{name}={value} is set: {meaning}; unset it, or times are not those without it"
        for name, meaning in _SLOWING.items()
        if (value := os.environ.get(name, "")) not in ("", "0")
    ]


def _look_for_cuda(setup: Setup) -> list[str]:
    """On a machine without a GPU, `auto` takes CPU cores, on which programs for GPUs fail."""
    found = _CUDA.search("\n".join(setup.commands.lines))
    if setup.spec.backend != "auto" or setup.devices.backend != "cpu" or found is None:
        return []
    return [
        f"no GPU was found, so tests run on CPU cores, but the commands are for GPUs ({found[0]}); "
        "`--backend mock` simulates GPUs, and compiles in earnest"
    ]
