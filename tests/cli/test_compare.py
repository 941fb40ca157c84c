"""`harness compare` on files of all formats."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.replay import nvbench
from tests.replay.helpers import TABLE, write_kernel_tuner, write_t4

from .helpers import VIRTUAL, Cli

WORSE = {key: 2 * time if isinstance(time, float) else time for key, time in TABLE.items()}


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".harness").mkdir()


@pytest.mark.parametrize("write", [write_t4, write_kernel_tuner])
def test_files_of_other_tuners(cli: Cli, write: Callable[..., Path], tmp_path: Path) -> None:
    before, after = write(tmp_path / "a.json"), write(tmp_path / "b.json.gz", WORSE)
    found = cli("compare", before, after, "--json").json
    assert [row["ratio"] for row in found["configurations"]] == pytest.approx([2.0] * 4, rel=0.2)
    assert set(found["verdicts"]) == {"UNCLEAR"}, "three samples prove nothing"
    assert "too few samples" in cli("compare", before, after).out


def test_a_session_with_the_file_it_was_imported_from(cli: Cli, tmp_path: Path) -> None:
    path = write_t4(tmp_path / "a.json")
    cli("import", path)
    found = cli("compare", "1", path)
    assert found.code == 0
    assert "4 configurations in both" in found.out
    assert "does not say what it was measured on" in found.out
    other = tmp_path / "other.sqlite"
    cli("import", path, "--journal", other)
    assert f"session 1 of {other} (a)" in cli("compare", f"{other}:1", "last").out


def test_what_is_compared_with_itself_is_warned_of(cli: Cli, tmp_path: Path) -> None:
    path = write_t4(tmp_path / "a.json")
    cli("import", path)
    cli("export", "1", "--format", "json", "-o", tmp_path / "s.json")
    other = nvbench.write(tmp_path / "n.json")
    for first, second, name in (
        ("1", "last", "session 1 (a)"),
        ("a", ".harness/journal.sqlite:1", "session 1 (a)"),
        ("a.json", "./a.json", "a.json"),
        ("s.json", "./s.json", "s.json"),
        (str(other), "n.json", str(other)),
    ):
        warning = f"{name} is compared with itself: both sides are the same results"
        found = cli("compare", first, second, "--json")
        assert (found.code, warning in found.json["warnings"]) == (0, True), found
    write_t4(tmp_path / "b.json")
    assert "compared with itself" not in cli("compare", "a.json", "b.json").out


def test_sessions_of_other_sizes_are_unlike(cli: Cli, config: Path) -> None:
    for size in (1, 2):
        config.write_text(VIRTUAL + f"[problem]\nN = {size}\n")
        assert cli("tune", config, "--budget", "4", "--progress", "none").code == 0
    refused = cli("compare", "1", "2")
    assert refused.code == 2
    assert "their problems differ: N=1; and N=2" in refused.err
    assert cli("compare", "1", "2", "--unlike").code in (0, 4)
    assert cli("compare", "2", "2").code == 0
    against = cli("bench", config, "--against", "1", "--progress", "none")
    assert against.code == 2
    assert "their problems differ: N=1; and N=2" in against.err


def test_a_session_that_did_not_come_to_its_end_is_warned_of(cli: Cli, tmp_path: Path) -> None:
    cli("import", write_t4(tmp_path / "a.json"))
    assert "not complete" not in cli("compare", "1", "a.json").out
    with closing(sqlite3.connect(tmp_path / ".harness/journal.sqlite")) as db, db:
        db.execute("UPDATE sessions SET state = 'interrupted'")
    told = cli("compare", "1", "a.json").out
    assert "warning: session 1 (a) is interrupted, not complete" in told


def test_exports_of_a_session(cli: Cli, tmp_path: Path) -> None:
    cli("import", write_kernel_tuner(tmp_path / "a.json"))
    for form in ("json", "t4", "csv", "kernel-tuner"):
        path = tmp_path / f"session_{form}{'.csv' if form == 'csv' else '.json'}"
        cli("export", "--format", form, "-o", path)
        ended = cli("compare", "last", path, "--json")
        assert ended.code == 0, ended.err
        assert len(ended.json["configurations"]) == 4, form


class TestNvbench:
    def test_what_became_slower_is_found(self, cli: Cli, tmp_path: Path) -> None:
        before = nvbench.write(tmp_path / "a.json", nvbench.benchmark(seed=1))
        times = {**nvbench.TIMES, (128, "row"): 1.05e-3}
        after = nvbench.write(tmp_path / "b.json", nvbench.benchmark(times, seed=2))
        ended = cli("compare", before, after)
        assert ended.code == 4
        assert "benchmark=copy BlockSize=128 Layout=row" in ended.out
        found = cli("compare", before, after, "--json").json
        assert found["verdicts"]["SLOWER"] == 1
        assert found["best"]["verdict"] == "SLOWER"
        assert cli("compare", before, before).code == 0

    def test_batches_prove_nothing(self, cli: Cli, tmp_path: Path) -> None:
        path = nvbench.write(tmp_path / "a.json")
        found = cli("compare", path, path, "--hot", "--json").json
        assert found["verdicts"] == {"UNCLEAR": 3}

    def test_devices_are_compared_each_with_itself(self, cli: Cli, tmp_path: Path) -> None:
        devices = [*nvbench.DEVICES, {"id": 3, "name": "Tesla T4"}]

        def write(name: str, factor: float, seed: int) -> Path:
            slow = {point: factor * time for point, time in nvbench.TIMES.items()}
            one, two = nvbench.benchmark(seed=seed), nvbench.benchmark(slow, seed=seed, device=3)
            one["states"] += two["states"]
            return nvbench.write(tmp_path / name, one, devices=devices)

        found = cli("compare", write("a.json", 3, 1), write("b.json", 3.3, 2), "--json").json
        slower = {r["device"] for r in found["configurations"] if r["verdict"] == "SLOWER"}
        assert slower == {"Tesla T4"}

    def test_beside_other_results_one_benchmark_is_chosen(self, cli: Cli, tmp_path: Path) -> None:
        log = tmp_path / "log.csv"
        rows = [f"{n},{n},row,{t},{t}" for n, t in ((64, 0.002), (128, 0.001))]
        log.write_text("\n".join(["TestNo,BlockSize,Layout,Score_1,Score_Overall", *rows]))
        both = nvbench.write(
            tmp_path / "a.json", nvbench.benchmark(), nvbench.benchmark(name="fill")
        )
        assert "--benchmark: copy, fill" in cli("compare", log, both).err
        ended = cli("compare", log, both, "--benchmark", "fill")
        assert ended.code == 0
        assert "2 configurations in both" in ended.out
        assert "was measured cold" in ended.out

    def test_options_for_it_need_it(self, cli: Cli, tmp_path: Path) -> None:
        path = write_t4(tmp_path / "a.json")
        assert "leave these options out" in cli("compare", path, path, "--hot").err


@pytest.mark.parametrize("name", ["gone.json", "gone.csv", "gone.json.gz"])
def test_files_that_are_not_there(cli: Cli, name: str) -> None:
    ended = cli("compare", name, name)
    assert ended.code in (1, 2)
    assert name in ended.err
    assert "No such file" in ended.err
