"""The picture of the layers as SVG: which way the gradient comes, how strong, and where it stops.

Arrows point the way of the forward pass; colour, dashes and width tell of the gradient that comes back along
them. What is folded has a picture of its own, in a file below the first one. No script, and nothing to fetch.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from gradlint.report.layers import layer_picture
from gradlint.report.layout import curve, layered
from gradlint.report.outgoing import printable
from gradlint.report.picture import all_pictures
from gradlint.report.template import sheet
from gradlint.report.text import count, name, norm_text
from gradlint.report.words import CLASS, GLYPH, WORD
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import networkx as nx

    from gradlint.finding import Finding
    from gradlint.report.layout import Layout, Point
    from gradlint.report.picture import Box, Link, Picture

MOST_NORMS = 70
"""A picture of more links than this has no numbers on them."""
SCALE = 6
"""Orders of magnitude, down from the largest norm, that the width of a link tells apart."""
LEGEND_WIDTH, LEGEND_HEIGHT = 500.0, 52.0
_LABEL = 30
_HEIGHT = 42.0
_MARGIN = 24.0
_WIDEST, _THINNEST = 7.0, 1.2


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture as SVG elements, without the `<svg>` around them."""

    text: str
    width: float
    height: float
    cuts: tuple[tuple[str, Point], ...]
    """The box at which each cut is, and where."""


def render(graph: nx.DiGraph[object], findings: Sequence[Finding] = (), *, with_folds: bool = True) -> str:
    """A whole SVG file: a legend, the picture of the model, and below it those of what is folded, if wanted."""
    picture = layer_picture(graph, findings)
    largest = largest_norm(picture)
    titled = [("", "", draw(picture, findings, largest))]
    # What stops the gradient is shown in any case.
    inside = [(box, inner) for box, inner in all_pictures(picture) if with_folds or box.stops]
    titled += [(box.id, box.path or box.label, draw(inner, findings, largest)) for box, inner in inside]
    body, y, width = [legend()], LEGEND_HEIGHT + 6, LEGEND_WIDTH
    for id, title, drawing in titled:
        if title:
            body.append(f'<text class="title" x="{_MARGIN:g}" y="{y + 14:g}">inside {shown(title, 80)}</text>')
            y += 30
        body.append(f'<g{_id("in-", id)} transform="translate(0 {y:g})">{drawing.text}</g>')
        y += drawing.height + 10
        width = max(width, drawing.width)
    look = sheet("colours.css", "picture.css")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" width="{width:g}" height="{y:g}" '
        f'viewBox="0 0 {width:g} {y:g}" role="group" aria-label="How the gradient flows">'
        f"<style>{look}svg{{background:var(--paper)}}</style>{MARKERS}{''.join(body)}</svg>"
    )


def draw(picture: Picture, findings: Sequence[Finding], largest: float | None) -> Drawing:
    """Draw one picture.

    Args:
        picture: what to draw; what is folded links to `#in-` and the box's identifier.
        findings: those that the picture's boxes name.
        largest: the norm that gets the widest line.
    """
    sizes = {box.id: (_width(box), _HEIGHT if box.kind != "port" else 26.0) for box in picture.boxes}
    layout = layered(sizes, [(link.source, link.target) for link in picture.links])
    with_norms = len(picture.links) <= MOST_NORMS
    links = [_link(link, layout, sizes, largest) for link in picture.links]
    norms = _norms(picture, layout, sizes, largest) if with_norms else []
    cuts = [(link.target, _arrival(layout, sizes, link)) for link in picture.links if link.is_cut]
    boxes = [_box(box, layout.centres[box.id], sizes[box.id], findings) for box in picture.boxes]
    opened = {box.id for box in picture.boxes if box.stops}
    said: set[str] = set()
    marks = []
    for box, point in cuts:
        words = "stops inside" if box in opened else "stops here"
        marks.append(_cut(point, "" if box in said else words))
        said.add(box)
    inner = "".join([*links, *norms, *boxes, *marks])
    return Drawing(
        f'<g transform="translate({_MARGIN:g} {_MARGIN:g})">{inner}</g>',
        math.ceil(layout.width + 2 * _MARGIN + 30),
        math.ceil(layout.height + 2 * _MARGIN),
        tuple((box, (x + _MARGIN, y + _MARGIN)) for box, (x, y) in cuts),
    )


def largest_norm(picture: Picture) -> float | None:
    """The largest norm on any link of a picture or of what is folded in it."""
    pictures = [picture, *(inner for _, inner in all_pictures(picture))]
    return max((link.norm for each in pictures for link in each.links if link.norm), default=None)


