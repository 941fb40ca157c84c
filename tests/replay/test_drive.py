"""The driver's tests take the recorded time, on as many lanes as there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.configuration import Configuration
from harness.model import Outcome
from harness.replay.drive import simulate
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from harness.search.exhaustive import Exhaustive
from tests.replay.helpers import write_t4

SECONDS = [0.1, 0.112, 0.109, 0.106, 0.1, 0.115]
"""Of the tests, in the order of the space: (16, row), (32, row), (32, col), …"""


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return load_recording(write_t4(tmp_path / "model.json"))


def test_one_lane_makes_one_test_after_the_other(recording: Recording) -> None:
    trace = simulate(Exhaustive(recording.space), recording, tests=99)
    assert trace.ended_s.tolist() == pytest.approx(np.cumsum(SECONDS).tolist())
    assert trace.losses.tolist() == pytest.approx([np.inf, 0.004, 0.003, 0.002, np.inf, 0.005])
    assert trace.best.tolist() == pytest.approx([np.inf, 0.004, 0.003, 0.002, 0.002, 0.002])
    assert [outcome.configuration for outcome in trace.outcomes] == list(recording.space)
    assert trace.thinking_s > 0


def test_lanes_take_the_next_as_they_become_free(recording: Recording) -> None:
    trace = simulate(Exhaustive(recording.space), recording, lanes=2, tests=99)
    # Lane one: 0.1, 0.109, 0.1 …; lane two: 0.112, 0.106, …
    assert trace.ended_s.tolist() == pytest.approx([0.1, 0.112, 0.209, 0.218, 0.309, 0.333])


def test_it_ends_after_tests_and_time(recording: Recording) -> None:
    space = recording.space
    assert len(simulate(Exhaustive(space), recording, tests=2).losses) == 2
    assert len(simulate(Exhaustive(space), recording, tests=2, time_s=0.32).losses) == 3
    assert len(simulate(Exhaustive(space), recording, tests=2, time_s=99, most=4).losses) == 4


class OneByOne(Exhaustive):
    """Asks for the next only when the one before was told."""

    is_waiting = False

    def ask(self, n: int) -> list[Configuration]:
        asked = [] if self.is_waiting else super().ask(min(n, 1))
        self.is_waiting = self.is_waiting or bool(asked)
        return asked

    def tell(self, outcome: Outcome) -> None:
        super().tell(outcome)
        self.is_waiting = False


def test_a_strategy_that_waits_leaves_lanes_idle(recording: Recording) -> None:
    trace = simulate(OneByOne(recording.space), recording, lanes=3, tests=99)
    assert trace.ended_s.tolist() == pytest.approx(np.cumsum(SECONDS).tolist())


def test_an_outcome_tells_what_the_test_cost(recording: Recording) -> None:
    outcome = recording.outcome(recording.best[0])
    assert outcome.score == pytest.approx(0.002)
    assert outcome.compile_s == pytest.approx(0.1)
    assert sum(run.elapsed_s for run in outcome.runs) == pytest.approx(0.006)
    assert recording.outcome(recording.best[0]) is outcome
