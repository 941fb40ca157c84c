from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.errors import RunError
from harness.procs.partner import Partner

ECHO = "import sys\nfor line in sys.stdin:\n    print(line.strip() * 2, flush=True)\n"


@contextmanager
def started(code: str, **environment: str) -> Iterator[Partner]:
    partner = Partner([sys.executable, "-c", code], environment=environment)
    try:
        yield partner
    finally:
        partner.close()


def test_lines_go_both_ways() -> None:
    with started(ECHO) as partner:
        for word in (b"ab", b"c"):
            partner.send(word)
            assert partner.receive(10) == word * 2


def test_several_lines_at_once_come_one_by_one() -> None:
    with started("print('one\\ntwo\\n\\nfour')") as partner:
        assert [partner.receive(10) for _ in range(4)] == [b"one", b"two", b"", b"four"]


def test_it_has_its_environment() -> None:
    with started("import os; print(os.environ['WHO'])", WHO="me") as partner:
        assert partner.receive(10) == b"me"


def test_silence_is_told_from_death() -> None:
    with started(ECHO) as partner:
        assert partner.receive(0.01) is None
        partner.kill()
        assert partner.receive(10) == b""
        partner.send(b"to nobody")  # and nothing is raised
        assert partner.wait() == -9


def test_what_it_says_on_its_way_out_is_kept() -> None:
    with started("import sys; sys.exit('no such thing')") as partner:
        assert partner.receive(10) == b""
        assert partner.wait() == 1
        assert partner.read_log() == "no such thing"


def test_of_what_it_says_the_end_is_kept_and_the_disk_is_spared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.procs.partner.LOG_LIMIT_BYTES", 100_000)
    code = "import sys\nfor line in sys.stdin:\n"
    code += "    print('x' * 60_000, line.strip(), file=sys.stderr); print('done', flush=True)\n"
    with started(code) as partner:
        sizes = []
        for number in range(4):
            partner.send(str(number).encode())
            assert partner.receive(10) == b"done"
            log = partner.read_log()
            assert log.endswith(f"x {number}")
            assert len(log) < 4001
            sizes.append(os.fstat(partner._log.fileno()).st_size // 60_000)
        assert sizes == [1, 2, 1, 2]


def test_one_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.procs.partner.END_S", 0.05)
    code = "import sys, threading; print('here', flush=True); threading.Event().wait()"
    with started(code) as partner:
        assert partner.receive(10) == b"here"
        pid = partner.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_program_that_is_not_there_cannot_be_started() -> None:
    with pytest.raises(RunError, match="cannot start '/no/such/program'"):
        Partner(["/no/such/program"], environment={})
