"""A program that records tests until it is done or killed, and says what is durable.

    python -m tests.store.writer JOURNAL KEY COUNT

Prints `ready`, waits for a line on stdin, then prints each test's id once it is recorded.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.events import RunEnded, TestCreated, TestEnded
from harness.store.journal import open_journal
from tests.store.helpers import make_outcome, make_run, make_start, make_test


def main() -> None:
    path, key, count = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    with open_journal(Path(path)) as journal:
        begun = journal.begin(make_start(key), fresh=False)
        tests = [test for test, _ in begun.unfinished]
        kept = {test.id: len(runs) for test, runs in begun.unfinished}
        tests += [
            make_test(number, f"{key} {number}")
            for number in range(begun.next_test_id, int(count) + 1)
        ]
        for test in tests:
            journal.record([TestCreated(test, 0.0)])
            runs = [make_run(index, float(test.id)) for index in (0, 1)]
            for run in runs[kept.get(test.id, 0) :]:
                journal.record([RunEnded(test, run)])
            journal.record([TestEnded(make_outcome(test, *runs))])
            print(test.id, flush=True)
        journal.end("complete", 0.0, {})
    print("done", flush=True)


if __name__ == "__main__":
    main()
