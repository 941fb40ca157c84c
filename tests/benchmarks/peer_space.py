"""Constructs one space with one tuner; run by bench_space.py in that tuner's interpreter.

Reads a JSON object (peer, parameters, constraints, digest) from stdin and writes one (usable:
seconds, size, digest) as the last line of stdout. Imports are not timed; of a construction that is
quick, the shortest of several. The digest, made only if asked for, says which configurations were
found.
"""

# Only the peer that is asked for is imported:
# ruff: noqa: PLC0415

from __future__ import annotations

import ast
import hashlib
import json
import random
import resource
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Parameters = Mapping[str, list[Any]]
Rows = Iterable[Sequence[Any]]
Answer = tuple[float, int, "Rows | None"]
"""Seconds, size, and all configurations where the tuner lists them."""

MEMORY_LIMIT_BYTES = 8 * 2**30
LISTED_LIMIT = 10_000_000
"""Larger spaces are not listed, and no other tuner is asked for them: it would list them."""

WARM_S = 0.5
"""Calls are repeated for so long; the shortest counts, for every tuner."""


def digest_of(rows: Rows, parameters: Parameters) -> str:
    """A hash of the set of configurations, whatever their order."""
    codes: Any = 0
    for column, values in zip(zip(*rows, strict=True), parameters.values(), strict=True):
        place = {value: at for at, value in enumerate(values)}
        codes = codes * len(values) + np.array([place[item] for item in column], dtype=np.int64)
    return hashlib.sha256(np.sort(codes).tobytes()).hexdigest()


def names_in(text: str, known: Iterable[str]) -> list[str]:
    return sorted({n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)} & set(known))


def harness(parameters: Parameters, constraints: list[str]) -> Answer:
    from harness.space.constraints import parse_constraint
    from harness.space.parameters import Parameter
    from harness.space.sampling import sample
    from harness.space.space import make_space

    rng = np.random.default_rng()
    start = time.perf_counter()
    space = make_space(
        [Parameter(name, tuple(values)) for name, values in parameters.items()],
        [parse_constraint(text, parameters) for text in constraints],
    )
    sample(space, 1, rng)
    used = time.perf_counter() - start
    rows = None if space.size is None else (c.values_ for c in space)
    return used, -1 if space.size is None else space.size, rows


def kernel_tuner(parameters: Parameters, constraints: list[str]) -> Answer:
    from kernel_tuner.searchspace import Searchspace

    start = time.perf_counter()
    space = Searchspace(parameters, constraints, max_threads=10**9)
    space.get_random_sample(1)
    return time.perf_counter() - start, space.size, space.list


def python_constraint2(parameters: Parameters, constraints: list[str]) -> Answer:
    from constraint import Problem

    start = time.perf_counter()
    problem = Problem()
    for name, values in parameters.items():
        problem.addVariable(name, values)
    for text in constraints:
        problem.addConstraint(text)
    solutions = problem.getSolutions()
    random.choice(solutions)
    used = time.perf_counter() - start
    return used, len(solutions), ([s[name] for name in parameters] for s in solutions)


def pyatf(parameters: Parameters, constraints: list[str]) -> Answer:
    from pyatf import TP, Set
    from pyatf.search_space import SearchSpace

    start = time.perf_counter()
    order = list(parameters)
    bound: dict[str, list[tuple[str, list[str]]]] = {name: [] for name in order}
    for text in constraints:
        used = names_in(text, order)
        bound[max(used, key=order.index)].append((text, used))
    tps = []
    for name in order:
        condition = None
        if bound[name]:
            used = sorted({name, *(n for _, names in bound[name] for n in names)}, key=order.index)
            joined = " and ".join(f"({text})" for text, _ in bound[name])
            condition = eval(f"lambda {', '.join(used)}: {joined}")
        tps.append(TP(name, Set(*parameters[name]), condition))
    space = SearchSpace(*tps, enable_1d_access=False, verbosity=0)
    space.get_configuration(tuple(1.0 - random.random() for _ in tps))
    size = space.constrained_size
    return time.perf_counter() - start, size, None


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    request = json.load(sys.stdin)
    peers = {
        "harness": harness,
        "kernel_tuner": kernel_tuner,
        "python-constraint2": python_constraint2,
        "pyatf": pyatf,
    }
    make, arguments = peers[request["peer"]], (request["parameters"], request["constraints"])
    used, size, rows = make(*arguments)
    end = time.perf_counter() + WARM_S - used
    while time.perf_counter() < end:  # the first calls also warm up the interpreter
        used = min(used, make(*arguments)[0])
    digest = None
    if request["digest"] and rows is not None and size <= LISTED_LIMIT:
        digest = digest_of(rows, request["parameters"])
    print()
    print(json.dumps({"usable": used, "size": size, "digest": digest}))


if __name__ == "__main__":
    main()
