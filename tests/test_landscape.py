from __future__ import annotations

import itertools
import json
import math
import statistics
import subprocess
import sys
import threading

import pytest

from harness.clock import SystemClock, VirtualClock
from harness.configuration import Configuration
from harness.landscape import Landscape, SimulatedWork
from harness.lane import DeviceInfo

SLOW = DeviceInfo("mock", 0, "MOCK-0", "RTX A4000", speed=1.0, simulated=True)
FAST = DeviceInfo("mock", 1, "MOCK-1", "RTX A4000", speed=4.0, simulated=True)
OTHER = DeviceInfo("mock", 2, "MOCK-2", "H100", speed=1.0, simulated=True)


def configuration(**values: str | int | float | bool) -> Configuration:
    return Configuration.from_mapping(values)


SPACE = [
    configuration(BX=bx, BY=by, O=o, PAD=pad)
    for bx, by, o, pad in itertools.product(
        [8, 16, 32, 64, 128, 256], [1, 2, 4, 8], ["-O2", "-O3"], [False, True]
    )
]

SHOW = """
import json
from harness.landscape import Landscape
from harness.configuration import Configuration
from harness.lane import DeviceInfo
device = DeviceInfo("mock", 0, "MOCK-0", "RTX A4000")
c = Configuration.from_mapping({"BX": 16, "O": "-O3", "PAD": True, "SCALE": 0.1})
land = Landscape(seed=7)
print(json.dumps([land.sample(c, device, 3), land.compile_time_s(c), land.mean_s(c, device)]))
"""


def test_other_processes_give_the_same_answers() -> None:
    c = configuration(BX=16, O="-O3", PAD=True, SCALE=0.1)
    land = Landscape(seed=7)
    shown = subprocess.run(
        [sys.executable, "-c", SHOW], capture_output=True, check=True, env={"PYTHONHASHSEED": "5"}
    ).stdout
    assert json.loads(shown) == [
        land.sample(c, SLOW, 3),
        land.compile_time_s(c),
        land.mean_s(c, SLOW),
    ]


def test_answers_do_not_change_between_versions() -> None:
    # Recorded once. If this fails, simulated results in journals are no longer comparable.
    c = configuration(BX=16, O="-O3", PAD=True, SCALE=0.1)
    land = Landscape(seed=7)
    assert land.uniform("a", "b") == pytest.approx(0.8703809291101996, rel=1e-12)
    assert land.mean_s(c, SLOW) == pytest.approx(0.040457943969761725, rel=1e-9)
    assert land.sample(c, SLOW, 3) == pytest.approx(0.04019230716771741, rel=1e-9)


def test_seeds_differ() -> None:
    means = {Landscape(seed=seed).mean_s(SPACE[0], SLOW) for seed in range(20)}
    assert len(means) == 20


def test_speed_divides_the_time() -> None:
    land = Landscape()
    for c in SPACE:
        assert land.mean_s(c, FAST) == pytest.approx(land.mean_s(c, SLOW) / 4)


def test_models_prefer_slightly_different_configurations() -> None:
    land = Landscape()
    ratios = [land.mean_s(c, OTHER) / land.mean_s(c, SLOW) for c in SPACE]
    assert max(ratios) / min(ratios) > 1.01
    assert all(0.5 < ratio < 2 for ratio in ratios)


def test_run_s_is_typical() -> None:
    for seed in range(10):
        times = [Landscape(seed=seed, run_s=3.0).mean_s(c, SLOW) for c in SPACE]
        assert 1.0 < statistics.median(times) < 12.0
        assert len(set(times)) == len(times)  # one best configuration


def test_numbers_make_a_valley() -> None:
    land = Landscape(seed=3)
    values = [2**n for n in range(13)]
    times = [land.mean_s(configuration(B=b), SLOW) for b in values]
    best = times.index(min(times))
    assert 0 < best < 12
    # Away from the valley it rises, up to a jitter of 2 %.
    assert all(times[n] > 0.98 * times[n + 1] for n in range(best))
    assert all(times[n + 1] > 0.98 * times[n] for n in range(best, 12))


def test_parameters_interact() -> None:
    land = Landscape()
    a, b, c, d = (land.mean_s(configuration(X=x, Y=y), SLOW) for x in (8, 64) for y in (8, 64))
    assert a * d != pytest.approx(b * c, rel=1e-6)
    assert a * d == pytest.approx(b * c, rel=0.1)


def test_values_of_unlike_types_are_unlike() -> None:
    land = Landscape()
    assert len({land.compile_time_s(configuration(A=a)) for a in (1, 1.0, True, "1")}) == 4


def test_noise_has_the_size_asked_for() -> None:
    land = Landscape(noise=0.03)
    samples = [land.sample(SPACE[5], SLOW, index) for index in range(2000)]
    mean_s = land.mean_s(SPACE[5], SLOW)
    assert statistics.mean(samples) == pytest.approx(mean_s, rel=0.005)
    assert statistics.stdev(samples) / mean_s == pytest.approx(0.03, rel=0.1)
    assert len(set(samples)) == len(samples)
    assert land.sample(SPACE[5], FAST, 0) * 4 != pytest.approx(samples[0], rel=1e-6)


def test_without_noise_samples_are_the_mean() -> None:
    land = Landscape(noise=0.0)
    assert land.sample(SPACE[0], SLOW, 1) == land.mean_s(SPACE[0], SLOW)


def test_compile_times_scatter_around_their_median() -> None:
    land = Landscape(compile_s=2.0)
    times = [land.compile_time_s(configuration(A=a)) for a in range(1000)]
    assert statistics.median(times) == pytest.approx(2.0, rel=0.05)
    assert statistics.stdev(map(math.log, times)) == pytest.approx(0.3, rel=0.1)


def test_shares_of_failures() -> None:
    land = Landscape(compile_failures=0.1, run_failures=0.3)
    many = [configuration(A=a) for a in range(2000)]
    compiles = [land.fails(c, "compile") for c in many]
    runs = [land.fails(c, "run") for c in many]
    assert sum(compiles) == pytest.approx(200, abs=45)
    assert sum(runs) == pytest.approx(600, abs=70)
    assert not any(land.fails(c, "hang") for c in many)
    assert all(Landscape(hangs=1.0).fails(c, "hang") for c in many)
    both = sum(a and b for a, b in zip(compiles, runs, strict=True))
    assert 20 < both < 120  # independent of each other


def test_simulated_work_passes_on_a_virtual_clock_at_once() -> None:
    clock = VirtualClock()
    work = SimulatedWork(clock)
    assert work.do(1000.0)
    assert clock.now_s() == 1000.0


def test_simulated_work_takes_real_time_on_a_real_clock() -> None:
    clock = SystemClock()
    started_s = clock.now_s()
    assert SimulatedWork(clock).do(0.002)
    assert clock.now_s() - started_s >= 0.002


def test_a_cancel_cuts_real_work_short() -> None:
    work = SimulatedWork(SystemClock())
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(work.do(600.0)))
    thread.start()
    work.cancel()
    thread.join()
    assert done == [False]
    assert work.do(0.0)  # used up


def test_a_cancel_before_virtual_work_counts_once() -> None:
    clock = VirtualClock()
    work = SimulatedWork(clock)
    work.cancel()
    assert not work.do(5.0)
    assert clock.now_s() == 0.0
    assert work.do(5.0)
