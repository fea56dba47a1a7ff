"""The graph of operations, folded into layers: what a picture of the model shows.

Each picture shows one model or layer from the inside; what has an inside of its own is one box in it. A layer
whose code is called, left and called again is drawn once a visit, so that a picture never has a cycle.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from typing import TYPE_CHECKING

from gradlint.report.folding import MOST_BOXES, in_order, inputs_together, shortened
from gradlint.report.picture import Box, Link, Picture, total_norm
from gradlint.result import STREAMS, GradientState, Streams, Tie, stronger

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence, Set

    import networkx as nx

    from gradlint.finding import Finding


_COMPILED = ("compile_loss",)
"""Where Keras's own loss of a compiled model runs, as the first part of a layer's path."""


def layer_picture(graph: nx.DiGraph[object], findings: Sequence[Finding] = ()) -> Picture:
    """The model as seen from outside; sub-models, and layers in which the gradient stops, have an inside.

    Args:
        graph: as in `Result.graph`, with its `Streams`.
        findings: mark the boxes that hold their causes.
    """
    if not graph:
        return Picture((), ())
    return _Folder(graph, graph.graph[STREAMS], findings).picture()


def layer_parts(path: str) -> tuple[str, ...]:
    """The names on a layer's path; `a/b/a/b/c`, as Keras writes for layers built by their owner, is `a/b/c`."""
    parts: list[str] = []
    rest = [part for part in path.split("/") if part]
    while rest:
        for size in range(min(len(parts), len(rest)), 0, -1):
            if parts[-size:] == rest[:size]:
                del rest[:size]
                break
        else:
            parts.append(rest.pop(0))
    return tuple(parts)


@dataclass(slots=True)
class _Group:
    """The nodes that become one box."""

    id: str
    key: str
    members: list[Hashable] = field(default_factory=list)


