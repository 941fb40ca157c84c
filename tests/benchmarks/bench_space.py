"""Time and memory to construct spaces, against brute force and against other tuners.

    python -m tests.benchmarks.bench_space [--repeat N] [--only NAME …] [--markdown FILE]

Peers (Kernel Tuner, python-constraint2, pyATF) are measured where HARNESS_PEERS_PYTHON names an
interpreter that has them. Repetitions are interleaved, ours and theirs each in a process of its
own; shown are medians of the time to a usable space: constraints parsed, configurations counted
(where they can be), one drawn. For ours also the time to the matrix of all configurations in order.
`kept` is what a space holds in memory without that matrix, `peak` the most it needed while it was
made.

Every set of configurations is compared: with brute force where there are few combinations, and,
by a hash of the sorted set, with the peers that list theirs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.space.sampling import sample
from tests.benchmarks.common import describe_machine, medians
from tests.benchmarks.peer_space import LISTED_LIMIT
from tests.benchmarks.spaces import SPACES, Definition

OURS = "harness"
PEERS = ("kernel_tuner", "python-constraint2", "pyatf")
PEER_SCRIPT = Path(__file__).with_name("peer_space.py")
PEER_TIMEOUT_S = 150.0
BRUTE_LIMIT = 2_000_000


def measure_more(definition: Definition) -> dict[str, float]:
    """Seconds from the usable space to its whole matrix, and for 10^4 uniform samples."""
    space, result = definition.make(), {}
    if space.size is not None and space.size <= LISTED_LIMIT:
        start = time.perf_counter()
        space.matrix()
        result["matrix"] = time.perf_counter() - start
    start = time.perf_counter()
    sample(space, 10_000, np.random.default_rng(1))
    result["sample"] = time.perf_counter() - start
    return result


def measure_memory(definition: Definition) -> dict[str, float]:
    """Bytes: what the space keeps, and the peak while it was made."""
    tracemalloc.start()
    space = definition.make()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"kept": kept, "peak": peak, "size": float(-1 if space.size is None else space.size)}


def measure_brute_force(definition: Definition) -> dict[str, float]:
    """Seconds for `itertools.product` and compiled Python, and whether we find the same rows."""
    start = time.perf_counter()
    names = ", ".join(definition.parameters)
    text = " and ".join(f"({constraint})" for constraint in definition.constraints)
    holds = eval(f"lambda {names}: {text}")
    rows = [v for v in itertools.product(*definition.parameters.values()) if holds(*v)]
    elapsed = time.perf_counter() - start
    same = [configuration.values_ for configuration in definition.make()] == rows
    return {"usable": elapsed, "size": len(rows), "same": float(same)}


def measure_peer(
    peer: str, definition: Definition, python: str, *, digest: bool
) -> dict[str, float | str] | None:
    """Seconds to a usable space, its size, and the hash of its configurations if asked for.

    None: the tuner failed, or took too long.
    """
    request = {
        "peer": peer,
        "parameters": definition.parameters,
        "constraints": definition.constraints,
        "digest": digest,
    }
    try:
        done = subprocess.run(
            [python, str(PEER_SCRIPT)],
            env={**os.environ, "PYTHONPATH": str(PEER_SCRIPT.parents[2])},
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=PEER_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        print(f"  {peer}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    result: dict[str, float | str] = json.loads(lines[-1])
    return result


@dataclass
class Measured:
    """What was measured of one space.

    Attributes:
        times: seconds, by what was measured.
        size: our count; -1: not counted.
        kept, peak: bytes.
        digest: hash of our set of configurations.
        agreeing: whose set of configurations is ours.
        failed: peers that failed or took too long.
    """

    definition: Definition
    times: dict[str, list[float]] = field(default_factory=dict)
    size: int = -1
    digest: object = None
    kept: float = 0.0
    peak: float = 0.0
    agreeing: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def add(self, key: str, seconds: float) -> None:
        self.times.setdefault(key, []).append(seconds)

    def ratio(self, other: str) -> float | None:
        """How many times longer another takes to the usable space."""
        found = medians(self.times)
        return found[other] / found[OURS] if other in found else None


def run(definition: Definition, repeat: int, python: str | None) -> Measured:
    """Measure one space, everything in turn."""
    measured = Measured(definition)
    for turn in range(repeat):
        ours = measure_peer(OURS, definition, sys.executable, digest=turn == 0)
        assert ours is not None, f"{definition.name}: failed"
        measured.size = int(ours["size"])
        measured.digest = ours["digest"] or measured.digest
        measured.add(OURS, float(ours["usable"]))
        for key, value in measure_more(definition).items():
            measured.add(key, value)
        if definition.combinations <= BRUTE_LIMIT:
            brute = measure_brute_force(definition)
            assert brute["same"], f"{definition.name}: not the same as brute force"
            measured.add("brute", brute["usable"])
        if python and 0 <= measured.size <= LISTED_LIMIT:
            run_peers(measured, python)
    if "brute" in measured.times:
        measured.agreeing.insert(0, "brute force")
    memory = measure_memory(definition)
    measured.kept, measured.peak = memory["kept"], memory["peak"]
    return measured


def run_peers(measured: Measured, python: str) -> None:
    """Time every peer once, and, the first time, compare what it finds with ours."""
    definition = measured.definition
    for peer in PEERS:
        if peer in measured.failed:
            continue
        result = measure_peer(peer, definition, python, digest=peer not in measured.times)
        if result is None:
            measured.failed.append(peer)
            continue
        assert result["size"] == measured.size, f"{definition.name}: {peer}: {result['size']}"
        if result["digest"]:
            assert result["digest"] == measured.digest, f"{definition.name}: {peer} finds others"
            measured.agreeing.append(peer)
        measured.add(peer, float(result["usable"]))


def report(measured: Measured) -> None:
    """Print medians, and how many times longer others take."""
    definition, found = measured.definition, medians(measured.times)
    counted = "not counted" if measured.size < 0 else f"{measured.size:,} valid"
    kind = "as published" if definition.is_exact else "an equivalent"
    print(f"{definition.name} ({kind}): {definition.combinations:,} combinations, {counted}")
    print(f"  usable {found[OURS] * 1e3:9.2f} ms", end="")
    if "matrix" in found:
        print(f"   matrix {found['matrix'] * 1e3:9.2f} ms", end="")
    print(f"   10^4 samples {found['sample'] * 1e3:7.2f} ms", end="")
    print(f"   kept {measured.kept / 1e6:.2f} MB, peak {measured.peak / 1e6:.2f} MB", end="")
    print(f", {measured.kept / measured.size:.2f} B each" if measured.size > 0 else "")
    for key in ("brute", *PEERS):
        ratio = measured.ratio(key)
        if ratio is not None:
            print(f"  {key:20} {found[key] * 1e3:10.2f} ms   {ratio:8.1f} x usable")
    for peer in measured.failed:
        print(f"  {peer:20} failed, or more than {PEER_TIMEOUT_S:.0f} s")
    if measured.agreeing:
        print(f"  the same configurations as {', '.join(measured.agreeing)}")


def summarise(results: list[Measured]) -> list[str]:
    """Ratios over all spaces, as lines."""
    lines = []
    for peer in PEERS:
        ratios = [ratio for m in results if (ratio := m.ratio(peer)) is not None]
        if ratios:
            lines.append(
                f"{peer}: {_times(statistics.median(ratios))} ours (median over "
                f"{len(ratios)} spaces), least {_times(min(ratios))}"
            )
    return lines


def format_markdown(results: list[Measured], repeat: int) -> str:
    """The results as a page."""
    head = ["space", "combinations", "valid", "usable", *PEERS, "matrix", "10^4 samples", "B each"]
    rows = [head, ["---"] * len(head)]
    for measured in results:
        found = medians(measured.times)
        row = [measured.definition.name + ("" if measured.definition.is_exact else " *")]
        row += [f"{measured.definition.combinations:,}"]
        row += [f"{measured.size:,}" if measured.size >= 0 else "not counted"]
        row += [_ms(found[OURS])]
        for peer in PEERS:
            ratio = measured.ratio(peer)
            gone = f"> {PEER_TIMEOUT_S:.0f} s" if peer in measured.failed else "-"
            row += [gone if ratio is None else f"{_ms(found[peer])} ({_times(ratio)})"]
        row += [_ms(found["matrix"]) if "matrix" in found else "-", _ms(found["sample"])]
        row += [f"{measured.kept / measured.size:.2f}" if measured.size > 0 else "-"]
        rows.append(row)
    table = ["| " + " | ".join(row) + " |" for row in rows]
    summary = [f"- {line}" for line in summarise(results)]
    command = f"python -m tests.benchmarks.bench_space --repeat {repeat} --markdown FILE"
    facts = f"{describe_machine()}. Medians of {repeat}, `{command}` with HARNESS_PEERS_PYTHON set."
    return "\n".join(["# Spaces", "", facts, "", *table, "", *NOTES, "", *summary, ""])


NOTES = (
    "`usable`: to a space with its constraints parsed, counted, one configuration drawn; others",
    "likewise. `matrix`: from there to the matrix of all configurations in order. `B each`: bytes",
    "that a space holds per valid configuration, beside the matrix. An asterisk: an equivalent of",
    "a published space. Kernel Tuner and python-constraint2 found the same sets, pyATF as many.",
    "The last two spaces are beyond what the others can list. Of constructions quicker than 0.5 s",
    "the shortest within that time counts; longer ones run once per repetition, so that load on",
    "the machine lengthens them.",
)


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} x" if ratio >= 10 else f"{ratio:.2f} x"


def _ms(seconds: float) -> str:
    milliseconds = seconds * 1e3
    return f"{milliseconds:,.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--markdown", type=Path, help="write the results there, too")
    arguments = parser.parse_args()
    python = os.environ.get("HARNESS_PEERS_PYTHON")
    print(describe_machine())
    results: list[Measured] = []
    for definition in SPACES:
        if not arguments.only or definition.name in arguments.only:
            results.append(run(definition, arguments.repeat, python))
            report(results[-1])
            if arguments.markdown is not None:  # after each, lest a later one fail
                text = format_markdown(results, arguments.repeat)
                arguments.markdown.write_text(text, encoding="utf-8")
    print(*summarise(results), sep="\n")


if __name__ == "__main__":
    main()
