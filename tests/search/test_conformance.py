"""Every strategy keeps the contract."""

from __future__ import annotations

from typing import ClassVar

from harness.search.base import Strategy
from harness.search.check_tree import TreeCheck
from harness.search.exhaustive import Exhaustive
from harness.search.importance import Importance
from harness.search.tree import Tree
from harness.space.space import Space
from harness.testing.strategies import StrategyConformance, drive, succeed


class TestExhaustive(StrategyConformance):
    exhausts: ClassVar[bool] = True

    def make(self, space: Space, seed: int) -> Strategy:
        return Exhaustive(space)


class TestTreeOnOneLane(StrategyConformance):
    def make(self, space: Space, seed: int) -> Strategy:
        return Tree(space, "min" if seed == 0 else "max")


class TestTreeOnManyLanes(StrategyConformance):
    def make(self, space: Space, seed: int) -> Strategy:
        return Tree(space, "min" if seed == 0 else "max", lanes=8)


class TestImportance(StrategyConformance):
    def make(self, space: Space, seed: int) -> Strategy:
        configurations = list(space)
        return Importance(space, configurations[seed % len(configurations)])


class TestTreeCheck(StrategyConformance):
    def make(self, space: Space, seed: int) -> Strategy:
        outcomes = drive(Tree(space, "min"), succeed)
        scores = {outcome.configuration: outcome.score for outcome in outcomes}
        best = min(outcomes, key=lambda outcome: outcome.score or 0).configuration
        return TreeCheck(space, best, scores, size=8, seed=seed)
