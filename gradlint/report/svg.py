"""The picture of the layers as SVG: which way the gradient comes, how strong, and where it stops.

Arrows point the way of the forward pass; colour, dashes and width tell of the gradient that comes back along
them. What is folded has a picture of its own, in a file below the first one. No script, and nothing to fetch.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.report.layers import layer_picture
from gradlint.report.layout import along, curve, layered
from gradlint.report.outgoing import printable
from gradlint.report.picture import all_pictures
from gradlint.report.template import macro, markup, sheet
from gradlint.report.text import count, name, norm_text
from gradlint.report.words import CLASS, GLYPH, WORD
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import networkx as nx
    from markupsafe import Markup

    from gradlint.finding import Finding
    from gradlint.report.layout import Layout, Point
    from gradlint.report.picture import Box, Link, Picture

MOST_NORMS = 70
"""A picture of more links than this has no numbers on them."""
SCALE = 6
"""Orders of magnitude, down from the largest norm, that the width of a link tells apart."""
LEGEND_WIDTH, LEGEND_HEIGHT = 500.0, 52.0
_LABEL = 30
_ROUND = ("input", "output", "loss")
_HEIGHT = 42.0
_MARGIN = 24.0
_DIGIT = 6.2
_WIDEST, _THINNEST = 7.0, 1.2
_TEMPLATE = "picture.svg.jinja"

View = dict[str, object]
"""What a template is given for one thing that is drawn."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture as SVG elements, without the `<svg>` around them."""

    text: Markup
    width: float
    height: float
    cuts: tuple[tuple[str, Point], ...]
    """The box at which each cut is, and where."""


STATES = tuple(dict.fromkeys(CLASS.values()))
"""The classes of states, each of which has a head of an arrow: once a document."""


def render(graph: nx.DiGraph[object], findings: Sequence[Finding] = (), *, with_folds: bool = True) -> str:
    """A whole SVG file: a legend, the picture of the model, and below it those of what is folded, if wanted."""
    picture = layer_picture(graph, findings)
    largest = largest_norm(picture)
    titled = [("", "", draw(picture, findings, largest))]
    # What stops the gradient is shown in any case.
    inside = [(box, inner) for box, inner in all_pictures(picture) if with_folds or box.stops]
    titled += [(box.id, box.path or box.label, draw(inner, findings, largest)) for box, inner in inside]
    parts: list[View] = []
    y, width = LEGEND_HEIGHT + 6, LEGEND_WIDTH
    for id, title, drawing in titled:
        y += 30 if title else 0
        parts.append({"box": id, "title": name(title, 80) if title else "", "y": y, "drawn": drawing.text})
        y += drawing.height + 10
        width = max(width, drawing.width)
    look = markup(sheet("colours.css", "picture.css"))
    return str(macro(_TEMPLATE, "whole")(width, y, look, STATES, _legend(), parts, _MARGIN))


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
    norms = list(_norms(picture, layout, sizes, largest)) if with_norms else []
    cuts = [(link.target, _arrival(layout, sizes, link)) for link in picture.links if link.is_cut]
    boxes = [_box(box, layout.centres[box.id], sizes[box.id], findings) for box in picture.boxes]
    opened = {box.id for box in picture.boxes if box.stops}
    said: set[str] = set()
    marks = []
    for box, point in cuts:
        words = "stops inside" if box in opened else "stops here"
        marks.append(_cut(point, "" if box in said else words))
        said.add(box)
    return Drawing(
        macro(_TEMPLATE, "drawing")(_MARGIN, links, norms, boxes, marks),
        math.ceil(layout.width + 2 * _MARGIN + 30),
        math.ceil(layout.height + 2 * _MARGIN),
        tuple((box, (x + _MARGIN, y + _MARGIN)) for box, (x, y) in cuts),
    )


def largest_norm(picture: Picture) -> float | None:
    """The largest norm on any link of a picture or of what is folded in it."""
    pictures = [picture, *(inner for _, inner in all_pictures(picture))]
    return max((link.norm for each in pictures for link in each.links if link.norm), default=None)


def legend() -> Markup:
    """What the lines mean, as an SVG element of its own."""
    return macro(_TEMPLATE, "alone")(LEGEND_WIDTH, LEGEND_HEIGHT, STATES, _legend())


