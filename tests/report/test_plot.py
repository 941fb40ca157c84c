"""Plots for papers: their columns, gnuplot scripts, and pictures."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from harness.configuration import Value
from harness.errors import ConfigError
from harness.model import OutcomeKind
from harness.report.gnuplot import format_gnuplot
from harness.report.groups import make_groups
from harness.report.plot import save_plot
from harness.report.series import KINDS, Kind, make_series

from .helpers import make_info, make_outcome, make_stored

TITLE = 'a $title$ with "quotes" and `commands`'


def test_the_best_so_far_is_a_row_per_test() -> None:
    (series,) = make_series("best", make_groups([make_stored()]))
    assert series.columns == ("test", "best", "reference")
    assert series.column("test") == list(range(1, 25))
    best = series.numbers("best")
    assert best == sorted(best, reverse=True)
    assert set(series.column("reference")) == {0.004}


def test_scores_have_the_deviation_of_their_samples() -> None:
    outcomes = (
        make_outcome(1, {"N": 1}, [1.0, 2.0, 3.0]),
        make_outcome(2, {"N": 2}, [5.0]),
        make_outcome(3, {"N": 3}, [], kind=OutcomeKind.TIMEOUT),
    )
    stored = make_stored(
        outcomes=outcomes, spec={}, info=make_info(parameters=("N",), simulated=True)
    )
    (series,) = make_series("scores", make_groups([stored]))
    assert series.columns == ("test", "score", "deviation", "simulated")
    assert series.rows == ((1, 2.0, 1.0, 1), (2, 5.0, 0.0, 1))


def test_importance_and_parameters() -> None:
    groups = make_groups([make_stored()])
    (importance,) = make_series("importance", groups)
    assert importance.column("parameter")[0] == "BLOCK"
    assert importance.numbers("importance")[0] > 40
    (parameters,) = make_series("parameters", groups)
    assert parameters.rows[0][:2] == ("BLOCK", "8")
    assert len(parameters.rows) == 4 + 3 + 2


def test_values_that_look_the_same_are_drawn_apart(tmp_path: Path) -> None:
    """In columns as in pictures, where they are also cut."""
    values: list[Value] = [1, "1", "x" * 300 + "a", "x" * 300 + "b"]
    outcomes = tuple(
        make_outcome(number, {"A": value}, [float(number)])
        for number, value in enumerate(values, 1)
    )
    info = make_info(parameters=("A",))
    groups = make_groups([make_stored({"A": values}, outcomes=outcomes, info=info)])
    (series,) = make_series("parameters", groups)
    assert series.column("value") == ["1", "1 (2)", "x" * 300 + "a", "x" * 300 + "b"]
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    save_plot(tmp_path / "plot.svg", TITLE, [series], "svg")
    drawn = (tmp_path / "plot.svg").read_text()
    assert "x" * 17 not in drawn
    assert f"<!-- {'x' * 15}… (2) -->" in drawn


def test_what_cannot_be_plotted_is_said() -> None:
    nothing = make_groups([make_stored(outcomes=())])
    with pytest.raises(ConfigError, match="session 3: nothing to plot with --kind best: no test"):
        make_series("best", nothing)
    outcomes = (make_outcome(1, {"BLOCK": 8, "TILE": 1, "FLAGS": "-O2"}, [1.0]),)
    with pytest.raises(ConfigError, match="with --kind importance: too few tests succeeded"):
        make_series("importance", make_groups([make_stored(outcomes=outcomes)]))


@pytest.mark.parametrize("kind", KINDS)
def test_gnuplot_draws_its_script(kind: Kind, tmp_path: Path) -> None:
    stored = make_stored(lanes=2, info=make_info(2, simulated=True))
    # A value that only the first lane measured leaves a gap in the second's rows.
    kept = [o for o in stored.outcomes if o.lane == "0" or o.configuration["TILE"] != 2]
    stored = replace(stored, outcomes=tuple(kept))
    script = format_gnuplot(TITLE, make_series(kind, make_groups([stored])))
    assert "simulated" in script
    assert script.count("END_OF_DATA") == 4
    assert "`" not in script
    if kind == "parameters":
        assert '"TILE"\t"2"\tNaN' in script
    if shutil.which("gnuplot") is None:
        pytest.skip("no gnuplot on PATH")
    path = tmp_path / "plot.gp"
    path.write_text(f'set terminal svg\nset output "{tmp_path / "plot.svg"}"\n{script}')
    ended = subprocess.run(
        ["gnuplot", str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "</svg>" in (tmp_path / "plot.svg").read_text()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_matplotlib_draws_a_picture(kind: Kind, form: str, start: bytes, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    path = tmp_path / f"plot.{form}"
    save_plot(path, TITLE, make_series(kind, make_groups([make_stored(lanes=2)])), form)
    assert path.read_bytes().startswith(start)