def legend() -> str:
    """What the lines mean, as SVG elements."""
    parts = []
    entries = (
        (GradientState.FINITE, 5.0, "gradient (wider: larger)"),
        (GradientState.ZERO, 2.0, "exactly zero"),
        (GradientState.ABSENT, 2.0, "no gradient"),
        (GradientState.NONFINITE, 3.0, "NaN or infinite"),
        (GradientState.NOT_APPLICABLE, 2.0, "integers"),
    )
    for index, (state, width, text) in enumerate(entries):
        x, y = _MARGIN + index % 3 * 165, 14 + index // 3 * 24
        parts.append(
            f'<path class="link {CLASS[state]}" stroke-width="{width:g}" d="M{x:g} {y}h28"/>'
            f'<text class="small" x="{x + 34:g}" y="{y}">{text}</text>'
        )
    x = _MARGIN + 330
    parts.append(f'{_cut((x + 14, 38.0), "")}<text class="small" x="{x + 34:g}" y="38">stops here</text>')
    return "".join(parts)


def shown(text: str, width: int = 60) -> str:
    """A name from the model, safe inside an element or an attribute."""
    return escape(name(text, width))


def described(box: Box, findings: Sequence[Finding]) -> str:
    """A box in words, for who cannot see it or points at it."""
    kind = {"unused": "layer", "chain": "layers", "port": "outside", "op": "operation"}.get(box.kind, box.kind)
    parts = [f"{kind} {printable(box.path or box.label)}"]
    if box.about and box.kind != "port":
        parts.append(printable(box.about))
    if box.kind not in ("loss", "port"):
        norm = "" if box.norm is None else f", norm {norm_text(box.norm)}"
        parts.append(f"gradient: {WORD[box.gradient]}{norm}")
    for state, number in box.variables.items():
        parts.append(f"{count(number, 'variable')}: {WORD[state]}")
    if box.stops:
        parts.append("the gradient stops inside")
    parts += [f"{findings[index].code} {findings[index].name}" for index in box.findings]
    if box.inside is not None:
        parts.append("click to open")
    return "; ".join(parts)


def _box(box: Box, centre: Point, size: tuple[float, float], findings: Sequence[Finding]) -> str:
    width, height = size
    left, top = centre[0] - width / 2, centre[1] - height / 2
    frame = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:g}" rx="{_radius(box)}"'
    classes = ["box", box.kind, CLASS[box.gradient]]
    classes += ["folded"] * (box.inside is not None) + ["stops"] * box.stops
    parts = [f"<title>{escape(described(box, findings))}</title>"]
    if box.inside is not None:
        parts.append(
            f'<rect class="behind" x="{left + 4:.1f}" y="{top + 4:.1f}" width="{width:.1f}" height="{height:g}" '
            f'rx="{_radius(box)}"/>'
        )
    parts.append(f'<rect class="frame" {frame}/>')
    label = _label(box)
    if box.kind == "port":
        parts.append(f'<text class="small" x="{centre[0]:.1f}" y="{centre[1]:.1f}" text-anchor="middle">{label}</text>')
    else:
        second = _second(box)
        y = top + (14 if second else height / 2)
        fold = "▸ " if box.inside is not None else ""
        parts.append(f'<text class="name" x="{left + 11:.1f}" y="{y:.1f}">{fold}{label}</text>')
        if second:
            parts.append(f'<text class="small about" x="{left + 11:.1f}" y="{top + 30:.1f}">{second}</text>')
    if box.findings:
        parts.append(_badge(box, findings, left + width, top))
    common = f'class="{" ".join(classes)}" id="{box.id}" aria-label="{escape(described(box, findings))}"'
    if box.inside is not None:
        return f'<a {common} href="#in-{box.id}">{"".join(parts)}</a>'
    focus = "" if box.kind == "port" else ' tabindex="0"'
    return f'<g {common}{focus} role="img">{"".join(parts)}</g>'


def _label(box: Box) -> str:
    if box.kind == "chain":
        first, _, last = box.label.partition(" … ")
        return f"{shown(first, _LABEL)} … {shown(last, _LABEL)}"
    prefix = {"input": "input ", "output": "output "}.get(box.kind, "")
    return prefix + shown(box.label, _LABEL)


def _second(box: Box) -> str:
    chips = [
        f'<tspan class="chip {CLASS[state]}">{GLYPH[state]} {number:,}</tspan>'
        for state, number in sorted(box.variables.items(), key=lambda item: list(GradientState).index(item[0]))
    ]
    about = shown(box.about, 44) if box.about else ""
    return " ".join(part for part in (about, *chips) if part)


