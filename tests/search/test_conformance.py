"""Every strategy keeps the contract."""

from __future__ import annotations

from typing import ClassVar

from harness.configuration import Goal
from harness.search.annealing import Annealing
from harness.search.base import MakeStrategy, Strategy
from harness.search.budget import Limited, Limits
from harness.search.check_tree import TreeCheck
from harness.search.differential_evolution import DifferentialEvolution
from harness.search.exhaustive import Exhaustive
from harness.search.genetic import Genetic
from harness.search.importance import Importance
from harness.search.local import Local
from harness.search.local_best import LocalBest
from harness.search.model import Model
from harness.search.node_by_node import NodeByNode
from harness.search.random import Random
from harness.search.start import StartFirst
from harness.search.stratified import Stratified
from harness.search.tree import Tree
from harness.space.space import Space
from harness.testing.strategies import StrategyConformance, drive, succeed


class Exhausts(StrategyConformance):
    """Strategies that test everything in the end, for either goal."""

    exhausts: ClassVar[bool] = True
    explores: ClassVar[bool] = True
    kind: ClassVar[MakeStrategy]

    def make(self, space: Space, seed: int) -> Strategy:
        return self.kind(space, goal="max" if seed % 2 else "min", seed=seed)


class TestExhaustive(Exhausts):
    kind = Exhaustive


class TestRandom(Exhausts):
    kind = Random


class TestStratified(Exhausts):
    kind = Stratified


class TestLocal(Exhausts):
    kind = Local
    finds_within = 400


class TestLocalBest(Exhausts):
    kind = LocalBest
    finds_within = 600


class TestAnnealing(Exhausts):
    kind = Annealing
    finds_within = 600


class TestGenetic(Exhausts):
    kind = Genetic
    finds_within = 800


class TestDifferentialEvolution(Exhausts):
    kind = DifferentialEvolution
    finds_within = 800


class TestStartFirst(StrategyConformance):
    exhausts: ClassVar[bool] = True

    def make(self, space: Space, seed: int) -> Strategy:
        return StartFirst(Exhaustive(space), [space[len(space) // 2]])


class TestLimited(StrategyConformance):
    def make(self, space: Space, seed: int) -> Strategy:
        limits = Limits(max_tests=10 if seed else None, patience=5)
        return Limited(Exhaustive(space), space, limits, goal="min", now_s=lambda: 0.0)


class TestModel(Exhausts):
    kind = Model
    finds_within = 60


class TestTreeOnOneLane(StrategyConformance):
    def make(self, space: Space, seed: int) -> Strategy:
        return Tree(space, "min" if seed == 0 else "max")


class TestTreeOnManyLanes(StrategyConformance):
    def make(self, space: Space, seed: int) -> Strategy:
        return Tree(space, "min" if seed == 0 else "max", lanes=8)


class TestNodeByNode(StrategyConformance):
    exhausts: ClassVar[bool] = True
    explores: ClassVar[bool] = True

    def make(self, space: Space, seed: int) -> Strategy:
        goal: Goal = "min" if seed == 0 else "max"
        return NodeByNode(space, node=Local, goal=goal, seed=seed, budget=9 if seed else None)


class TestNodeByNodeOnManyLanes(StrategyConformance):
    exhausts: ClassVar[bool] = True

    def make(self, space: Space, seed: int) -> Strategy:
        return NodeByNode(space, node=Genetic, goal="min", seed=seed, budget=20, lanes=8)


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
