"""What a variable tree claims, and which tests contradict it. Pure."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.configuration import Configuration, Goal, Value, show_value
from harness.model import Outcome
from harness.space.space import Space
from harness.space.tree import Node
from harness.stats import is_better, relative_noise
from harness.units import format_score

DEFAULT_TOLERANCE = 0.02
"""Difference that counts where there are too few samples to know their spread."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The best values of `group`, given those of `ancestors`, depend on nothing else."""

    group: frozenset[str]
    ancestors: frozenset[str]


def list_claims(tree: Node) -> list[Claim]:
    """What the tree claims, outer groups first."""
    everything = frozenset(tree.all_variables())
    claims: list[Claim] = []
    unvisited: deque[tuple[Node, frozenset[str]]] = deque([(tree, frozenset())])
    while unvisited:
        node, ancestors = unvisited.popleft()
        group = frozenset(node.all_variables())
        if group | ancestors != everything:
            claims.append(Claim(group, ancestors))
        unvisited.extend((child, ancestors.union(node.variables)) for child in node.children)
    return claims


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A test that the tree says cannot be.

    Attributes:
        configuration: what was tested.
        score: its score.
        reference: the configuration that the tree says is at least as good: the best, or one
            with the best's values in the group.
        group: the variables whose best values depend on others; empty when the best itself was
            beaten.
        varied: the variables in which the configuration differs from the best.
    """

    configuration: Configuration
    score: float
    reference: Configuration
    reference_score: float
    group: tuple[str, ...]
    varied: tuple[str, ...]


def contradictions(
    space: Space,
    best: Configuration,
    scores: Mapping[Configuration, float],
    sampled: Iterable[Configuration],
    *,
    goal: Goal,
    tolerance: float = DEFAULT_TOLERANCE,
) -> list[Contradiction]:
    """The sampled configurations that contradict the space's tree, at most one finding for each.

    Args:
        best: what the search found, with a score.
        scores: of every test that succeeded, those of the sample included.
        sampled: what `TreeCheck` asked for; tests without a score are passed over.
        tolerance: a difference counts if it is greater than this fraction of the reference.
    """
    claims = list_claims(space.tree) if space.tree is not None else []
    findings = []
    for configuration in sampled:
        if configuration not in scores:
            continue
        references = [(best, ()), *_references(space, claims, best, configuration)]
        for reference, group in references:
            if reference in scores and _is_beyond(
                scores[configuration], scores[reference], goal, tolerance
            ):
                findings.append(
                    Contradiction(
                        configuration,
                        scores[configuration],
                        reference,
                        scores[reference],
                        group,
                        differing(configuration, best),
                    )
                )
                break
    return findings


def _references(
    space: Space, claims: Iterable[Claim], best: Configuration, configuration: Configuration
) -> Iterator[tuple[Configuration, tuple[str, ...]]]:
    """What the configuration must not be better than, with the group whose claim says so."""
    varied = set(differing(configuration, best))
    for claim in claims:
        if varied & claim.ancestors or not varied & claim.group or varied <= claim.group:
            continue
        group = tuple(name for name in space.names if name in claim.group)
        yield replaced(configuration, {name: best[name] for name in group}), group


def _is_beyond(score: float, reference: float, goal: Goal, tolerance: float) -> bool:
    return is_better(score, reference, goal) and abs(score - reference) > tolerance * abs(reference)


def differing(configuration: Configuration, best: Configuration) -> tuple[str, ...]:
    """The variables in which they differ."""
    return tuple(name for name, value in configuration.items() if value != best[name])


def replaced(configuration: Configuration, values: Mapping[str, Value]) -> Configuration:
    """`configuration` with other values for some variables."""
    return Configuration.from_mapping({**configuration, **values})


def explain(finding: Contradiction, unit: str) -> str:
    """What a contradiction means and what to do about it, in one paragraph."""
    shown = format_score(finding.score, unit)
    other = format_score(finding.reference_score, unit)
    if not finding.group:
        values = _show(finding.configuration, finding.varied)
        return (
            f"{finding.configuration} scored {shown}, better than the best that the tree led to, "
            f"{other}; it differs in {values}. These variables are not independent as the tree "
            "says: put those that matter to each other into one group, or use exhaustive search."
        )
    elsewhere = tuple(name for name in finding.varied if name not in finding.group)
    return (
        f"With {_show(finding.configuration, elsewhere)}, "
        f"{_show(finding.configuration, finding.group)} scored {shown}, but "
        f"{_show(finding.reference, finding.group)}, the best values of that group, {other}. "
        f"What is best for {', '.join(finding.group)} depends on {', '.join(elsewhere)}, which the "
        "tree denies: the best found may not be the optimum. Put these variables into one group, "
        "or use exhaustive search."
    )


def _show(configuration: Configuration, names: Iterable[str]) -> str:
    return " ".join(f"{name}={show_value(configuration[name])}" for name in names)


def spread_tolerance(outcomes: Iterable[Outcome]) -> float:
    """The difference between two scores that noise does not explain, as a fraction.

    Three times the typical relative noise of a sample: scores of several samples scatter less, so
    this errs towards silence. `DEFAULT_TOLERANCE` if no outcome has the 3 samples that takes.
    """
    noises = [relative_noise(o.samples) for o in outcomes if len(o.samples) >= 3]
    return 3 * statistics.median(noises) if noises else DEFAULT_TOLERANCE
