"""How good `auto` is on kernels that its settings were not chosen on; part of bench_search.

For each kernel, the beliefs of `model` (which is what `auto` takes, there being neither trees nor
budgets that suffice for everything) are chosen among `CANDIDATES` on the recordings of all other
kernels, and scored on its own. A recording's kernel is its file's name up to the first underscore.
Chosen is the candidate with the greatest mean, over the other kernels, of the mean gain over their
recordings, budgets and seeds; the score is S, from medians over seeds, as everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from harness.app.simulate import make_field
from harness.replay.drive import Trace
from harness.replay.score import geometric_mean, relative_gain
from harness.replay.standing import Case, CaseScore, score_case
from harness.search.beliefs import Beliefs
from tests.benchmarks.searches import Search, field_of, load_once, make_searches, name_of

CANDIDATES = (
    Beliefs(5, 1.5, 1),
    Beliefs(5, 1.0, 2),
    Beliefs(3, 0.8, 1),
    Beliefs(3, 0.8, 2),
    Beliefs(1, 0.8, 2),
)
"""The first is what `model` believes."""

Scores = Mapping[tuple[Beliefs, str, int], CaseScore]
"""By candidate, recording and budget."""


def kernel_of(field: str) -> str:
    """The kernel of a recording, by its name."""
    return field.partition("_")[0]


def find_scores(
    sources: Sequence[str],
    budgets: Sequence[int],
    *,
    seeds: Sequence[int],
    jobs: int,
    folder: Path | None,
    candidates: Sequence[Beliefs] = CANDIDATES,
) -> Scores:
    """Let every candidate search every recording; for the folder see `make_searches`."""
    wanted = [
        Search(source, max(budgets), seed, beliefs=beliefs)
        for beliefs in candidates
        for source in sources
        for seed in seeds
    ]
    traces = make_searches(wanted, jobs=jobs, folder=folder)
    scores = {}
    for source in sources:
        field = make_field(field_of(source), load_once(source))
        for beliefs in candidates:
            made = [traces[Search(source, max(budgets), s, beliefs=beliefs)] for s in seeds]
            for tests in budgets:
                case = Case(name_of(beliefs), field.name, 1, tests)
                first = [Trace(t.losses[:tests], t.ended_s[:tests], t.thinking_s) for t in made]
                scores[beliefs, field.name, tests] = score_case(case, field, first)
    return scores


def choose(scores: Scores, without: str) -> Beliefs:
    """The candidate that is best on all kernels but one."""
    candidates = list(dict.fromkeys(beliefs for beliefs, _, _ in scores))

    def merit(beliefs: Beliefs) -> float:
        gains: dict[str, list[float]] = {}
        for (candidate, field, _), score in scores.items():
            if candidate == beliefs and kernel_of(field) != without:
                gains.setdefault(kernel_of(field), []).append(mean_gain(score))
        return fmean(fmean(found) for found in gains.values())

    return max(candidates, key=merit)


def mean_gain(score: CaseScore) -> float:
    """The mean over seeds, which varies less with them than the gain of the median."""
    return fmean(relative_gain(best, score.random, score.optimum) for best in score.found)


def cross_validate(scores: Scores) -> dict[str, Beliefs]:
    """For each kernel, what is chosen without it.

    Raises:
        ValueError: there are recordings of one kernel only.
    """
    kernels = list(dict.fromkeys(kernel_of(field) for _, field, _ in scores))
    if len(kernels) < 2:
        raise ValueError(f"recordings of {', '.join(kernels)} only: give some of another kernel")
    return {kernel: choose(scores, kernel) for kernel in kernels}


def show(scores: Scores, budgets: Sequence[int]) -> None:
    """Print S of each candidate, and of what is chosen without the kernel that is scored."""
    fields = list(dict.fromkeys(field for _, field, _ in scores))
    candidates = list(dict.fromkeys(beliefs for beliefs, _, _ in scores))
    chosen = cross_validate(scores)
    heads = "".join(f"{f'S@{tests}':>8}" for tests in budgets)
    ratios = "".join(f"{f'b/o@{tests}':>9}" for tests in budgets)
    print(f"{'':42}{'S':>7}{heads}{ratios}{'mean gain':>11}")
    for beliefs in candidates:
        _show_row(name_of(beliefs), [[scores[beliefs, f, b] for f in fields] for b in budgets])
    by_budget = [[scores[chosen[kernel_of(f)], f, b] for f in fields] for b in budgets]
    _show_row("cross-validated over kernels", by_budget)
    print()
    for kernel, beliefs in chosen.items():
        print(f"without {kernel}: {name_of(beliefs)}")


def _show_row(what: str, by_budget: Sequence[Sequence[CaseScore]]) -> None:
    gains = [fmean(score.by_tests for score in of_budget) for of_budget in by_budget]
    ratios = [geometric_mean([score.ratio for score in of_budget]) for of_budget in by_budget]
    smooth = fmean(mean_gain(score) for of_budget in by_budget for score in of_budget)
    print(f"{what:42}{fmean(gains):7.3f}{''.join(f'{gain:8.2f}' for gain in gains)}", end="")
    print(f"{''.join(f'{ratio:9.3f}' for ratio in ratios)}{smooth:11.3f}")
