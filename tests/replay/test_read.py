from __future__ import annotations

import pytest

from harness.replay.read import read_instant

NOON = 1709294400.0  # 2024-03-01 12:00 UTC


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-03-01 12:00:00", NOON),
        ("2024-03-01T12:00:00Z", NOON),
        ("2024-03-01 13:00:00+01:00", NOON),
        ("2024-03-01 12:00:00.5+00:00", NOON + 0.5),
        ("2024-03-01 12:00:00.25", NOON + 0.25),
        ("2024-03-01 12:00:00.125000", NOON + 0.125),
        ("2024-03-01 12:00:00.125000999Z", NOON + 0.125),
        ("yesterday", 0.0),
        ("", 0.0),
    ],
)
def test_timestamps_with_any_number_of_digits_are_read(text: str, instant: float) -> None:
    assert read_instant(text) == instant
