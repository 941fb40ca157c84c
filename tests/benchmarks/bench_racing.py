"""Racing against a fixed 32 repeats: samples saved, and how good the winner really is.

    python -m tests.benchmarks.bench_racing [FILE ...]

Synthetic streams have a known truth: log-normal noise of 0.5 to 3 %, outliers, slow drift. FILEs
are caches of Kernel Tuner (`times` of each configuration, in ms; `.json` or `.json.gz`) or T4 files
(`times.runtimes`); there the truth is the mean of all samples that were recorded, and each trial
draws from them with replacement. A trial shuffles the configurations, races them one after the
other, and lets the finalists meet again.

Wanted: the winner within 1 % of the best in at least 95 % of the trials, with at most 30 % of the
samples of the fixed repeats.
"""

from __future__ import annotations

import gzip
import json
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.timing.finalists import FRESH_SAMPLES, choose_finalists, compare_finalists
from harness.timing.stopping import LOST, Stopping, find_rival, make_rule, share_risk

FIXED = 32
TRIALS = 200
MOST = 2000
"""Configurations of a recorded space that a trial takes part in, drawn anew for each."""

Draw = Callable[[random.Random], float]


@dataclass(frozen=True)
class Stream:
    """A configuration: its true time, and how a sample of it is drawn."""

    truth_s: float
    draw: Draw


@dataclass(frozen=True)
class Trial:
    """How one race went."""

    loss: float
    samples: int
    fixed_samples: int
    fixed_loss: float
    wrongly_discarded: bool
    device_share: float


def race(streams: Sequence[Stream], source: random.Random) -> Trial:
    """Race all streams in the order given, then the finals."""
    settings = Stopping("race", risk=share_risk(len(streams), 50))
    held: dict[int, list[float]] = {}
    best: int | None = None
    samples, device_s = 0, 0.0
    for number, stream in enumerate(streams):
        rival = None if best is None else find_rival(held[best], settings.risk)
        rule = make_rule(Stopping("race", risk=settings.risk, rival=rival))
        taken: list[float] = []
        while not rule.is_finished:
            taken.append(stream.draw(source))
            rule.add(taken[-1], taken[-1])
        samples += len(taken)
        device_s += sum(taken)
        if rule.stop in LOST:
            continue
        held[number] = taken
        if best is None or statistics.median(taken) < statistics.median(held[best]):
            best = number
    chosen = choose_finalists({n: statistics.median(taken) for n, taken in held.items()})
    fresh: dict[int, list[float]] = {number: [] for number in chosen}
    for _ in range(FRESH_SAMPLES):
        for number in chosen:
            fresh[number].append(streams[number].draw(source))
    samples += FRESH_SAMPLES * len(chosen)
    winner = compare_finalists(fresh, seed=1).winner
    truth_s = min(stream.truth_s for stream in streams)
    true_best = min(range(len(streams)), key=lambda n: streams[n].truth_s)
    fixed, fixed_device_s = _repeat_all(streams, source)
    return Trial(
        loss=streams[winner].truth_s / truth_s - 1,
        samples=samples,
        fixed_samples=FIXED * len(streams),
        fixed_loss=streams[fixed].truth_s / truth_s - 1,
        wrongly_discarded=true_best not in held,
        device_share=device_s / fixed_device_s,
    )


def _repeat_all(streams: Sequence[Stream], source: random.Random) -> tuple[int, float]:
    """The winner by fixed repeats, and the device time they take."""
    best, best_s, device_s = 0, float("inf"), 0.0
    for number, stream in enumerate(streams):
        taken = [stream.draw(source) for _ in range(FIXED)]
        device_s += sum(taken)
        if statistics.median(taken) < best_s:
            best, best_s = number, statistics.median(taken)
    return best, device_s


def make_synthetic(source: random.Random) -> list[Stream]:
    """300 configurations between 1 and some 20 times the best, which are not the same noise."""
    base_s = 10 ** source.uniform(-4.5, -2.5)
    return [
        _noisy(base_s * (1 + source.expovariate(1.0)), source.choice((0.005, 0.01, 0.03)))
        for _ in range(300)
    ]


def _noisy(truth_s: float, noise: float) -> Stream:
    def draw(source: random.Random) -> float:
        outlier = 1.5 if source.random() < 0.01 else 1.0
        return truth_s * outlier * source.lognormvariate(0.0, noise)

    return Stream(truth_s, draw)


def load_recorded(path: Path) -> list[Stream]:
    """The configurations of a file that ran."""
    raw = path.read_bytes()
    data = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    if "cache" in data:
        lists = [entry.get("times", ()) for entry in data["cache"].values()]
    else:
        lists = [result["times"].get("runtimes", ()) for result in data["results"]]
    found = [[t / 1e3 for t in times] for times in lists if len(times) >= 8]
    return [_recorded(times) for times in found if min(times) > 0]


def _recorded(times_s: Sequence[float]) -> Stream:
    return Stream(statistics.median(times_s), lambda source: source.choice(times_s))


def report(name: str, trials: Sequence[Trial]) -> None:
    """One line of ratios."""
    within = statistics.fmean(trial.loss <= 0.01 for trial in trials)
    fixed = statistics.fmean(trial.fixed_loss <= 0.01 for trial in trials)
    share = sum(t.samples for t in trials) / sum(t.fixed_samples for t in trials)
    lost = statistics.fmean(trial.wrongly_discarded for trial in trials)
    device = statistics.fmean(trial.device_share for trial in trials)
    print(
        f"{name:28} winner within 1 %: {100 * within:5.1f} % of {len(trials)} trials (fixed 32: "
        f"{100 * fixed:5.1f} %), samples {100 * share:4.1f} %, device time {100 * device:4.1f} %, "
        f"best discarded {100 * lost:4.1f} %"
    )


def main(files: Sequence[str]) -> None:
    """All streams."""
    source = random.Random(7)
    report("synthetic", [race(make_synthetic(source), source) for _ in range(TRIALS)])
    for name in files:
        streams = load_recorded(Path(name))
        trials = []
        for _ in range(TRIALS // 4):
            chosen = source.sample(streams, min(MOST, len(streams)))
            trials.append(race(chosen, source))
        report(Path(name).name.split(".")[0], trials)


if __name__ == "__main__":
    main(sys.argv[1:])
