"""The report in a real browser: it draws, complains of nothing, and asks nobody for anything."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.events import Note
from harness.report.html.library import load_library
from harness.report.html.report import make_report
from tests.report.helpers import make_stored

ATTACK = "</script><script>document.title = 'taken over'</script>"
LEAK = "http://127.0.0.1:9/leak.png"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL without a GPU
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1200,1000",
    "--virtual-time-budget=60000",
    "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # what the browser itself asks for stays here too
    "--dump-dom",
)
# What graphics drivers say of their own speed is nothing that the page did.
_DRIVER = "GL Driver Message"


@dataclass(frozen=True)
class Loaded:
    """What became of a page.

    Attributes:
        console: what was written to the browser's console.
        asked: addresses that the page asked for, whether or not it got an answer.
    """

    dom: str
    console: list[str]
    asked: list[str]


def load(page: str, folder: Path, *flags: str) -> Loaded:
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    log = folder / "net.json"
    assert BROWSER is not None
    ended = subprocess.run(
        [
            BROWSER,
            *_FLAGS,
            *flags,
            f"--user-data-dir={folder / 'profile'}",
            f"--log-net-log={log}",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    lines = [line for line in ended.stderr.splitlines() if ":CONSOLE" in line]
    return Loaded(
        ended.stdout,
        [line for line in lines if _DRIVER not in line],
        sorted(set(_read_requests(log))),
    )


def _read_requests(log: Path) -> Iterator[str]:
    """The addresses in a log of the network that a page asked for, not the browser itself."""
    for line in log.read_text().splitlines():
        try:
            event = json.loads(line.strip().rstrip(",").removesuffix("]}"))
        except ValueError:
            continue  # the head of the file
        found = event.get("params", {}) if isinstance(event, dict) else {}
        if found.get("initiator", "not an origin") != "not an origin":
            yield found["url"]


@pytest.fixture(scope="module")
def library() -> str:
    if BROWSER is None:
        pytest.skip("no chromium or google-chrome on PATH")
    try:
        return load_library()
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_report_is_drawn_and_asks_for_nothing(mode: str, library: str, tmp_path: Path) -> None:
    stored = make_stored({ATTACK: ["a", ATTACK], "B": [1, 2, 3], "C": [1, 2]}, lanes=2)
    page = make_report([stored], library)
    if mode == "dark":
        page = re.sub("<meta http-equiv[^>]*>", "", page)  # nothing is asked for without it either
    flags = ["--blink-settings=preferredColorScheme=0"] if mode == "dark" else []
    loaded = load(page, tmp_path, *flags)
    assert loaded.console == []
    assert loaded.asked == []
    assert 'data-plots="drawn"' in loaded.dom
    places = page.count("data-figure=")
    assert places > 10
    assert len(re.findall('class="plot[^"]*js-plotly-plot"', loaded.dom)) == places
    assert 'class="plot failed"' not in loaded.dom
    assert "<title>matrix: tuning report</title>" in loaded.dom  # nobody took over
    text = {"light": "rgb(28, 33, 40)", "dark": "rgb(230, 234, 239)"}[mode]
    assert f"fill: {text}" in loaded.dom


@pytest.mark.usefixtures("library")
def test_a_request_would_be_noticed_and_is_refused(tmp_path: Path) -> None:
    page = make_report([make_stored(notes=(Note("info", "LEAK"),))], "Plotly = { react() {} };")
    leak = page.replace("LEAK", f'<img src="{LEAK}" alt="">')
    refused = load(leak, tmp_path)
    assert any("Content Security Policy" in line for line in refused.console)
    assert refused.asked == []
    unguarded = load(re.sub("<meta http-equiv[^>]*>", "", leak), tmp_path)
    assert unguarded.asked == [LEAK]