class _Folder:
    """One graph on its way to a picture."""

    def __init__(self, graph: nx.DiGraph[object], streams: Streams, findings: Sequence[Finding]) -> None:
        self.graph = graph
        self.findings = findings
        self.ids = (f"b{number}" for number in count())
        self.kind = {node: str(data.get("kind")) for node, data in graph.nodes(data=True)}
        self.parts = {
            node: layer_parts(str(data.get("layer") or ""))
            for node, data in graph.nodes(data=True)
            if data.get("kind") == "op" and node in streams.arriving
        }
        self.streams = streams
        self.causes = [layer_parts(finding.cause.layer or "") for finding in findings]
        self.root = self._without_root()
        self.outgoing: dict[Hashable, list[Tie]] = {}
        self.incoming: dict[Hashable, list[Tie]] = {}
        for tie in streams.ties:
            self.outgoing.setdefault(tie.source, []).append(tie)
            self.incoming.setdefault(tie.target, []).append(tie)

    def _without_root(self) -> tuple[str, ...]:
        """Take the name that all layers are under off their paths: it is the model's, which the picture shows inside.

        So it is where a model calls its layers itself (Sequential, subclassed).
        """
        named = {parts for node, parts in self.parts.items() if parts and node not in self.streams.loss}
        root = {parts[:1] for parts in named}
        if len(root) != 1 or all(len(parts) == 1 for parts in named):
            return ()
        (start,) = root
        self.parts = {node: parts[1:] if parts[:1] == start else parts for node, parts in self.parts.items()}
        self.causes = [cause[1:] if cause[:1] == start else cause for cause in self.causes]
        return start

    def _is_drawn(self, node: Hashable) -> bool:
        return self.kind[node] != "op" or node in self.parts

    # -- boxes -----------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The model from outside."""
        members = [node for node, kind in self.kind.items() if kind != "variable" and self._is_drawn(node)]
        return self._with_unused(self._drawn(self._groups(members, 0, by_op=False), 0, by_op=False))

    def _key(self, node: Hashable, depth: int, *, by_op: bool) -> str:
        """Nodes with equal keys may share a box."""
        kind = self.kind[node]
        if depth == 0 and (kind == "loss" or node in self.streams.loss):
            return "loss"
        if kind != "op" or by_op:
            return f"{kind}:{node!r}"
        parts = self.parts[node]
        return f"layer:{parts[depth]}" if len(parts) > depth else "own"

    def _groups(self, members: Sequence[Hashable], depth: int, *, by_op: bool) -> list[_Group]:
        """Members by key; one that would close a cycle begins another group."""
        groups: dict[str, _Group] = {}
        after: dict[str, set[str]] = {}
        latest: dict[str, str] = {}
        home: dict[Hashable, str] = {}
        for node in members:
            key = self._key(node, depth, by_op=by_op)
            sources = {home[tie.source] for tie in self.incoming.get(node, ()) if tie.source in home}
            current = latest.get(key)
            if current is None or (sources - {current} and _reaches(after, current, sources - {current})):
                current = next(self.ids)
                groups[current] = _Group(current, key)
                latest[key] = current
            groups[current].members.append(node)
            home[node] = current
            for source in sources - {current}:
                after.setdefault(source, set()).add(current)
        return list(groups.values())

    def _drawn(self, groups: Sequence[_Group], depth: int, *, by_op: bool) -> Picture:
        home = {node: group.id for group in groups for node in group.members}
        between: dict[tuple[str, str], list[Tie]] = {}
        ports: dict[tuple[bool, str], str] = {}
        boxes: list[Box] = []
        for node in home:
            for tie in self.incoming.get(node, ()):
                if by_op and tie.source not in home and self._reads_variable(tie.source):
                    continue
                source = home.get(tie.source) or self._port(tie.source, ports, boxes, is_source=True, depth=depth)
                if source != home[node]:
                    between.setdefault((source, home[node]), []).append(tie)
            for tie in self.outgoing.get(node, ()):
                if tie.target not in home:
                    target = self._port(tie.target, ports, boxes, is_source=False, depth=depth)
                    between.setdefault((home[node], target), []).append(tie)
        if depth == 0:
            self._lead_through_outputs(between, home)
        arriving = self._arriving(groups, between)
        drawn = [self._box(group, depth, arriving[group.id], by_op=by_op) for group in groups]
        ends = {id for (is_source, _), id in ports.items() if not is_source}
        sources = [box for box in boxes if box.id not in ends]
        sinks = [box for box in boxes if box.id in ends]
        states = {box.id: box.gradient for box in (*drawn, *boxes)}
        links = tuple(
            self._link(source, target, ties, states, target in ends) for (source, target), ties in between.items()
        )
        blocking = {group.id for group in groups if not self.streams.refusing.isdisjoint(group.members)}
        links = self._cuts_at_cause(links, between, blocking)
        outside = {box.id for box in sources}
        links = tuple(
            replace(link, is_cut=False)
            if link.is_cut and link.source in outside and link.target not in blocking and self._is_behind(between, link)
            else link
            for link in links
        )
        picture = in_order(Picture((*sources, *drawn, *sinks), links))
        if depth == 0:
            picture = inputs_together(picture)
        return shortened(picture, self.ids) if len(picture.boxes) > MOST_BOXES else picture

    def _port(
        self,
        node: Hashable,
        ports: dict[tuple[bool, str], str],
        boxes: list[Box],
        *,
        is_source: bool,
        depth: int,
    ) -> str:
        """The box for a neighbour outside of the layer that is drawn."""
        label = self._outside_label(node, depth)
        if (is_source, label) not in ports:
            ports[is_source, label] = next(self.ids)
            boxes.append(
                Box(ports[is_source, label], "port", label, about="from outside" if is_source else "to outside")
            )
        return ports[is_source, label]

    def _outside_label(self, node: Hashable, depth: int) -> str:
        if self.kind[node] != "op":
            return str(self.graph.nodes[node].get("label") or self.kind[node])
        if node in self.streams.loss:
            return "loss"
        return "/".join(self.parts[node][:depth]) or str(self.graph.nodes[node].get("type") or "operation")

    def _lead_through_outputs(self, between: dict[tuple[str, str], list[Tie]], home: Mapping[Hashable, str]) -> None:
        """Draw what the loss takes from an output's layer as taken from the output.

        A loss may read the logits of the layer's last operation: the output itself is then beside the way.
        """
        loss = {home[node] for node in home if self.kind[node] == "loss" or node in self.streams.loss}
        outputs: dict[str, list[Hashable]] = {}
        for node in home:
            if self.kind[node] == "output":
                for tie in self.incoming.get(node, ()):
                    outputs.setdefault(home[tie.source], []).append(node)
        for (source, target), ties in list(between.items()):
            if target not in loss or source not in outputs:
                continue
            makers = {tie.source: node for node in outputs[source] for tie in self.incoming[node]}
            kept = []
            for tie in ties:
                only = outputs[source][0] if len(outputs[source]) == 1 else None
                output = makers.get(tie.source, only)
                if output is None:
                    kept.append(tie)
                    continue
                between.setdefault((home[output], target), []).append(tie)
                way = between[source, home[output]]
                if not any(other is tie for other in way):
                    way.append(tie)
            if kept:
                between[source, target] = kept
            else:
                del between[source, target]
        for node in [
            node for found in outputs.values() for node in found if not self._is_read(home[node], between, loss)
        ]:
            self._lead_through_activation(node, between, home)

    @staticmethod
    def _is_read(box: str, between: Mapping[tuple[str, str], list[Tie]], loss: Set[str]) -> bool:
        return any((box, target) in between for target in loss)

    def _lead_through_activation(
        self, output: Hashable, between: dict[tuple[str, str], list[Tie]], home: Mapping[Hashable, str]
    ) -> None:
        """The same where the last operation is a layer of its own, `Activation("sigmoid")`, beside the way as a whole.

        A compiled loss reads outputs or the logits behind one, and nothing else.
        """
        for made in self.incoming[output]:
            for before in self.incoming.get(made.source, ()):
                logits = before.source
                if any(self.kind[tie.target] == "output" for tie in self.outgoing.get(logits, ())):
                    continue
                read = [tie for tie in self.outgoing.get(logits, ()) if self.parts.get(tie.target, ())[:1] == _COMPILED]
                for target in {home[tie.target] for tie in read}:
                    ties = [tie for tie in between.get((home[logits], target), ()) if tie.source == logits]
                    way = (home[logits], home[made.source], home[output], target)
                    for step in pairwise(way):
                        between.setdefault(step, []).extend(ties)
                    rest = [tie for tie in between.pop((home[logits], target), ()) if tie.source != logits]
                    if rest:
                        between[home[logits], target] = rest

    def _arriving(self, groups: Sequence[_Group], between: Mapping[tuple[str, str], list[Tie]]) -> dict[str, list[Tie]]:
        found: dict[str, list[Tie]] = {group.id: [] for group in groups}
        for (source, _), ties in between.items():
            if source in found:
                found[source] += ties
        return found

    def _box(self, group: _Group, depth: int, arriving: Sequence[Tie], *, by_op: bool) -> Box:
        first = group.members[0]
        data = self.graph.nodes[first]
        kind = self.kind[first]
        state = stronger(tie.gradient for tie in arriving)
        norm = _norm(arriving)
        if group.key == "loss":
            return Box(group.id, "loss", "loss", about=self._ops(group.members), gradient=GradientState.FINITE)
        if kind == "input":
            key = str(data.get("label"))
            marks = tuple(
                index
                for index, finding in enumerate(self.findings)
                if key in finding.inputs and (self.causes[index] or finding.cause.op or key) in (key, (key,))
            )
            own = data.get("norm")
            return Box(
                group.id,
                "input",
                key,
                gradient=GradientState.of(data.get("gradient")),
                norm=float(own) if isinstance(own, (int, float)) else None,
                findings=marks,
            )
        if kind == "output":
            if not arriving:  # no loss reads it: what its layer gets comes some other way
                state = stronger(tie.gradient for tie in self.incoming.get(first, ()))
            about = "" if arriving else "no loss reads it"
            return Box(group.id, "output", str(data.get("label")), about=about, gradient=state, norm=norm)
        if by_op or group.key == "own":
            label = self._ops(group.members)
            marks = self._marks(self.parts[first], group.members, exactly=True)
            about = "operation" if len(group.members) == 1 else "operations"
            return Box(
                group.id,
                "op",
                label,
                "/".join((*self.root, *self.parts[first]) if self.parts[first] else ()),
                about,
                state,
                norm,
                self._variables(group.members),
                marks,
            )
        path = self.parts[first][: depth + 1]
        marks = self._marks(path, group.members, exactly=False)
        inside = self._inside(group, depth + 1, bool(marks))
        about = self._ops(group.members)
        if inside is not None and (number := len(self._sublayers(group.members, depth + 1))):
            about = f"{number} layer{'' if number == 1 else 's'}"
        stops = inside is not None and _has_cut(inside)
        return Box(
            group.id,
            "layer",
            path[-1],
            "/".join((*self.root, *path)),
            about,
            state,
            norm,
            self._variables(group.members),
            marks,
            inside,
            stops,
        )

    def _inside(self, group: _Group, depth: int, marked: bool) -> Picture | None:
        if self._sublayers(group.members, depth):
            groups = self._groups(group.members, depth, by_op=False)
            return self._drawn(groups, depth, by_op=False)
        if len(group.members) > 1 and (marked or self._stops_within(group.members)):
            members = [node for node in group.members if not self._reads_variable(node)]
            return self._drawn(self._groups(members, depth, by_op=True), depth, by_op=True)
        return None

    def _reads_variable(self, node: Hashable) -> bool:
        return bool(self.graph.nodes[node].get("type") == "ReadVariableOp")

    def _sublayers(self, members: Iterable[Hashable], depth: int) -> set[str]:
        return {self.parts[node][depth] for node in members if len(self.parts[node]) > depth}

    def _stops_within(self, members: Sequence[Hashable]) -> bool:
        streams = self.streams
        return not streams.refusing.isdisjoint(members) or any(
            tie.source in streams.starved
            and tie.source not in streams.unseen
            and streams.arriving[tie.source].rank < streams.arriving[node].rank
            for node in members
            for tie in self.incoming.get(node, ())
        )

    def _marks(self, path: tuple[str, ...], members: Iterable[Hashable], *, exactly: bool) -> tuple[int, ...]:
        types = {self.graph.nodes[node].get("type") for node in members} if exactly else set()
        return tuple(
            index
            for index, cause in enumerate(self.causes)
            if (cause == path and self.findings[index].cause.op in types if exactly else cause[: len(path)] == path)
            and (cause or self.findings[index].cause.op in types)
        )

    def _ops(self, members: Iterable[Hashable]) -> str:
        """The types of operations, most frequent first; reading a variable is none that people think of."""
        types = Counter(str(self.graph.nodes[node].get("type") or "") for node in members)
        names = [name for name, _ in types.most_common() if name and name != "ReadVariableOp"]
        more = f" +{len(names) - 3}" if len(names) > 3 else ""
        return ", ".join(names[:3]) + more

    def _variables(self, members: Iterable[Hashable]) -> dict[GradientState, int]:
        own = {
            source
            for node in members
            for source in self.graph.pred[node]
            if self.kind[source] == "variable" and self.graph.nodes[source].get("trainable") is not False
        }
        # In an order of its own: that of a set changes from process to process.
        return dict(
            sorted(Counter(GradientState.of(self.graph.nodes[variable].get("gradient")) for variable in own).items())
        )

    def _link(
        self, source: str, target: str, ties: Sequence[Tie], states: Mapping[str, GradientState], leaves: bool
    ) -> Link:
        state = stronger(tie.gradient for tie in ties)
        beyond = state if leaves else states[target]
        best = max(state.rank, states[source].rank)
        starved = any(tie.source in self.streams.starved for tie in ties)
        return Link(source, target, state, _norm(ties), is_cut=starved and best < beyond.rank)

    def _cuts_at_cause(
        self,
        links: tuple[Link, ...],
        between: Mapping[tuple[str, str], Sequence[Tie]],
        blocking: set[str],
    ) -> tuple[Link, ...]:
        """Move a cut back to the box in which an operation hands nothing on, when that comes earlier.

        What is computed from such an operation alone the tape does not see either, so the first tensor that has
        a gradient again may come much later than the operation to look at.
        """
        before: dict[str, list[Link]] = {}
        for link in links:
            starved = any(tie.source in self.streams.starved for tie in between[link.source, link.target])
            if starved and link.gradient is not GradientState.NOT_APPLICABLE:
                before.setdefault(link.target, []).append(link)
        behind: dict[str, set[str]] = {}
        for source, target in between:
            behind.setdefault(target, set()).add(source)
        moved: dict[Link, list[Link]] = {}
        for cut in (link for link in links if link.is_cut and link.target not in blocking):
            seen = {cut.source}
            queue = [cut.source]
            while queue:
                box = queue.pop()
                if box in blocking and box in before:
                    moved.setdefault(cut, []).extend(before[box])
                    continue
                queue += behind.get(box, set()) - seen
                seen |= behind.get(box, set())
        marked = {link for found in moved.values() for link in found}
        return tuple(
            replace(link, is_cut=True) if link in marked else replace(link, is_cut=link.is_cut and link not in moved)
            for link in links
        )

    def _is_behind(self, between: Mapping[tuple[str, str], Sequence[Tie]], link: Link) -> bool:
        """Whether all that goes without along a link was refused a gradient before."""
        ties = [tie for tie in between[link.source, link.target] if tie.source in self.streams.starved]
        return all(tie.source in self.streams.unseen for tie in ties)

    def _with_unused(self, picture: Picture) -> Picture:
        """Add a box for each layer whose trainable variables nothing reads."""
        unread: dict[str, list[Hashable]] = {}
        for node, kind in self.kind.items():
            if kind == "variable" and not self.graph.adj[node] and _is_trainable(self.graph.nodes[node]):
                parts = layer_parts(str(self.graph.nodes[node].get("label")).rpartition("/")[0])
                inner = parts[1:] if parts[:1] == self.root else parts
                unread.setdefault((*inner, "variables")[0], []).append(node)
        boxes = []
        for owner, nodes in unread.items():
            states = Counter(GradientState.of(self.graph.nodes[node].get("gradient")) for node in nodes)
            named = {str(self.graph.nodes[node].get("label")) for node in nodes}
            marks = tuple(i for i, finding in enumerate(self.findings) if named & set(finding.variables))
            state = stronger(states)
            boxes.append(Box(next(self.ids), "unused", owner, owner, "never used", state, None, dict(states), marks))
        return Picture((*picture.boxes, *boxes), picture.links) if boxes else picture


def _is_trainable(variable: Mapping[str, object]) -> bool:
    return variable.get("trainable") is not False


def _norm(ties: Sequence[Tie]) -> float | None:
    # A tensor that several operations read is one tensor.
    return total_norm({tie.source: tie.norm for tie in ties if tie.norm is not None}.values())


def _reaches(after: Mapping[str, set[str]], start: str, targets: set[str]) -> bool:
    seen = {start}
    queue = [start]
    while queue:
        for following in after.get(queue.pop(), ()):
            if following in targets:
                return True
            if following not in seen:
                seen.add(following)
                queue.append(following)
    return False


def _has_cut(picture: Picture) -> bool:
    return any(link.is_cut for link in picture.links) or any(box.stops for box in picture.boxes)
