"""Where the boxes of a picture go: layers from top to bottom, with few crossings.

The layout is grandalf's (Sugiyama with dummy nodes, crossing reduction and the coordinates of Brandes and Köpf):
pure Python, small, and used under its Eclipse licence. Of what else draws layered graphs, Graphviz is no Python
package, igraph (GPL) and fast-sugiyama (Python 3.11 and later) are compiled, and networkx has layers but neither
reduces crossings nor leads edges around boxes. This module is the only one that knows grandalf.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Point = tuple[float, float]

COLUMN_GAP = 22.0
ROW_GAP = 38.0
_ROUNDS = 8
"""Sweeps that reduce crossings."""
_STEPS = 20
"""Points on the way from one bend to the next: they lie closer together than a line of letters is high."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions in pixels, with the origin at the top left.

    Attributes:
        centres: the middle of each box.
        routes: for each edge the points it passes, from the middle of its source to that of its target.
    """

    centres: Mapping[str, Point]
    routes: Mapping[tuple[str, str], tuple[Point, ...]]
    width: float
    height: float


@dataclass(slots=True)
class _View:
    """What grandalf asks of a box: its size, and a place to write its centre to."""

    w: float
    h: float
    xy: Point = (0.0, 0.0)


def layered(sizes: Mapping[str, tuple[float, float]], edges: Iterable[tuple[str, str]]) -> Layout:
    """Boxes in layers, each below all that lead to it; parts that are not connected stand side by side.

    Args:
        sizes: width and height of each box.
        edges: pairs of different boxes.
    """
    from grandalf.graphs import Edge, Graph, Vertex
    from grandalf.layouts import SugiyamaLayout

    vertices = {}
    for box, size in sizes.items():
        vertices[box] = Vertex(box)
        vertices[box].view = _View(*size)
    graph = Graph(list(vertices.values()), [Edge(vertices[source], vertices[target]) for source, target in edges])
    centres: dict[str, Point] = {}
    routes: dict[tuple[str, str], tuple[Point, ...]] = {}
    left = height = 0.0
    for part in graph.C:
        sugiyama = SugiyamaLayout(part)
        sugiyama.xspace, sugiyama.yspace = COLUMN_GAP, ROW_GAP
        sugiyama.init_all()
        sugiyama.draw(_ROUNDS)
        boxes = list(part.sV)
        dummies = {
            edge: [sugiyama.ctrls[edge][rank].view.xy for rank in sorted(sugiyama.ctrls[edge])[1:-1]]
            for edge in part.sE
            if edge in sugiyama.ctrls
        }
        xs = [box.view.xy[0] - box.view.w / 2 for box in boxes] + [x for way in dummies.values() for x, _ in way]
        top = min(box.view.xy[1] - box.view.h / 2 for box in boxes)
        shift = left - min(xs)
        right = left
        for box in boxes:
            x, y = box.view.xy
            centres[box.data] = _point(x + shift, y - top)
            right = max(right, x + shift + box.view.w / 2)
            height = max(height, y - top + box.view.h / 2)
        for edge in part.sE:
            source, target = edge.v[0].data, edge.v[1].data
            way = [_point(x + shift, y - top) for x, y in dummies.get(edge, [])]
            # grandalf turns an edge of a cycle round; its points are then in the order of the ranks.
            if centres[source][1] > centres[target][1]:
                way.reverse()
            routes[source, target] = (centres[source], *way, centres[target])
            right = max([right, *(x for x, _ in way)])
        left = right + 2 * COLUMN_GAP
    return Layout(centres, routes, max(left - 2 * COLUMN_GAP, 0.0), height)


def _point(x: float, y: float) -> Point:
    # Python 3.12 sums floats more exactly than those before it: the last bits must not decide which way to round.
    return float(round(round(x, 3))), float(round(round(y, 3)))


def along(points: tuple[Point, ...], start: float, end: float) -> Iterator[Point]:
    """Points close to one another on the path that `curve` writes."""
    for (x, y), (to_x, to_y) in pairwise(_way(points, start, end)):
        for step in range(_STEPS + 1):
            t = step / _STEPS
            # Bézier's cubic, whose second and third points stand in the middle, above and below its ends.
            turned, middle = t * t * (3 - 2 * t), 3 * t * (1 - t) / 2
            yield x + (to_x - x) * turned, y * (1 - t) ** 3 + to_y * t**3 + (y + to_y) * middle


def curve(points: tuple[Point, ...], start: float, end: float) -> str:
    """A smooth SVG path that leaves and arrives vertically.

    Args:
        points: as in `Layout.routes`.
        start: where it leaves the source, below its middle.
        end: where it arrives at the target, above its middle.
    """
    way = _way(points, start, end)
    parts = [f"M{_number(way[0][0])} {_number(way[0][1])}"]
    for (x, y), (to_x, to_y) in pairwise(way):
        if x == to_x:
            parts.append(f"V{_number(to_y)}")
            continue
        middle = (y + to_y) / 2
        numbers = " ".join(_number(value) for value in (x, middle, to_x, middle, to_x, to_y))
        parts.append(f"C{numbers}")
    return "".join(parts)


def _way(points: tuple[Point, ...], start: float, end: float) -> list[Point]:
    (x, y), (last_x, last_y) = points[0], points[-1]
    return [(x, y + start), *points[1:-1], (last_x, last_y - end)]


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
