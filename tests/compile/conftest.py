from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.procs.worker import Worker
from harness.testing.programs import Programs


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(grace_s=0.05) as worker:
        yield worker
