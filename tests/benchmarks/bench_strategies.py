"""What strategies themselves cost: their own time per test, for spaces of 10^4 and 10^12.

    python -m tests.benchmarks.bench_strategies [--tests N] [--only NAME …]

Each makes N tests (500) of an invented landscape on one lane. Shown are milliseconds of ask + tell:
the median, the mean, the median of the last tenth, and the median as a share of its bound (1 ms;
5 ms for `model`).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from harness.app.names import STRATEGIES, load
from harness.configuration import Configuration
from harness.model import Outcome, OutcomeKind
from harness.search.base import MakeStrategy
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from tests.benchmarks.common import describe_machine

BOUND_MS = {"model": 5.0}
"""1 for the others."""


def make_spaces() -> dict[str, Space]:
    """Of numbers, words and switches, with a constraint each."""
    small = [Parameter("X", tuple(range(16, 321, 16))), Parameter("Y", (1, 2, 4, 8, 16))]
    small += [Parameter(name, tuple(range(1, 6))) for name in ("TX", "TY")]
    small += [Parameter("MODE", ("a", "b", "c")), Parameter("PAD", (False, True))]
    large = [Parameter(f"P{place}", tuple(range(1, 11))) for place in range(11)]
    large.append(Parameter("MODE", tuple("abcdefghij")))

    def limit(text: str, parameters: list[Parameter]) -> Space:
        return make_space(parameters, [parse_constraint(text, [p.name for p in parameters])])

    return {"10^4": limit("X * Y <= 2048", small), "10^12": limit("P0 * P1 + P2 < 90", large)}


def score(configuration: Configuration) -> float:
    """A rugged slope; one configuration in twenty fails."""
    total = 1.0
    for place, (name, value) in enumerate(configuration.items()):
        number = float(value) if isinstance(value, (int, float)) else float(len(str(value)))
        total += abs(number - 3 - place % 4) / (4 + len(name)) + (number % 3 == 0) * 0.2
    return total


def measure(make: MakeStrategy, space: Space, tests: int) -> list[float]:
    """Seconds of ask + tell for each test."""
    strategy = make(space, goal="min", seed=1, budget=tests)
    spent: list[float] = []
    for _ in range(tests):
        started = time.perf_counter()
        configuration = strategy.ask(1)[0]
        asked = time.perf_counter()
        value = score(configuration)
        kind = OutcomeKind.OK if hash(configuration.values_[:2]) % 20 else OutcomeKind.RUN_FAILED
        outcome = Outcome(configuration, kind, value if kind is OutcomeKind.OK else None)
        told = time.perf_counter()
        strategy.tell(outcome)
        spent.append(asked - started + time.perf_counter() - told)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=500)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    print(f"{describe_machine()}; {arguments.tests} tests; ms of ask + tell per test")
    print(f"{'strategy':12}{'space':>8}{'median':>9}{'mean':>9}{'last 10 %':>11}{'/ bound':>9}")
    spaces = make_spaces()
    for name in arguments.only or [name for name in STRATEGIES if name != "tree"]:
        for what, space in spaces.items():
            spent = [
                1e3 * second for second in measure(load(STRATEGIES[name]), space, arguments.tests)
            ]
            median, last = statistics.median(spent), statistics.median(spent[-len(spent) // 10 :])
            ratio = median / BOUND_MS.get(name, 1.0)
            print(f"{name:12}{what:>8}{median:9.3f}{statistics.fmean(spent):9.3f}", end="")
            print(f"{last:11.3f}{ratio:9.2f}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
