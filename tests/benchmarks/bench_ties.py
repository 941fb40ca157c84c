"""What the tie set of a session without finals is worth, on samples with a known truth (synthetic).

One configuration is the best, all others are equally slower; the noise is log-normal, 1 %. How
often is the true best in the tie set of the one that was chosen for its score, and how much better
than it is does the chosen one look?
"""

from __future__ import annotations

import math
import random
import statistics
import sys
from dataclasses import replace

from harness.report.groups import make_groups
from harness.report.ties import find_ties
from tests.report.helpers import make_info, make_outcome, make_stored

NOISE = 0.01
SAMPLES = (5, 20)
TESTS = (10, 100, 500)
AHEAD = (0.0005, 0.005)
"""How much slower the others are than the true best."""


def choose(source: random.Random, tests: int, samples: int, ahead: float) -> tuple[bool, float]:
    """Whether test 1, the true best, is tied; and the chosen test's score over its true time."""
    outcomes = []
    for number in range(1, tests + 1):
        true_s = 1.0 if number == 1 else 1.0 + ahead
        drawn = [true_s * math.exp(source.gauss(0, NOISE)) for _ in range(samples)]
        outcome = make_outcome(number, {"N": number}, drawn)
        outcomes.append(replace(outcome, score=statistics.median(drawn)))
    info = make_info(parameters=("N",), repeat=samples)
    (group,) = make_groups([make_stored(info=info, outcomes=tuple(outcomes))])
    ties = find_ties(group)
    assert ties is not None
    assert group.best is not None
    true_s = 1.0 if group.best.test_id == 1 else 1.0 + ahead
    return 1 in {outcome.test_id for outcome in ties.outcomes}, (group.best.score or 0) / true_s


def main(trials: int) -> None:
    print(f"synthetic samples, {trials} trials each, noise {100 * NOISE:g} %")
    print("tests  samples  the best is ahead by  it is in the tie set  the chosen looks better by")
    for tests in TESTS:
        for samples in SAMPLES:
            for ahead in AHEAD:
                source = random.Random(f"{tests} {samples} {ahead}")
                found = [choose(source, tests, samples, ahead) for _ in range(trials)]
                kept = statistics.fmean(tied for tied, _ in found)
                luck = 1 - statistics.fmean(ratio for _, ratio in found)
                print(
                    f"{tests:5d}  {samples:7d}  {100 * ahead:18.2f} %  {100 * kept:18.1f} %  "
                    f"{100 * luck:24.2f} %"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
