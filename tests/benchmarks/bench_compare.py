"""How often `harness compare` is wrong, on samples with a known truth (synthetic).

Identical builds told apart, and slowdowns of 1, 2 and 5 % found, by noise and by samples on each
side; log-normal noise, and noise with outliers (5 % of the samples take 1.5 times as long).
Targets: at most 5 % of identical builds told apart, a 2 % slowdown at 1 % noise found with 20
samples.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter

from harness.comparison import compare_samples

THRESHOLD = 0.01


def draw(
    source: random.Random, count: int, median: float, noise: float, outliers: float
) -> list[float]:
    return [
        median * math.exp(source.gauss(0, noise)) * (1.5 if source.random() < outliers else 1)
        for _ in range(count)
    ]


def count_verdicts(
    slowdown: float, noise: float, count: int, outliers: float, trials: int
) -> Counter[str]:
    source = random.Random(f"{slowdown} {noise} {count} {outliers}")
    return Counter(
        compare_samples(
            draw(source, count, 1.0, noise, outliers),
            draw(source, count, 1.0 + slowdown, noise, outliers),
            goal="min",
        ).judge(THRESHOLD)
        for _ in range(trials)
    )


def main(trials: int) -> None:
    print(f"synthetic samples, {trials} trials each, threshold {100 * THRESHOLD:g} %")
    print("noise  outliers  samples  told apart (same)  found: 1 %     2 %     5 %")
    for noise in (0.002, 0.01, 0.03):
        for outliers in (0.0, 0.05):
            for count in (5, 10, 20):
                same = count_verdicts(0.0, noise, count, outliers, trials)
                wrong = (same["SLOWER"] + same["FASTER"]) / trials
                found = [
                    count_verdicts(slowdown, noise, count, outliers, trials)["SLOWER"] / trials
                    for slowdown in (0.01, 0.02, 0.05)
                ]
                shares = "  ".join(f"{100 * share:5.1f} %" for share in found)
                print(
                    f"{100 * noise:4.1f} %  {100 * outliers:6.0f} %  {count:7d}  "
                    f"{100 * wrong:15.1f} %  {shares:>24}"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
