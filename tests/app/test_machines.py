"""Sessions on machines that nobody has: GPUs that NVML invents, and commands that are real."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pynvml
import pytest

import harness
from harness.app.setup import prepare
from harness.app.suspects import setup_warnings
from harness.cli import main
from harness.device.locks import hold_devices
from harness.errors import ConfigError, DeviceError
from harness.model import OutcomeKind
from harness.testing import nvml as machines
from harness.testing.nvml import FakeGpu, FakeNvml

GONE = {"nvmlDeviceGetTemperature": pynvml.NVML_ERROR_GPU_IS_LOST}
"""What shows only once the device's state is asked for."""


def put_into(monkeypatch: pytest.MonkeyPatch, nvml: FakeNvml) -> None:
    """Have this machine's driver be `nvml`."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for module in ("nvml_library", "telemetry"):
        monkeypatch.setattr(f"harness.device.{module}.import_nvml", lambda: nvml)


def make_spec(base: Path, test: str, **tables: Any) -> Any:
    data = {
        "backend": "cuda",
        "parameters": {"A": list(range(12))},
        "command": {"test": test},
        **tables,
    }
    return harness.make_spec(data, base=base)


def test_a_gpu_that_is_lost_fails_one_test_and_not_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into(monkeypatch, FakeNvml(machines.make_gpus(2), errors=GONE))
    result = harness.tune(make_spec(tmp_path, 'test "$HARNESS_PARALLEL" = 1 || exit 3 # %A%'))
    assert [outcome.kind for outcome in result.outcomes] == [OutcomeKind.OK] * 12
    assert {outcome.lane for outcome in result.outcomes} == {"1"}
    (lost,) = [note.text for note in result.summary.progress.notes if "lost" in note.text]
    assert lost == (
        "lane 0: its device was lost; lanes left: 1 (exit status 3; the GPU has fallen off the bus)"
    )


def test_a_program_that_fails_on_a_sound_gpu_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into(monkeypatch, FakeNvml(machines.make_gpus(2)))
    result = harness.tune(make_spec(tmp_path, "exit 3 # %A%"))
    assert [outcome.kind for outcome in result.outcomes] == [OutcomeKind.RUN_FAILED] * 12


class Watched(FakeNvml):
    """Notes how often it is open whenever a device's state is asked for."""

    open_then: list[int]

    def _nvmlDeviceGetTemperature(self, gpu: FakeGpu, sensor: int) -> int:
        self.open_then.append(self.initialised)
        return 61


def test_the_driver_is_kept_ready_while_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = Watched(machines.make_gpus(1))
    nvml.open_then = []
    put_into(monkeypatch, nvml)
    harness.tune(make_spec(tmp_path, "exit 3 # %A%"))  # each of which asks for its device
    assert nvml.open_then == [2] * 12  # by the lane, and to ask
    assert nvml.initialised == 0


def test_all_gpus_lost_is_the_end_of_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into(monkeypatch, FakeNvml(machines.make_gpus(2), errors=GONE))
    with pytest.raises(DeviceError, match="every lane lost its device"):
        harness.tune(make_spec(tmp_path, "exit 3 # %A%"))


def test_what_is_odd_about_the_devices_is_a_warning_of_everything_that_uses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_into(monkeypatch, machines.eight_alike())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,9")
    said = "CUDA_VISIBLE_DEVICES=2,9: CUDA stops at '9', which is no GPU here"
    spec = make_spec(tmp_path, "true %A%")
    assert sum(said in text for text in setup_warnings(prepare(spec))) == 1
    notes = harness.tune(spec).summary.progress.notes
    assert sum(said in note.text for note in notes) == 1
    for arguments in (["devices", "--json"], ["devices"]):
        with pytest.raises(SystemExit):
            main(arguments)
        output = capsys.readouterr().out
        assert said in (json.loads(output)["warnings"][0] if len(arguments) > 1 else output)


def test_a_home_folder_on_a_network_is_worth_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("harness.store.schema", "harness.app.suspects"):
        monkeypatch.setattr(f"{module}.find_shared", lambda *_: "nfs4")
    spec = make_spec(tmp_path, "true %A%", backend="none")
    result = harness.tune(spec)
    assert result.complete
    said = "".join(note.text for note in result.summary.progress.notes)
    assert "on a file system that machines may share (nfs4)" in said
    assert sorted(file.name for file in spec.journal_path.parent.glob("journal*")) == [
        "journal.sqlite",
        "journal.sqlite-claims",
    ]
    again = harness.tune(spec)
    assert again.summary.progress.tested == 0


