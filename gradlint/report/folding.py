"""Big pictures made small: inputs that fare alike, chains and blocks with nothing to tell as one box each."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.report.picture import Box, Link, Picture, total_norm
from gradlint.result import stronger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gradlint.result import GradientState

MOST_BOXES = 40
"""A picture of more boxes than this has its chains, and then its blocks, folded."""
MOST_INPUTS = 8
"""More inputs than this that feed the same boxes, and fare alike, are one box."""


def in_order(picture: Picture) -> Picture:
    """The boxes in the order of the forward pass: each after all that lead to it, else as they were."""
    import networkx as nx

    position = {box.id: index for index, box in enumerate(picture.boxes)}
    order: nx.DiGraph[str] = nx.DiGraph()
    order.add_nodes_from(position)
    order.add_edges_from((link.source, link.target) for link in picture.links)
    boxes = {box.id: box for box in picture.boxes}
    ids = nx.lexicographical_topological_sort(order, key=position.__getitem__)
    return replace(picture, boxes=tuple(boxes[id] for id in ids))


def inputs_together(picture: Picture) -> Picture:
    """Inputs that feed the same boxes and fare alike as one box, when there are many."""
    boxes, links = picture.boxes, picture.links
    alike: dict[tuple[object, ...], list[Box]] = {}
    for box in boxes:
        if box.kind == "input" and not box.findings:
            targets = frozenset((link.target, link.is_cut) for link in links if link.source == box.id)
            alike.setdefault((box.gradient, targets), []).append(box)
    folded = {box.id: group[0] for group in alike.values() if len(group) > MOST_INPUTS for box in group}
    if not folded:
        return picture
    sizes = Counter(box.id for box in folded.values())
    kept = tuple(
        replace(
            box,
            label=f"{sizes[box.id]:,} inputs",
            about=f"{box.label} and {sizes[box.id] - 1:,} more",
            norm=total_norm(other.norm for other in boxes if folded.get(other.id) is box),
        )
        if box.id in sizes
        else box
        for box in boxes
        if box.id not in folded or box.id in sizes
    )
    return Picture(kept, tuple(link for link in links if link.source not in folded or link.source in sizes))


def shortened(picture: Picture, ids: Iterable[str]) -> Picture:
    """The picture with what has nothing to tell folded: first chains, then blocks that only one box leads out of."""
    fresh = iter(ids)
    picture = _folded(picture, _chains(picture), fresh)
    return _folded(picture, _blocks(picture), fresh) if len(picture.boxes) > MOST_BOXES else picture


def _quiet(picture: Picture) -> set[str]:
    """Layers and operations without findings and cuts."""
    loud = {end for link in picture.links if link.is_cut for end in (link.source, link.target)}
    return {
        box.id
        for box in picture.boxes
        if box.kind in ("layer", "op", "chain") and not (box.findings or box.stops or box.id in loud)
    }


def _chains(picture: Picture) -> list[list[str]]:
    """Runs of boxes with one way in and one way out; a long run in pieces, so that the strength shows on the way."""
    quiet = _quiet(picture)
    leaving = Counter(link.source for link in picture.links)
    entering = Counter(link.target for link in picture.links)
    follows = {
        link.source: link.target
        for link in picture.links
        if leaving[link.source] == entering[link.target] == 1 and {link.source, link.target} <= quiet
    }
    followers = set(follows.values())
    most = max(10, math.ceil(len(picture.boxes) / MOST_BOXES))
    chains = []
    for box in picture.boxes:
        if box.id in follows and box.id not in followers:
            run = [box.id]
            while run[-1] in follows:
                run.append(follows[run[-1]])
            chains += _pieces(run, most)
    return chains


def _blocks(picture: Picture) -> list[list[str]]:
    """Stretches of boxes that all ways lead through: each is entered from one box, and left from its last one."""
    order = [box.id for box in picture.boxes]
    position = {id: index for index, id in enumerate(order)}
    reach = list(range(len(order)))
    for link in picture.links:
        reach[position[link.source]] = max(reach[position[link.source]], position[link.target])
    quiet = _quiet(picture)
    most = max(4, math.ceil(2 * len(order) / MOST_BOXES))
    blocks: list[list[str]] = []
    section: list[str] = []
    block: list[str] = []
    farthest = 0
    for index, id in enumerate(order):
        section.append(id)
        if farthest <= index:  # nothing before this box leads past it
            if set(section) <= quiet and len(block) + len(section) <= max(most, len(section)):
                block += section
            else:
                blocks.append(block)
                block = section if set(section) <= quiet else []
            section = []
        farthest = max(farthest, reach[index])
    return [each for each in (*blocks, block) if len(each) > 1]


def _pieces(run: list[str], most: int) -> list[list[str]]:
    length = math.ceil(len(run) / math.ceil(len(run) / most))
    return [run[begin : begin + length] for begin in range(0, len(run), length) if begin + 1 < len(run)]


def _folded(picture: Picture, stretches: Iterable[Sequence[str]], fresh: Iterator[str]) -> Picture:
    """Each stretch of boxes as one box."""
    boxes = {box.id: box for box in picture.boxes}
    home: dict[str, str] = {}
    folds: dict[str, Box] = {}
    for stretch in stretches:
        folds[stretch[0]] = _fold([boxes[id] for id in stretch], picture, fresh)
        home.update((id, folds[stretch[0]].id) for id in stretch)
    merged: dict[tuple[str, str], list[Link]] = {}
    for link in picture.links:
        source, target = home.get(link.source, link.source), home.get(link.target, link.target)
        if source != target:
            merged.setdefault((source, target), []).append(link)
    return Picture(
        tuple(folds.get(box.id, box) for box in picture.boxes if box.id in folds or box.id not in home),
        tuple(_together(source, target, links) for (source, target), links in merged.items()),
    )


def _together(source: str, target: str, links: Sequence[Link]) -> Link:
    # Several ways out of one box carry one and the same tensor.
    norms = {link.source: link.norm for link in links if link.norm is not None}
    state = stronger(link.gradient for link in links)
    return Link(source, target, state, total_norm(norms.values()), any(link.is_cut for link in links))


def _fold(boxes: Sequence[Box], picture: Picture, fresh: Iterator[str]) -> Box:
    members = {box.id for box in boxes}
    before = Box(next(fresh), "port", "before", about="from outside")
    after = Box(next(fresh), "port", "after", about="to outside")
    inner: list[Link] = []
    entering: dict[str, list[Link]] = {}
    leaving: dict[str, list[Link]] = {}
    for link in picture.links:
        if link.source in members and link.target in members:
            inner.append(link)
        elif link.target in members:
            entering.setdefault(link.target, []).append(link)
        elif link.source in members:
            leaving.setdefault(link.source, []).append(link)
    inner += [_together(before.id, target, links) for target, links in entering.items()]
    inner += [_together(source, after.id, links[:1]) for source, links in leaving.items()]
    variables: Counter[GradientState] = Counter()
    for box in boxes:
        variables.update(box.variables)
    last = boxes[-1]
    return Box(
        next(fresh),
        "chain",
        f"{boxes[0].label.partition(' … ')[0]} … {last.label.rpartition(' … ')[2]}",
        about=f"{sum(map(_layers_of, boxes))} layers",
        gradient=last.gradient,
        norm=last.norm,
        variables=dict(variables),
        inside=Picture((*[before] * bool(entering), *boxes, *[after] * bool(leaving)), tuple(inner)),
    )


def _layers_of(box: Box) -> int:
    if box.kind != "chain" or box.inside is None:
        return 1
    return sum(_layers_of(inner) for inner in box.inside.boxes if inner.kind != "port")
