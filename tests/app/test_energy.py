"""Sessions whose objective is energy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import harness
from harness.app.counters import check_counters
from harness.config.change import change_spec
from harness.device.telemetry import NvmlTelemetry
from harness.errors import ConfigError
from harness.export.csv import format_csv
from harness.landscape import Landscape
from harness.lane import DeviceInfo, Lane
from harness.measurement import ENERGY_S
from harness.model import OutcomeKind
from harness.testing.nvml import FakeGpu, FakeNvml
from harness.timing.command import find_energy
from tests.app.test_kernels import SOURCE, changed

COMMANDS: dict[str, Any] = {
    "name": "app",
    "backend": "mock",
    "parallel": 2,
    "parameters": {"A": [1, 2, 3, 4]},
    "command": {"test": "./app %A%"},
    "scoring": {"optimal": "min_energy"},
    "mock": {"time": "virtual"},
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "scale.cu").write_text(SOURCE)
    (tmp_path / "scale.h").write_text("#define FACTOR 2\n")
    (tmp_path / "scale_reference.py").write_text("def scale(x, y, n):\n    return 2 * x\n")
    (tmp_path / ".harness").mkdir()
    return tmp_path


def tune(base: Path, data: dict[str, Any]) -> harness.Result:
    return harness.tune(harness.make_spec(data, base=base))


def test_the_least_energy_wins_not_the_least_time(base: Path) -> None:
    result = tune(base, COMMANDS)
    assert (result.info.unit, result.info.goal) == ("J", "min")
    landscape = Landscape()
    device = result.info.lanes[0].device
    for outcome in result.outcomes:
        mean_j = landscape.mean_s(outcome.configuration, device) * landscape.power_w(
            outcome.configuration, device
        )
        assert outcome.score == pytest.approx(mean_j, rel=0.05)
    assert result.best is not None
    assert result.best.score == min(outcome.score or 0.0 for outcome in result.outcomes)
    lines = "\n".join(result.summary.to_lines())
    assert "best: " in lines
    assert " J" in lines.split("best: ")[1].splitlines()[0]
    assert "(simulated)" in lines
    assert str(result.best.score) in format_csv(result.info, result.outcomes)


def test_a_kernel_runs_for_two_seconds_and_scores_one_launch(base: Path) -> None:
    result = tune(base, changed(scoring={"optimal": "min_energy"}))
    assert {outcome.kind for outcome in result.outcomes} == {OutcomeKind.OK}
    best = result.best
    assert best is not None
    measured = best.runs[0].measurement
    assert measured is not None
    assert (measured.mode, measured.energy_j) == ("hot", best.score)
    assert measured.launches * sum(measured.samples_s) >= ENERGY_S
    assert best.samples == (best.score,)
    assert 110 < (best.score or 0.0) / measured.samples_s[0] < 190  # watts
    (final,) = result.summary.to_object()["finals"]
    assert final["winner"] == best.test_id
    again = tune(base, changed(scoring={"optimal": "min_energy"}))
    assert not again.summary.progress.tested


def test_energies_are_the_same_for_the_same_seed(base: Path, tmp_path: Path) -> None:
    first = tune(base, COMMANDS)
    second = harness.tune(harness.make_spec(COMMANDS, base=base), fresh=True)
    assert [o.score for o in first.outcomes] == [o.score for o in second.outcomes]


@pytest.mark.parametrize(
    ("scoring", "kernel", "message"),
    [
        ({"repeat": 3}, {}, "an energy is one reading"),
        ({}, {"measure": {"stop": "race"}}, "an energy is one reading"),
        ({"metric": "gbps"}, {}, "min_energy scores the energy"),
        ({"unit": "mJ"}, {}, "the unit of energies is J"),
        ({"reference": -1}, {}, "an energy must be > 0"),
    ],
)
def test_what_makes_no_sense_with_it_is_refused(
    base: Path, scoring: dict[str, Any], kernel: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        tune(base, changed(scoring={"optimal": "min_energy", **scoring}, kernel=kernel))


def test_there_is_no_greatest_energy(base: Path) -> None:
    with pytest.raises(ConfigError, match="min_energy"):
        tune(base, changed(scoring={"optimal": "max_energy"}))


def test_cores_have_no_counter(base: Path) -> None:
    spec = change_spec(harness.make_spec(COMMANDS, base=base), "test", backend="cpu", parallel=1)
    with pytest.raises(ConfigError, match=r"lane 0: .* is no GPU, and only GPUs count"):
        harness.tune(spec)


@pytest.mark.parametrize(
    ("gpu", "missing", "message"),
    [
        ({}, (), None),
        ({}, ("nvmlDeviceGetTotalEnergyConsumption",), "has no counter of energy"),
        ({"parent_uuid": "GPU-0"}, (), "is a MIG slice"),
    ],
)
def test_gpus_must_have_a_counter(
    gpu: dict[str, Any], missing: tuple[str, ...], message: str | None
) -> None:
    nvml = FakeNvml([FakeGpu("GPU-0", "00000000:01:00.0")], missing=missing)
    lane = Lane("0", 0, DeviceInfo(kind="cuda", index=0, uuid="GPU-0", name="RTX", **gpu))

    def open_device(device: DeviceInfo) -> NvmlTelemetry:
        return NvmlTelemetry(device, lambda: 0.0, nvml)

    if message is None:
        check_counters([lane], open_device)
    else:
        with pytest.raises(ConfigError, match=f"lane 0: RTX {message}"):
            check_counters([lane], open_device)
    assert nvml.initialised == 0


def test_the_energy_of_a_run_is_what_the_counter_moved() -> None:
    assert find_energy(2.5, 100.0, 350.0) == (250.0, "")
    assert find_energy(0.3, 100.0, 350.0)[0] is None
    assert "it ran for 300 ms" in find_energy(0.3, 100.0, 350.0)[1]
    assert find_energy(2.5, None, 350.0)[0] is None
    assert find_energy(2.5, 350.0, 350.0)[0] is None