def test_no_place_for_temporary_files(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text('[parameters]\nA = [1]\n[command]\ntest = "true %A%"\n')
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/a"])
    with pytest.raises(SystemExit) as ended:
        main(["tune", str(config), "--backend", "none"])
    assert ended.value.code == 1
    assert "set TMPDIR to a folder that can be written" in capsys.readouterr().err


def test_who_computes_on_a_lanes_device_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, mine, exclusive = machines.make_gpus(3)
    many = tuple((800 + n, None, None) for n in range(5))
    mode = pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS
    gpus = [
        busy,
        replace(mine, processes=()),
        replace(exclusive, processes=many, compute_mode=mode),
    ]
    put_into(monkeypatch, FakeNvml(gpus))
    first, second = setup_warnings(prepare(make_spec(tmp_path, "true %A%")))
    assert first.startswith(
        "lane 0: python3 (pid 900) computes on device NVIDIA RTX A4000: what is measured there is "
        "disturbed; use other devices"
    )
    assert "a process (pid 800), a process (pid 801), a process (pid 802) and 2 more comp" in second
    assert "its compute mode admits no other process" in second
    put_into(monkeypatch, machines.shared_by_mps())
    (said,) = setup_warnings(prepare(make_spec(tmp_path, "true %A%")))
    assert said.startswith("lane 0: a process (pid 701), a process (pid 702) compute on")


def test_devices_that_are_free_are_named_where_one_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into(monkeypatch, machines.eight_alike())
    spec = make_spec(tmp_path, "true %A%")
    found = prepare(spec).devices.found
    with hold_devices([found[2], found[5]]):
        with pytest.raises(DeviceError, match=r"is free: --parallel gpu0,gpu1,gpu3,gpu4,gpu6,gpu7"):
            harness.tune(spec)
        free = make_spec(tmp_path, "true %A%", parallel=["gpu0", "gpu7"])
        assert harness.tune(free).complete


def test_what_a_full_disk_made_fail_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into(monkeypatch, FakeNvml(machines.make_gpus(1)))
    room = tmp_path / "room"
    fails = 'test %A% != 3 && echo "error: cc: No space left on device" >&2; exit 1'
    spec = make_spec(tmp_path, f"test -e {room} || {{ {fails}; }}")
    kinds = [outcome.kind for outcome in harness.tune(spec).outcomes]
    assert kinds == [OutcomeKind.RUN_FAILED] * 12
    room.touch()
    again = {o.configuration["A"]: o.kind for o in harness.tune(spec).outcomes}
    assert again.pop(3) is OutcomeKind.RUN_FAILED  # for another reason, which stays
    assert set(again.values()) == {OutcomeKind.OK}


def test_variables_that_slow_everything_down_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gpu,) = machines.make_gpus(1)
    put_into(monkeypatch, FakeNvml([replace(gpu, processes=())]))
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    monkeypatch.setenv("CUDA_FORCE_PTX_JIT", "0")
    (said,) = setup_warnings(prepare(make_spec(tmp_path, "true %A%")))
    assert said.startswith("CUDA_LAUNCH_BLOCKING=1 is set: each launch waits for its end; unset it")
    cores = prepare(make_spec(tmp_path, "true %A%", backend="none"))
    assert setup_warnings(cores) == []


def test_kernels_on_a_driver_that_hides_the_capability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into(monkeypatch, machines.old_driver())
    kernel = {"code": "", "function": "f", "grid": 1, "block": "A"}
    data = {"backend": "cuda", "parameters": {"A": [32]}, "kernel": kernel}
    with pytest.raises(ConfigError, match="does not tell the compute capability of NVIDIA RTX"):
        prepare(harness.make_spec(data, base=tmp_path))


def test_gpus_that_are_hidden_are_no_silent_reason_to_take_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into(monkeypatch, machines.eight_alike())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "NoDevFiles")
    setup = prepare(make_spec(tmp_path, "true %A%", backend="auto"))
    assert setup.devices.backend == "cpu"
    hidden = "CUDA_VISIBLE_DEVICES=NoDevFiles: there are 8 GPUs, and all are hidden"
    assert hidden in setup_warnings(setup)
    with pytest.raises(DeviceError, match=f"no device can be used: {hidden}; or use backend"):
        prepare(make_spec(tmp_path, "true %A%"))


def test_arrays_that_fit_one_gpu_and_not_another_are_invalid_on_that(
    tmp_path: Path,
) -> None:
    """RTX A4000: 16 GiB, A100: 80; nothing of that size is made, since it is simulated."""
    argument = {"name": "x", "dtype": "float64", "shape": ["N * 2**27"], "role": "out"}
    kernel = {
        "code": 'extern "C" __global__ void f(double *x) {}',
        "function": "f",
        "grid": 1,
        "block": 32,
        "arguments": [argument],
    }
    spec = harness.make_spec(
        {
            "backend": "mock",
            "distribution": "replicate",
            "parallel": 2,
            "parameters": {"N": [1, 64]},  # 1 and 64 GiB
            "mock": {"devices": ["RTX A4000", "A100"], "time": "virtual"},
            "kernel": kernel,
        },
        base=tmp_path,
    )
    outcomes = harness.tune(spec).outcomes
    kinds = {(outcome.lane, outcome.configuration["N"]): outcome for outcome in outcomes}
    assert kinds["0", 64].kind is OutcomeKind.INVALID
    assert kinds["0", 64].reason == "its arrays take 64.0 GiB: the device has 16.0 GiB"
    assert [kinds[key].kind for key in (("0", 1), ("1", 1), ("1", 64))] == [OutcomeKind.OK] * 3
