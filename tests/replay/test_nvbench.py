from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.model import OutcomeKind
from harness.replay.nvbench import MOST_SAMPLES, NvbenchFile

from . import nvbench


def load(path: Path) -> NvbenchFile:
    return NvbenchFile(path, path.read_bytes())


def test_states_are_tests_and_axes_parameters(tmp_path: Path) -> None:
    found = load(nvbench.write(tmp_path / "copy.json")).read("copy")
    assert found.info.parameters == ("BlockSize", "Layout")
    assert [o.configuration.values_ for o in found.outcomes] == list(nvbench.TIMES)
    assert [o.score for o in found.outcomes] == pytest.approx(
        list(nvbench.TIMES.values()), rel=0.01
    )
    moments = found.moments[1]
    assert moments.count == 100
    assert moments.deviation == pytest.approx(0.01, rel=0.3)
    assert found.mode == "cold"
    (lane,) = found.info.lanes
    assert (lane.device.name, lane.device.compute_capability) == ("NVIDIA A100", (8, 0))
    assert found.info.imported


def test_batches_are_hot_and_without_deviation(tmp_path: Path) -> None:
    found = load(nvbench.write(tmp_path / "copy.json")).read("copy", hot=True)
    assert found.mode == "hot"
    assert found.outcomes[0].score == pytest.approx(1.6e-3)
    assert found.moments[1].deviation is None


def test_of_all_benchmarks_the_name_is_a_parameter(tmp_path: Path) -> None:
    other = nvbench.benchmark({(32, "row"): 1e-3}, name="fill")
    file = load(nvbench.write(tmp_path / "both.json", nvbench.benchmark(), other))
    assert file.benchmarks == ["copy", "fill"]
    found = file.read()
    assert dict(found.outcomes[-1].configuration) == {
        "benchmark": "fill",
        "BlockSize": 32,
        "Layout": "row",
    }
    with pytest.raises(ConfigError, match="no benchmark 'move'; it has copy, fill"):
        file.read("move")


def test_what_is_no_number_is_not_known(tmp_path: Path) -> None:
    def make(mean: str, deviation: str) -> list[dict[str, Any]]:
        return [
            nvbench.summary("nv/cold/sample_size", "int64", 1),
            nvbench.summary("nv/cold/time/gpu/mean", "float64", mean),
            nvbench.summary("nv/cold/time/gpu/stdev/relative", "float64", deviation),
        ]

    states = [
        nvbench.state((64, "row"), make("0.5", "inf")),
        nvbench.state((64, "col"), make("nan", "0.1")),
    ]
    path = nvbench.write(tmp_path / "copy.json", {"name": "copy", "states": states})
    found = load(path).read("copy")
    assert found.moments[1].deviation is None
    assert found.outcomes[1].kind is OutcomeKind.NO_SCORE


def test_skipped_states_say_why(tmp_path: Path) -> None:
    bench = nvbench.benchmark()
    bench["states"].append(nvbench.skipped((4096, "row"), "too many threads"))
    found = load(nvbench.write(tmp_path / "copy.json", bench)).read("copy")
    assert (found.outcomes[-1].kind, found.outcomes[-1].reason) == (
        OutcomeKind.INVALID,
        "too many threads",
    )


def test_samples_are_read_where_they_were_kept(tmp_path: Path) -> None:
    few, many = nvbench.draw(1e-3, 1, 10), nvbench.draw(2e-3, 2, 1000)
    path = nvbench.write_samples(tmp_path / "copy.json", {(64, "row"): few, (64, "col"): many})
    first, second = load(path).read("copy").outcomes
    assert first.samples == pytest.approx(few, rel=1e-6)
    assert second.samples == pytest.approx(many[:: 1000 // MOST_SAMPLES], rel=1e-6)
    assert not load(path).read("copy").moments


def test_samples_of_another_length_are_refused(tmp_path: Path) -> None:
    path = nvbench.write_samples(tmp_path / "copy.json", {(64, "row"): [1e-3, 2e-3]})
    (tmp_path / "copy.json-bin" / "0.bin").write_bytes(b"1234")
    with pytest.raises(ConfigError, match="4 bytes; expected 2 samples"):
        load(path).read("copy")


def test_without_the_samples_the_summary_is_left(tmp_path: Path) -> None:
    path = nvbench.write_samples(tmp_path / "copy.json", {(64, "row"): [1e-3, 1.1e-3]})
    (tmp_path / "copy.json-bin" / "0.bin").unlink()
    assert load(path).read("copy").moments[1].count == 2


def test_benchmarks_of_the_host_are_timed_by_its_clock(tmp_path: Path) -> None:
    summaries = [
        nvbench.summary("nv/cpu_only/sample_size", "int64", 20),
        nvbench.summary("nv/cpu_only/time/cpu/mean", "float64", 0.5),
        nvbench.summary("nv/cpu_only/time/cpu/stdev/relative", "float64", 0.02),
    ]
    states = [nvbench.state((64, "row"), summaries, device=None)]
    found = load(
        nvbench.write(tmp_path / "host.json", {"name": "host", "states": states}, devices=[])
    ).read("host")
    assert found.mode is None
    assert (found.outcomes[0].score, found.moments[1].count) == (0.5, 20)
    assert found.info.lanes[0].device.name == ""


@pytest.mark.parametrize("hot", [True, False])
def test_files_without_results_are_refused(tmp_path: Path, *, hot: bool) -> None:
    bench = {"name": "copy", "states": [nvbench.skipped((1, "row"), "no reason")]}
    with pytest.raises(ConfigError, match="--hot" if hot else "give a file"):
        load(nvbench.write(tmp_path / "copy.json", bench)).read("copy", hot=hot)


def test_what_older_versions_wrote_is_refused_with_its_place(tmp_path: Path) -> None:
    old = {"name": "copy", "states": [{"summaries": {"GPU Time": {"values": []}}}]}
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"benchmarks": [old]}))
    with pytest.raises(ConfigError, match=r"benchmarks\[0\]\.states\[0\]\.summaries"):
        load(path)
