"""Putting a page together: every text is escaped on its way in, nothing is loaded from elsewhere.

The drawing library and the figures are in the page once each, compressed, as base64: no text of a
session can end a script early, and a policy in the page forbids the browser every request.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import Any

Figure = Mapping[str, Any]
"""What to draw, as Plotly takes it: `data` and `layout`, of lists, texts and numbers only.

Colours are named by their part: `@0` … `@7` for groups, `@best`, `@reference`, `@bad`, `@weak`;
the page turns these into colours that suit the reader's light or dark mode.
"""

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)


_SHORT = 40
"""Characters up to which a cell is not broken into lines."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Cell = str | int | float


def to_html(text: Cell) -> Markup:
    """`text` as HTML shows it."""
    return text if isinstance(text, Markup) else Markup(escape(str(text)))


def element(tag: str, *children: Cell, **attributes: str) -> Markup:
    """`<tag>children</tag>`; `class_` is the attribute `class`, `aria_label` `aria-label`."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
    )
    return Markup(f"<{tag}{given}>{''.join(map(to_html, children))}</{tag}>")


def join(parts: Iterable[Cell]) -> Markup:
    """The parts one after the other."""
    return Markup("".join(map(to_html, parts)))


def paragraph(*children: Cell) -> Markup:
    """A paragraph."""
    return element("p", *children)


def bullets(items: Iterable[Cell], **attributes: str) -> Markup:
    """A list."""
    return element("ul", *(element("li", item) for item in items), **attributes)


def code_block(text: str, label: str) -> Markup:
    """Preformatted text that scrolls, and that a keyboard reaches."""
    return element("pre", element("code", text), tabindex="0", role="region", aria_label=label)


def table(caption: str, header: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> Markup:
    """A table that scrolls sideways; the first cell of a row is its heading."""
    head = element("tr", *(element("th", cell, scope="col") for cell in header))
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell, **_alignment(cell)) for cell in row[1:]),
        )
        for row in rows
    ]
    made = element(
        "table", element("caption", caption), element("thead", head), element("tbody", *body)
    )
    return element("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _alignment(cell: Cell) -> dict[str, str]:
    if not isinstance(cell, str):
        return {"class_": "number"}
    return {"class_": "short"} if len(cell) < _SHORT else {}


def details(summary: str, *children: Cell, open_: bool = False) -> Markup:
    """What is shown when asked for."""
    opened = {"open": "open"} if open_ else {}
    return element("details", element("summary", summary), *children, **opened)


@dataclass
class Page:
    """A page in the making.

    Attributes:
        sections: (anchor, heading, content), in order.
        figures: what is drawn, by the place in the page.
    """

    title: str
    sections: list[tuple[str, str, Markup]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    def add(self, anchor: str, heading: str, *content: Cell) -> None:
        """A section; one without content is left out."""
        made = join(content)
        if made:
            self.sections.append((anchor, heading, made))

    def figure(
        self, figure: Figure, label: str, caption: str = "", *, wide: bool = False
    ) -> Markup:
        """A place where `figure` is drawn.

        Args:
            label: what it shows, for those who cannot see it.
            wide: needs room: scrolls sideways on narrow screens.
        """
        place = len(self.figures)
        self.figures.append(figure)
        height = int(figure["layout"].get("height", 360))
        plot = element(
            "div",
            role="img",
            aria_label=label,
            data_figure=str(place),
            style=f"height:{height}px",
            class_="plot wide" if wide else "plot",
        )
        scroll = {"tabindex": "0", "role": "region", "aria_label": label} if wide else {}
        holder = element("div", plot, class_="scroll" if wide else "fit", **scroll)
        below = [element("figcaption", caption)] if caption else []
        return element("figure", holder, *below)

    def to_html(self, lead: Markup, library: str) -> str:
        """The page.

        Args:
            lead: what stands below the title.
            library: Plotly's JavaScript.
        """
        links = bullets(
            element("a", heading, href=f"#{anchor}") for anchor, heading, _ in self.sections
        )
        contents = element("nav", links, aria_label="Sections")
        sections = [
            element("section", element("h2", heading), content, id=anchor)
            for anchor, heading, content in self.sections
        ]
        figures = json.dumps(self.figures, separators=(",", ":"), allow_nan=False)
        body = join(
            [
                element("a", "Skip to the content", href="#content", class_="skip"),
                element("header", element("h1", self.title), lead, contents),
                element("main", *sections, id="content"),
                _packed("figures", figures),
                _packed("library", library),
                Markup(f"<script>{_read('page.js')}</script>"),
            ]
        )
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            f"<title>{escape(self.title)}</title>\n<style>{_read('page.css')}</style>\n</head>\n"
            f"<body>\n{body}\n</body>\n</html>\n"
        )


def _packed(name: str, text: str) -> Markup:
    data = base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()
    return Markup(f'<script type="application/octet-stream" id="{name}">{data}</script>\n')


def _read(name: str) -> str:
    return files("harness.report.html").joinpath(name).read_text(encoding="utf-8")
