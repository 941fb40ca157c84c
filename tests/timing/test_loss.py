from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from harness.configuration import Configuration
from harness.model import Evidence, OutcomeKind, Run, Test
from harness.timing.base import Timer
from harness.timing.loss import LossAwareTimer

TEST = Test(7, Configuration(("N",), (4,)), "key", "left")
DOUBTFUL = {OutcomeKind.RUN_FAILED, OutcomeKind.TIMEOUT, OutcomeKind.WRONG_RESULT}
EVIDENCE = Evidence("./app", "/")


@dataclass
class Scripted:
    """A timer whose runs end as it is told, and that notes what it is asked."""

    kind: OutcomeKind
    asked: list[str] = field(default_factory=list)

    def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
        self.asked.append(f"measure {test.id} {index} {best}")
        return Run(index, self.kind, "left", "GPU-1", 0.0, 1.0, None, "why", evidence=EVIDENCE)

    def cancel(self) -> None:
        self.asked.append("cancel")

    def close(self) -> None:
        self.asked.append("close")


@pytest.mark.parametrize("kind", OutcomeKind)
@pytest.mark.parametrize("loss", ["", "it is gone"])
def test_a_run_that_failed_is_lost_with_its_device(kind: OutcomeKind, loss: str) -> None:
    inner = Scripted(kind)
    timer: Timer = LossAwareTimer(inner, lambda: loss, lambda: "")
    run = timer.measure(TEST, 3)
    if kind in DOUBTFUL and loss:
        assert (run.kind, run.reason) == (OutcomeKind.DEVICE_LOST, "why; it is gone")
    else:
        assert (run.kind, run.reason) == (kind, "why")
    assert run.evidence is EVIDENCE
    timer.cancel()
    timer.close()
    assert inner.asked == ["measure 7 3 None", "cancel", "close"]


def test_what_did_not_fail_asks_nobody() -> None:
    def find_loss() -> str:
        raise AssertionError("nothing failed")

    for kind in set(OutcomeKind) - DOUBTFUL:
        assert LossAwareTimer(Scripted(kind), find_loss, find_loss).measure(TEST, 0).kind is kind


def test_a_device_is_tried_where_runs_fail_in_a_row() -> None:
    tried: list[int] = []
    inner = Scripted(OutcomeKind.RUN_FAILED)

    def try_device() -> str:
        tried.append(len(inner.asked))
        return "nothing begins" if len(tried) == 5 else ""

    timer = LossAwareTimer(inner, lambda: "", try_device)
    kinds = [timer.measure(TEST, 0).kind for _ in range(20)]
    assert tried == [3, 6, 12]
    inner.kind = OutcomeKind.OK
    timer.measure(TEST, 0)
    inner.kind = OutcomeKind.TIMEOUT
    kinds += [timer.measure(TEST, 0).kind for _ in range(6)]
    assert tried == [3, 6, 12, 24, 27]  # the row begins anew
    assert OutcomeKind.DEVICE_LOST not in kinds[:-1]
    assert kinds[-1] is OutcomeKind.DEVICE_LOST
