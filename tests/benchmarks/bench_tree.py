"""Search inside the nodes of a variable tree, against search of the whole space.

    python -m tests.benchmarks.bench_tree [--seeds N] [--strategies NAME,…] [--budgets N,…]

The landscapes are invented: a sum with a part for each node of the tree, which depends on the
node's variables and on those above it, so that the tree is right; and the same times a factor that
depends on all variables, so that it is only nearly right. Shown is the median over seeds of how
much worse than the optimum of the sum the best is, in percent.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.app.strategies import make_strategy
from harness.configuration import Configuration
from harness.model import Outcome, OutcomeKind
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.space.tree import Node, parse_tree
from tests.benchmarks.common import describe_machine

TREES = {
    "nodes of 100": ("{A, B, {C, D}, {E, F}}", dict.fromkeys("ABCDEF", 10)),
    "a leaf of 10^4 in a chain": ("{A, {I, {C, D, E, F}}, {G, H}}", dict.fromkeys("AICDEFGH", 10)),
    "nodes of 10^4": (
        "{A, B, C, D, {E, F, G, H}, {I, J, K, L}}",
        dict.fromkeys("ABCDEFGHIJKL", 10),
    ),
}
Score = Callable[[Configuration], float]


@dataclass(frozen=True)
class Part:
    """What a node adds: a bowl whose place depends on the variables above, and ruggedness."""

    names: tuple[str, ...]
    above: tuple[str, ...]
    seed: int
    weight: float

    def __call__(self, configuration: Configuration) -> float:
        total = 0.0
        shift = sum(int(configuration[name]) for name in self.above)
        for name in self.names:
            rng = random.Random(f"{self.seed} {name} {shift % 3}")
            centre = rng.randrange(10)
            bumps = [rng.uniform(0, 0.6) if place != centre else 0.0 for place in range(10)]
            value = int(configuration[name])
            total += abs(value - centre) / 9 + bumps[value]
        values = [int(configuration[name]) for name in self.names]
        total += 0.5 * (sum(values) % 4 != sum(_centres(self, shift)) % 4)
        return self.weight * total


def _centres(part: Part, shift: int) -> list[int]:
    return [random.Random(f"{part.seed} {name} {shift % 3}").randrange(10) for name in part.names]


def list_parts(node: Node, above: tuple[str, ...], seed: int) -> list[Part]:
    """One for each node with variables."""
    weight = random.Random(f"{seed} {node.variables}").uniform(0.5, 1.5)
    own = [Part(node.variables, above, seed, weight)] if node.variables else []
    below = above + node.variables
    return own + [part for child in node.children for part in list_parts(child, below, seed)]


def make_score(parts: Sequence[Part], coupling: float) -> Score:
    """1 at the optimum, unless coupled."""

    def score(configuration: Configuration) -> float:
        total = 1.0 + sum(part(configuration) for part in parts)
        if coupling:
            noise = random.Random(str(configuration)).random()
            everything = sum(int(value) for value in configuration.values())
            total *= 1 + coupling * (0.5 * noise + 0.5 * (everything % 5) / 4)
        return total

    return score


def search(name: str, space: Space, score: Score, budget: int, seed: int) -> tuple[float, float]:
    """The best score, and the strategy's own seconds per test."""
    strategy = make_strategy(name, space, goal="min", seed=seed, budget=budget)
    best, spent = np.inf, 0.0
    for _ in range(budget):
        began = time.perf_counter()
        asked = strategy.ask(1)
        spent += time.perf_counter() - began
        if not asked:
            break
        value = score(asked[0])
        best = min(best, value)
        began = time.perf_counter()
        strategy.tell(Outcome(asked[0], OutcomeKind.OK, value))
        spent += time.perf_counter() - began
    return best, spent / budget


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budgets", default="100,200,500")
    parser.add_argument(
        "--strategies", default="local,genetic,model,tree,tree/local,tree/genetic,tree/model"
    )
    arguments = parser.parse_args()
    budgets = [int(text) for text in arguments.budgets.split(",")]
    print(
        f"{describe_machine()}; {arguments.seeds} seeds; invented landscapes; % above the optimum"
    )
    for what, (text, sizes) in TREES.items():
        parameters = [Parameter(name, tuple(range(size))) for name, size in sizes.items()]
        space = make_space(parameters, tree=parse_tree(text))
        assert space.tree is not None
        for coupling in (0.0, 0.2):
            print(f"\n{what}, {text}, coupling {coupling}")
            print(
                f"{'':26}" + "".join(f"{f'{budget} tests':>12}" for budget in budgets), "  ms/test"
            )
            for name in arguments.strategies.split(","):
                row, costs = [], []
                for budget in budgets:
                    found = [
                        search(
                            name,
                            space,
                            make_score(list_parts(space.tree, (), seed), coupling),
                            budget,
                            seed,
                        )
                        for seed in range(arguments.seeds)
                    ]
                    row.append(100 * (statistics.median(best for best, _ in found) - 1))
                    costs.append(1e3 * statistics.median(spent for _, spent in found))
                print(
                    f"{name:26}" + "".join(f"{value:12.1f}" for value in row),
                    f"{costs[-1]:9.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
