"""Series as a script for gnuplot that holds its own data, one named block for each group.

Data columns are those of `report/series.py`, tab between them, texts in quotes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.report.series import Cell, Series


def format_gnuplot(title: str, series: Sequence[Series]) -> str:
    """The script; it draws on gnuplot's default terminal."""
    first = series[0]
    lines = [
        f"# {_quote(title)}",
        'set datafile separator "\\t"',
        f"set title {_quote(title)} noenhanced",
    ]
    for place, each in enumerate(series):
        lines += [f"$data{place} << END_OF_DATA", "# " + "\t".join(each.columns)]
        lines += ["\t".join(map(_format, row)) for row in _align(each, series)]
        lines.append("END_OF_DATA")
    lines += _axes(first)
    drawn = [part for place, each in enumerate(series) for part in _draw(place, each)]
    if first.reference is not None:
        drawn.append(f'{first.reference!r} with lines dashtype 2 title "reference"')
    return "\n".join([*lines, "plot " + ", \\\n     ".join(drawn), ""])


def _align(one: Series, series: Sequence[Series]) -> list[tuple[Cell, ...]]:
    """The rows of `one`; where rows have names, in the order of all series, gaps with NaN."""
    names = {"importance": 1, "parameters": 2}.get(one.kind)
    if names is None:
        return list(one.rows)
    own = {row[:names]: row for row in one.rows}
    every = list(dict.fromkeys(row[:names] for each in series for row in each.rows))
    first = [name for name, *_ in every]
    every.sort(key=lambda name: first.index(name[0]))  # the values of a parameter together
    gap = (math.nan,) * (len(one.columns) - names)
    return [own.get(name, (*name, *gap)) for name in every]


def _axes(series: Series) -> list[str]:
    unit = f" ({series.unit})" if series.unit else ""
    simulated = ", simulated" if series.simulated else ""
    if series.kind == "importance":
        return [
            "set style data histograms",
            "set style fill solid 0.6",
            "set yrange [0:*]",
            f'set ylabel "variance explained (%){simulated}"',
            "set xtics rotate by -30 noenhanced",
        ]
    lines = [f"set ylabel {_quote(f'score{unit}{simulated}')} noenhanced", "set key noenhanced"]
    if series.kind == "parameters":
        return [*lines, "set xtics rotate by -60 noenhanced", "set style data linespoints"]
    return [*lines, 'set xlabel "test"']


def _draw(place: int, series: Series) -> list[str]:
    data, name = f"$data{place}", _quote(series.label)
    if series.kind == "best":
        return [f"{data} using 1:2 with steps linewidth 2 title {name}"]
    if series.kind == "scores":
        return [f"{data} using 1:2:3 with yerrorbars title {name}"]
    if series.kind == "importance":
        return [f"{data} using 2:xtic(1) title {name}"]
    ticks = 'xtic(sprintf("%s=%s", strcol(1), strcol(2)))'
    return [
        f"{data} using 3:{ticks} title {_quote(f'{series.label}, median')}",
        f"{data} using 4 title {_quote(f'{series.label}, best')}",
    ]


def _format(cell: Cell) -> str:
    if isinstance(cell, str):
        return _quote(cell)
    return "NaN" if math.isnan(cell) else repr(cell)


def _quote(text: str) -> str:
    """A text as gnuplot reads it between double quotes: on one line, without commands."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace('"', "'").replace("`", "'")
    return f'"{plain}"'
