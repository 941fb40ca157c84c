from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.procs.frames import FrameBuffer, read_frame, send_frame

MESSAGES = st.lists(
    st.dictionaries(
        st.text(st.characters(codec=None), max_size=5),
        st.none() | st.integers() | st.text(max_size=9) | st.binary(max_size=9) | st.just("\udcff"),
        max_size=4,
    ),
    max_size=5,
)


def written(messages: list[dict[str, Any]]) -> bytes:
    reader, writer = os.pipe()
    for message in messages:
        send_frame(writer, message)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        return file.read()


@given(MESSAGES, st.integers(1, 40))
def test_frames_come_out_whole_however_they_are_cut(
    messages: list[dict[str, Any]], piece: int
) -> None:
    data, buffer = written(messages), FrameBuffer()
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    assert [frame for each in pieces for frame in buffer.feed(each)] == messages


@pytest.mark.parametrize("lost_bytes", [1, 5, 30])
def test_half_a_frame_is_the_end(lost_bytes: int) -> None:
    data = written([{"run": 1}, {"run": 2, "stdout": b"x" * 20}])
    reader, writer = os.pipe()
    os.write(writer, data[:-lost_bytes])
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert read_frame(file) == {"run": 1}
        assert read_frame(file) is None
