"""What sessions found, as values to build with: each device's best, and the best everywhere."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from harness.configuration import Configuration, Goal
from harness.errors import ConfigError
from harness.lane import DeviceInfo
from harness.model import Outcome, SessionInfo
from harness.stats import is_better
from harness.units import format_score, format_text, is_real


@dataclass(frozen=True, slots=True)
class DeviceBest:
    """The best configuration on one model of device, and where that comes from.

    Attributes:
        recording: the name of the file that it was replayed or imported from; empty else.
    """

    device: DeviceInfo
    configuration: Configuration
    score: float
    unit: str
    session: int
    started_s: float
    simulated: bool
    recording: str = ""

    @property
    def word(self) -> str:
        """The device's name as a macro can hold it: `NVIDIA_A100_SXM4_40GB`."""
        word = re.sub(r"\W+", "_", self.device.name, flags=re.ASCII).strip("_").upper()
        return word or "DEVICE"

    @property
    def architecture(self) -> int | None:
        """The compute capability as compilers write it: 80 for 8.0; None where there is none."""
        capability = self.device.compute_capability
        return None if capability is None else 10 * capability[0] + capability[1]


@dataclass(frozen=True, slots=True)
class Tuned:
    """The values to build with.

    Attributes:
        devices: at least one, in the order of their names.
        everywhere: for devices that are not among those: the configuration whose worst slowdown
            over all of them is least.
        shared: whether some of the devices measured only a part of the configurations.
        slowdown: that slowdown, as a fraction (0: it is the best on each); None if no
            configuration has a ratio to the best on all of them, and `everywhere` is the first's
            best.
    """

    name: str
    goal: Goal
    devices: tuple[DeviceBest, ...]
    everywhere: Configuration
    slowdown: float | None
    shared: bool = False

    @property
    def simulated(self) -> bool:
        """Whether they come from simulated devices."""
        return any(best.simulated for best in self.devices)

    def provenance(self) -> list[str]:
        """Where the values come from, in lines for a comment; no name can end one."""
        lines = [f"Made by gpu-harness for {self.name}; do not edit."]
        if self.simulated:
            files = dict.fromkeys(best.recording for best in self.devices if best.recording)
            source = f"recorded results ({', '.join(files)})" if files else "mock devices"
            lines.append(f"SIMULATED: these values come from {source}, not from hardware.")
        lines += [_describe(best) for best in self.devices]
        if self.shared:
            lines.append(
                "Each of these devices measured only some of the configurations; with "
                'distribution = "replicate" each would measure all.'
            )
        if len(self.devices) > 1 and self.slowdown is None:
            lines.append(
                "No configuration can be compared on all of these devices: others get the values "
                f"of {self.devices[0].device.name}."
            )
        elif len(self.devices) > 1:
            lines.append(
                "Others get the values that are best everywhere: at most "
                f"{100 * (self.slowdown or 0):.1f} % slower than each device's own."
            )
        return [format_text(line) for line in lines]


def _describe(best: DeviceBest) -> str:
    facts = [f"sm_{best.architecture}"] if best.architecture else []
    facts += [f"driver {best.device.driver}"] if best.device.driver else []
    where = best.device.name or "no device"
    if facts:
        where += f" ({', '.join(facts)})"
    when = ", in virtual time"
    if is_real(best.started_s):
        when = datetime.fromtimestamp(best.started_s, timezone.utc).strftime(" of %Y-%m-%d")
    return f"{where}: {format_score(best.score, best.unit)}, session {best.session}{when}"


def make_tuned(
    sessions: Sequence[tuple[SessionInfo, Sequence[Outcome]]],
    winners: Mapping[int, Collection[int]] | None = None,
) -> Tuned:
    """The values that `sessions` found; for a device in several, those of the latest.

    Args:
        winners: of sessions, by id, the tests that were found to be the best where the scores of
            the search alone do not decide, as in the finals of kernels.

    Raises:
        ConfigError: they tune different things, nothing was found, or measured and simulated
            results would be mixed.
    """
    _check_alike([info for info, _ in sessions])
    by_model: dict[str, tuple[SessionInfo, DeviceInfo, dict[Configuration, float]]] = {}
    won: dict[str, Configuration] = {}
    for info, outcomes in sorted(sessions, key=lambda session: session[0].started_s):
        for device in {lane.device.model: lane.device for lane in info.lanes}.values():
            names = {lane.name for lane in info.lanes if lane.device.model == device.model}
            scores = {o.configuration: o.score for o in outcomes if o.lane in names}
            found = {key: score for key, score in scores.items() if score is not None}
            if found:
                by_model[device.model] = (info, device, found)
                won.pop(device.model, None)
            best = (winners or {}).get(info.id, ())
            for outcome in outcomes:
                if outcome.test_id in best and outcome.lane in names and outcome.score is not None:
                    won[device.model] = outcome.configuration
    first = sessions[0][0]
    if not by_model:
        raise ConfigError(
            f"{first.name}: no test succeeded, so there are no values to write; "
            f"`harness show {first.id} --failures` shows why"
        )
    bests = [_find_best(*by_model[model], won.get(model)) for model in sorted(by_model)]
    everywhere, slowdown = _find_everywhere(
        [scores for _, _, scores in by_model.values()], first.goal
    )
    return Tuned(
        name=first.name,
        goal=first.goal,
        devices=tuple(bests),
        everywhere=bests[0].configuration if everywhere is None or len(bests) == 1 else everywhere,
        slowdown=slowdown,
        shared=any(_shares(info) for info, _, _ in by_model.values()),
    )


def _shares(info: SessionInfo) -> bool:
    models = {lane.device.model for lane in info.lanes}
    return len(models) > 1 and info.distribution != "replicate"


def _check_alike(infos: Sequence[SessionInfo]) -> None:
    first = infos[0]
    for other in infos[1:]:
        for what in ("parameters", "goal", "unit", "simulated"):
            mine, theirs = getattr(first, what), getattr(other, what)
            if mine != theirs:
                raise ConfigError(
                    f"sessions {first.id} and {other.id} cannot be put into one file: their "
                    f"{what} differ ({mine} and {theirs}); write a file for each"
                )


def _find_best(
    info: SessionInfo,
    device: DeviceInfo,
    scores: Mapping[Configuration, float],
    won: Configuration | None,
) -> DeviceBest:
    best = won or next(iter(scores))
    for configuration, score in scores.items():
        if won is None and is_better(score, scores[best], info.goal):
            best = configuration
    return DeviceBest(
        device=device,
        configuration=best,
        score=scores[best],
        unit=info.unit,
        session=info.id,
        started_s=info.started_s,
        simulated=info.simulated,
        recording=Path(info.recording).name,
    )


def _find_everywhere(
    by_device: Sequence[Mapping[Configuration, float]], goal: Goal
) -> tuple[Configuration | None, float | None]:
    """The configuration with the least worst slowdown, and that; None if none can be compared."""
    common = [c for c in by_device[0] if all(c in scores for scores in by_device)]
    pick = min if goal == "min" else max
    bests = [pick(scores.values()) for scores in by_device]
    if not common or min(bests) <= 0:
        return None, None

    def worst(configuration: Configuration) -> float:
        scores = [found[configuration] for found in by_device]
        if goal == "min":
            return max(score / best for score, best in zip(scores, bests, strict=True))
        return max(
            best / score if score > 0 else math.inf
            for score, best in zip(scores, bests, strict=True)
        )

    chosen = min(common, key=worst)
    slowdown = worst(chosen) - 1
    return (chosen, slowdown) if math.isfinite(slowdown) else (None, None)