def _badge(box: Box, findings: Sequence[Finding], right: float, top: float) -> str:
    worst = max((findings[index] for index in box.findings), key=lambda finding: finding.severity.order)
    codes = list(dict.fromkeys(findings[index].code for index in box.findings))
    text = codes[0] if len(codes) == 1 else f"{worst.code} +{len(codes) - 1}"
    width = 7 * len(text) + 10
    return (
        f'<g class="badge {worst.severity.value}"><rect x="{right - width + 8:.1f}" y="{top - 9:.1f}" '
        f'width="{width}" height="17" rx="8"/><text x="{right - width / 2 + 8:.1f}" y="{top - 0.5:.1f}" '
        f'text-anchor="middle">{shown(text, 16)}</text></g>'
    )


def _link(
    link: Link,
    layout: Layout,
    sizes: Mapping[str, tuple[float, float]],
    largest: float | None,
) -> str:
    points = layout.routes[link.source, link.target]
    state = CLASS[link.gradient]
    path = curve(points, sizes[link.source][1] / 2, sizes[link.target][1] / 2 + 7)
    return (
        f'<path class="link {state}" stroke-width="{_stroke(link, largest):.1f}" marker-end="url(#to-{state})" '
        f'd="{path}"/>'
    )


def _norms(
    picture: Picture, layout: Layout, sizes: Mapping[str, tuple[float, float]], largest: float | None
) -> Iterable[str]:
    """The norms of what leaves each box, below it and beside the arrows, none of which it may cut."""
    leaving: dict[str, list[Link]] = {}
    for link in picture.links:
        if link.norm is not None and not link.is_cut:
            leaving.setdefault(link.source, []).append(link)
    for source, links in leaving.items():
        x, y = layout.centres[source]
        bends = [layout.routes[source, link.target][1][0] - x for link in links]
        side = max(_stroke(link, largest) for link in links) / 2 + 5
        norm = max(link.norm or 0.0 for link in links)
        below = y + sizes[source][1] / 2 + 11
        if max(bends) > 1 and min(bends) < -1 and not any(-1 <= bend <= 1 for bend in bends):
            anchor, at, below = "middle", x, below + 15  # between the arrows that part
        elif max(bends) > 1:
            anchor, at = "end", x - side
        else:
            anchor, at = "start", x + side
        yield f'<text class="norm" x="{at:.1f}" y="{below:.1f}" text-anchor="{anchor}">{norm_text(norm)}</text>'


def _stroke(link: Link, largest: float | None) -> float:
    if not link.norm or not largest:
        return 2.0
    decades = min(math.log10(largest / link.norm), SCALE)
    return _WIDEST - (_WIDEST - _THINNEST) * decades / SCALE


def _arrival(layout: Layout, sizes: Mapping[str, tuple[float, float]], link: Link) -> Point:
    """A point on a link in the gap above its target."""
    way = layout.routes[link.source, link.target]
    (x, y), (last_x, last_y) = way[-2], way[-1]
    begin = y + sizes[link.source][1] / 2 if len(way) == 2 else y
    end = last_y - sizes[link.target][1] / 2
    return (x + last_x) / 2, (begin + end) / 2


def _cut(point: Point, text: str = "stops here") -> str:
    x, y = point
    words = f'<text x="{x + 14:.1f}" y="{y:.1f}">{text}</text>' if text else ""
    return (
        f'<g class="cut"><circle cx="{x:.1f}" cy="{y:.1f}" r="9"/>'
        f'<path d="M{x - 3.5:.1f} {y - 3.5:.1f}l7 7m0 -7l-7 7"/>{words}</g>'
    )


def _width(box: Box) -> float:
    label = _plain(_label(box))
    second = 5.9 * len(box.about[:44]) + sum(14 + 7 * len(f"{number:,}") + 8 for number in box.variables.values())
    first = sum(12.0 if unicodedata.east_asian_width(c) in "WF" else 7.3 for c in label)
    return min(2.0 * math.ceil(max(first + (16 if box.inside is not None else 0), second, 60.0) / 2 + 12), 420.0)


def _plain(markup: str) -> str:
    # An entity is one character on the screen.
    return markup.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')


def _radius(box: Box) -> int:
    return {"input": 20, "output": 20, "loss": 20, "port": 13, "op": 2}.get(box.kind, 7)


def _id(prefix: str, id: str) -> str:
    return f' id="{prefix}{id}"' if id else ""


def _markers(states: Iterable[str]) -> str:
    heads = "".join(
        f'<marker id="to-{state}" markerUnits="userSpaceOnUse" markerWidth="12" markerHeight="12" refX="2" refY="6" '
        f'orient="auto"><path class="head {state}" d="M0 1L10 6L0 11z"/></marker>'
        for state in states
    )
    return f"<defs>{heads}</defs>"


MARKERS = _markers(dict.fromkeys(CLASS.values()))
"""The heads of the arrows, once a document."""
