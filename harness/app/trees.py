"""Whether a variable tree is right, by tests that it says cannot win."""

from __future__ import annotations

from collections.abc import Sequence

from harness.app.clocks import Remark
from harness.config.spec import Spec
from harness.configuration import Configuration, Goal
from harness.errors import ConfigError
from harness.model import Outcome
from harness.search.claims import contradictions, explain, spread_tolerance
from harness.space.space import Space
from harness.space.tree import format_tree
from harness.units import format_count


def require_tree(spec: Spec) -> None:
    """Refuse to check a tree that is not there.

    Raises:
        ConfigError: the config has none.
    """
    if spec.space.tree is None:
        raise ConfigError(
            f"{spec.path}: check_tree (--check-tree): there is no variable tree to check; write "
            'space.tree, such as "{A, {B}, {C}}", or leave it out'
        )


def judge_tree(
    space: Space,
    best: Configuration,
    outcomes: Sequence[Outcome],
    sampled: Sequence[Configuration],
    *,
    goal: Goal,
    unit: str,
) -> list[Remark]:
    """What contradicts the space's tree, or that nothing does.

    Args:
        best: what the tree found.
        outcomes: of the search and of the sample.
        sampled: what was tested beside the tree's path.
    """
    findings = contradictions(
        space,
        best,
        {o.configuration: o.score for o in outcomes if o.score is not None},
        sampled,
        goal=goal,
        tolerance=spread_tolerance(outcomes),
    )
    if findings or space.tree is None:
        return [("warning", explain(finding, unit)) for finding in findings]
    return [
        (
            "info",
            f"{format_count(len(sampled), 'test')} outside the tree's path found nothing against "
            f"{format_tree(space.tree)}",
        )
    ]