def _legend() -> Markup:
    entries = (
        (GradientState.FINITE, 5.0, "gradient (wider: larger)"),
        (GradientState.ZERO, 2.0, "exactly zero"),
        (GradientState.ABSENT, 2.0, "no gradient"),
        (GradientState.NONFINITE, 3.0, "NaN or infinite"),
        (GradientState.NOT_APPLICABLE, 2.0, "integers"),
    )
    shown = [
        {"look": CLASS[state], "stroke": width, "text": text, "x": _MARGIN + at % 3 * 165, "y": 14 + at // 3 * 24}
        for at, (state, width, text) in enumerate(entries)
    ]
    return macro(_TEMPLATE, "legend")(shown, _cut((_MARGIN + 344, 38.0)))


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


def _box(box: Box, centre: Point, size: tuple[float, float], findings: Sequence[Finding]) -> View:
    width, height = size
    left, top = centre[0] - width / 2, centre[1] - height / 2
    is_folded = box.inside is not None
    classes = ["box", box.kind, CLASS[box.gradient], *["folded"] * is_folded, *["stops"] * box.stops]
    view: View = {
        "id": box.id,
        "look": " ".join(classes),
        "described": described(box, findings),
        "is_folded": is_folded,
        "is_port": box.kind == "port",
        "left": left,
        "top": top - 4,  # above a name that fills its box
        "width": width,
        "height": height,
        "radius": 20 if box.kind in _ROUND else {"port": 13, "op": 2}.get(box.kind, 7),
        "indent": 17 if box.kind in _ROUND else 11,
        "label": _label(box),
        "about": name(box.about, 44) if box.about else "",
        "chips": _chips(box),
        "badge": _badge(box, findings, left + width, top) if box.findings else None,
    }
    return view | {"line": top + (14 if view["about"] or view["chips"] else height / 2)}


def _label(box: Box) -> str:
    if box.kind == "chain":
        first, _, last = box.label.partition(" … ")
        return f"{name(first, _LABEL)} … {name(last, _LABEL)}"
    says_itself = box.kind not in ("input", "output") or box.label.startswith(box.kind)  # "output 0", "input_layer"
    return name(box.label, _LABEL) if says_itself else f"{box.kind} {name(box.label, _LABEL)}"


def _chips(box: Box) -> list[View]:
    states = list(GradientState)
    return [
        {"look": CLASS[state], "text": f"{GLYPH[state]} {number:,}"}
        for state, number in sorted(box.variables.items(), key=lambda item: states.index(item[0]))
    ]


def _badge(box: Box, findings: Sequence[Finding], right: float, top: float) -> View:
    worst = max((findings[index] for index in box.findings), key=lambda finding: finding.severity.order)
    codes = list(dict.fromkeys(findings[index].code for index in box.findings))
    text = codes[0] if len(codes) == 1 else f"{worst.code} +{len(codes) - 1}"
    width = 7 * len(text) + 10
    return {
        "look": worst.severity.value,
        "text": name(text, 16),
        "left": right - width + 8,
        "middle": right - width / 2 + 8,
        "top": top - 3,  # above the letters of a narrow box
        "width": width,
    }


def _link(
    link: Link,
    layout: Layout,
    sizes: Mapping[str, tuple[float, float]],
    largest: float | None,
) -> View:
    points = layout.routes[link.source, link.target]
    way = curve(points, sizes[link.source][1] / 2, sizes[link.target][1] / 2 + 7)
    return {"look": CLASS[link.gradient], "stroke": _stroke(link, largest), "way": way}


def _norms(
    picture: Picture, layout: Layout, sizes: Mapping[str, tuple[float, float]], largest: float | None
) -> Iterator[View]:
    """The norms of what leaves each box, below it and beside the arrows; none where it would cut one."""
    ways = [
        along(layout.routes[each.source, each.target], sizes[each.source][1] / 2, sizes[each.target][1] / 2)
        for each in picture.links
    ]
    inked = [point for way in ways for point in way]
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
        text = norm_text(norm)
        width = _DIGIT * len(text)
        places = [("end", x - side, x - side - width), ("start", x + side, x + side)]
        if max(bends) <= 1:
            places.reverse()
        between = ("middle", x, x - width / 2)  # the arrows that part
        rows = [(place, below + down) for down in (0, 6) for place in places]
        for (anchor, at, left), y in [*rows, *((between, below + down) for down in (15, 20))]:
            if not any(left < px < left + width and abs(py - y) < 6 for px, py in inked):
                yield {"x": at, "y": y, "anchor": anchor, "text": text}
                break


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


def _cut(point: Point, words: str = "") -> View:
    return {"x": point[0], "y": point[1], "words": words}


def _width(box: Box) -> float:
    label = _label(box)
    second = 5.9 * len(box.about[:44]) + sum(14 + 7 * len(f"{number:,}") + 8 for number in box.variables.values())
    first = sum(12.0 if unicodedata.east_asian_width(c) in "WF" else 7.3 for c in label)
    first += 12 if box.kind in _ROUND else 0
    return min(2.0 * math.ceil(max(first + (16 if box.inside is not None else 0), second, 60.0) / 2 + 12), 420.0)
