"""How long `harness report` takes, and how big its file is, for a synthetic journal.

Targets: 20,000 tests in less than 10 s and 5 MB. Also how long a browser takes to draw it, where
there is one.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from harness.report.html.library import load_library
from harness.report.html.report import make_report
from harness.store.sessions import load_session
from tests.benchmarks.common import describe_machine
from tests.benchmarks.journals import make_journal
from tests.report.html.test_browser import BROWSER, load

TARGET_S, TARGET_BYTES = 10.0, 5e6


def main(tests: int, repeat: int) -> None:
    if find_spec("plotly") is None:
        print("skipped: reports need plotly (pip install 'gpu-harness[report]')")
        return
    print(describe_machine())
    print(f"synthetic journal: {tests} tests, {repeat} runs each")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_journal(folder / "journal.sqlite", tests, repeat)
        started, used = time.perf_counter(), time.process_time()
        stored = load_session(folder / "journal.sqlite")
        loaded = time.perf_counter() - started
        page = make_report([stored], load_library())
        took, worked = time.perf_counter() - started, time.process_time() - used
        size = len(page.encode())
        print(f"made in {took:.2f} s ({took / TARGET_S:.2f} of the target), reading {loaded:.2f} s")
        print(f"processor time {worked:.2f} s ({worked / TARGET_S:.2f} of the target)")
        print(f"size {size / 1e6:.2f} MB ({size / TARGET_BYTES:.2f} of the target)")
        library = re.search(r'id="library">([^<]*)<', page)
        assert library is not None
        print(f"of which Plotly {len(library[1]) / 1e6:.2f} MB")
        if BROWSER is not None:
            started = time.perf_counter()
            drawn = load(page, folder)
            print(
                f"browser: {drawn.dom.count('js-plotly-plot')} plots drawn in "
                f"{time.perf_counter() - started:.1f} s, its start included, without a GPU"
            )


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 20_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 5,
    )
