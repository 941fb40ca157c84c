"""Tables on stdout: drawn on a terminal, plain columns elsewhere."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from harness.cli.output import Drawn
from harness.units import format_text, shorten

_MOST = 200
"""Characters of a cell on a terminal; a page of one value hides all others."""


def format_table(table: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table whose first row is its header; what is in its cells is escaped."""
    shown = [[format_text(cell) for cell in row] for row in table]
    return _draw(shown) if sys.stdout.isatty() else _align(shown)


def _align(table: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell, two spaces apart."""
    widths = [max(len(row[n]) for row in table) for n in range(len(table[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def _draw(table: Sequence[Sequence[str]]) -> list[str]:
    from rich import box  # noqa: PLC0415 - slow to import, needed on terminals only
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    made = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for place, heading in enumerate(table[0]):
        made.add_column(Text(heading), overflow="fold", no_wrap=place == 0)
    for row in table[1:]:
        made.add_row(*(Text(shorten(cell, _MOST)) for cell in row))
    console = Console(width=shutil.get_terminal_size().columns, force_terminal=True)
    with console.capture() as captured:
        console.print(made)
    return [Drawn(line) for line in captured.get().splitlines() if line.strip()]
