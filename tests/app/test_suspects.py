from __future__ import annotations

from harness.app.suspects import find_suspects
from harness.lane import DeviceInfo, Lane
from harness.measurement import Launch, Measurement
from harness.model import Outcome
from tests.store.helpers import make_outcome, make_run, make_test

LANES = [Lane(name, n, DeviceInfo("mock", n, f"M-{n}", "H100")) for n, name in enumerate("ab")]


def measured(number: int, lane: str, sentinel_s: float, *flags: str, copy: bool = False) -> Outcome:
    launch = Launch((1, 1, 1), (1, 1, 1))
    measurement = Measurement(launch, "cold", (1.0,), sentinel_s=sentinel_s, flags=flags)
    run = make_run(0, 1.0, lane=lane, measurement=measurement)
    return make_outcome(make_test(number), run, copy_of=1 if copy else None)


def test_nothing_is_said_of_what_is_alike() -> None:
    assert find_suspects([measured(1, "a", 1.0), measured(2, "b", 1.01)], LANES) == []
    assert find_suspects([make_outcome(make_test(1), make_run())], LANES) == []


def test_flags_are_counted_by_lane() -> None:
    outcomes = [
        measured(1, "a", 1.0, "drifted"),
        measured(2, "a", 1.0, "drifted", "shared"),
        measured(3, "a", 1.0, "drifted", copy=True),
    ]
    first, second = find_suspects(outcomes, LANES)
    assert first.startswith("lane a: 2 measurements are suspect: the sentinel kernel was more")
    assert second.startswith("lane a: 1 measurement is suspect: another process")


def test_lanes_of_one_model_should_be_alike() -> None:
    outcomes = [measured(1, "a", 1.05), measured(2, "a", 1.05), measured(3, "b", 1.0)]
    (warning,) = find_suspects(outcomes, LANES)
    assert "lanes b and a are both H100" in warning
    assert "5.0 % longer on a" in warning
