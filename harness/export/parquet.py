"""A session as Parquet: a row for each run, and one, without a run's columns, for a test without.

| column | what | unit |
|---|---|---|
| `session`, `test`, `run` | numbers of the session, its test, and the test's run (from 0) | |
| `lane`, `run_lane` | the lane of the test, and of the run | |
| `outcome`, `reason` | how the test ended, and why it failed | |
| `score` | of the test | that of the session: column `unit` |
| `simulated` | whether the session has simulated devices | |
| `compile_s` | the test's compile | s |
| `compile_seat` | what compiled it: `compile`, the compile pool, or a lane | |
| `compile_started_s` | instant: start of the compile | s (Unix time, or virtual) |
| `ended_s`, `started_s` | instants: end of the test, start of the run | s (Unix time, or virtual) |
| `reused_from` | the session that the test was copied from | |
| `device_uuid` | what the run ran on | |
| `kind`, `exit_code`, `signal` | how the run ended | |
| `sample` | what the run yielded | that of the session |
| `elapsed_s`, `user_s`, `system_s` | the run's wall and processor time | s |
| `max_rss_bytes` | the run's greatest memory | bytes |
| `involuntary_switches` | how often the run was interrupted | |

Each parameter is a column of its name, or `parameter_NAME` where that is a column already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.export.base import open_whole
from harness.extras import load_extra
from harness.model import SessionInfo


def write_parquet(
    path: Path,
    info: SessionInfo,
    types: Mapping[str, type],
    batches: Iterable[Mapping[str, Sequence[Any]]],
) -> None:
    """Write rows, by columns, to the file `path`, which is whole or not there.

    Args:
        types: of each column.

    Raises:
        ConfigError: pyarrow is not installed.
        StoreError: the file cannot be written.
    """
    arrow = load_extra("pyarrow", "parquet", "the format parquet")
    parquet = load_extra("pyarrow.parquet", "parquet", "the format parquet")
    kinds = {int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_(), str: arrow.string()}
    constant = {
        "session": (info.id, int),
        "unit": (info.unit, str),
        "simulated": (info.simulated, bool),
    }
    schema = arrow.schema(
        [
            *(arrow.field(name, kinds[kind]) for name, (_, kind) in constant.items()),
            *(arrow.field(name, kinds[kind]) for name, kind in types.items()),
        ]
    )
    with open_whole(path) as file, parquet.ParquetWriter(file, schema) as writer:
        for batch in batches:
            rows = len(next(iter(batch.values())))
            columns = [arrow.repeat(arrow.scalar(v, kinds[k]), rows) for v, k in constant.values()]
            columns += [arrow.array(batch[name], kinds[kind]) for name, kind in types.items()]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema))
