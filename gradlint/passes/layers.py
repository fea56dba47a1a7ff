"""How the gradient flows through the graph of a run: what a picture of its layers shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.result import STREAMS, GradientState, Streams, Tie, stronger

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    import networkx as nx

LOSS_LAYER = "compile_loss"
"""The name that Keras gives to the operations of a compiled loss."""

# Edges carry the gradient of a tensor; what an operation hands to it may be less.
_HANDS_ON_NOTHING = {
    "none": GradientState.ABSENT,
    "unregistered": GradientState.ABSENT,
    "raises": GradientState.ABSENT,
    "zero": GradientState.ZERO,
}

_ALIVE = GradientState.FINITE.rank
"""The rank of a gradient from which something is learnt, or would be if it were finite."""


def streams_of(graph: nx.DiGraph[object]) -> Streams:
    """What flows along the edges of a graph, and what is starved.

    Args:
        graph: as `Flow.graph`.
    """
    return _Streaming(graph).streams()


def streamed(graph: nx.DiGraph[object]) -> nx.DiGraph[object]:
    """A graph that holds its own streams."""
    graph.graph[STREAMS] = streams_of(graph)
    return graph


class _Streaming:
    def __init__(self, graph: nx.DiGraph[object]) -> None:
        self._graph = graph
        self._kind = {node: str(data.get("kind")) for node, data in graph.nodes(data=True)}
        self._layer = {
            node: str(data.get("layer") or "")
            for node, data in graph.nodes(data=True)
            if data.get("kind") == "op" and not has(str(data.get("type")), Trait.READS_SHAPE)
        }

    def streams(self) -> Streams:
        ties = self._ties()
        outgoing: dict[Hashable, list[GradientState]] = {}
        for tie in ties:
            outgoing.setdefault(tie.source, []).append(tie.gradient)
        arriving = {node: self._arriving(node, outgoing) for node in self._graph if self._passes_values(node)}
        starved = self._starved(arriving)
        refusing = frozenset(tie.target for tie in ties if tie.is_refused and tie.source in starved)
        unseen = self._unseen(refusing, ties, starved, arriving)
        return Streams(tuple(ties), self._loss(), arriving, starved, refusing, unseen)

    def _passes_values(self, node: Hashable) -> bool:
        return self._kind[node] != "op" or node in self._layer

    def _loss(self) -> frozenset[Hashable]:
        """Operations behind every output, outside of every layer, are those of the loss."""
        outputs = [node for node, kind in self._kind.items() if kind == "output"]
        before = set(outputs)
        queue = list(outputs)
        while queue:
            for source in self._graph.pred[queue.pop()]:
                if source not in before:
                    before.add(source)
                    queue.append(source)
        return frozenset(
            node
            for node, layer in self._layer.items()
            if layer.split("/")[0] == LOSS_LAYER or (outputs and not layer and node not in before)
        )

    def _ties(self) -> list[Tie]:
        ties = []
        for source, target, data in self._graph.edges(data=True):
            if self._kind[source] == "variable" or not (self._passes_values(source) and self._passes_values(target)):
                continue
            state, norm = self._handed(target, data)
            nothing = _HANDS_ON_NOTHING.get(str(data.get("local"))) is GradientState.ABSENT
            is_float = GradientState.of(data.get("gradient")) is not GradientState.NOT_APPLICABLE
            ties.append(Tie(source, target, state, norm, is_refused=nothing and is_float))
        return ties

    def _handed(self, target: object, data: Mapping[str, object]) -> tuple[GradientState, float | None]:
        """What `target` hands back along an edge: never more than arrives at `target` itself."""
        state = GradientState.of(data.get("gradient"))
        norm = data.get("norm")
        if state.rank == _ALIVE:
            state = _HANDS_ON_NOTHING.get(str(data.get("local")), state)
            after = [GradientState.of(edge.get("gradient")) for edge in self._graph.adj[target].values()]
            if self._kind[target] == "op" and GradientState.UNKNOWN not in after:
                arriving = stronger(after)
                if not after or arriving.rank == 0:
                    state = GradientState.ABSENT
                elif arriving is GradientState.ZERO:
                    state = GradientState.ZERO
        return state, float(norm) if isinstance(norm, (int, float)) and state is GradientState.FINITE else None

    def _arriving(self, node: Hashable, outgoing: Mapping[Hashable, list[GradientState]]) -> GradientState:
        own = self._graph.nodes[node].get("gradient")
        return stronger(outgoing.get(node, ())) if own is None else GradientState.of(own)

    def _starved(self, arriving: Mapping[Hashable, GradientState]) -> frozenset[Hashable]:
        found: set[Hashable] = set()
        queue: list[Hashable] = []
        for node, data in self._graph.nodes(data=True):
            learns = data.get("kind") == "input" or (
                data.get("kind") == "variable" and data.get("trainable") is not False
            )
            if learns and GradientState.of(data.get("gradient")) in (GradientState.ABSENT, GradientState.ZERO):
                found.add(node)
                queue.append(node)
        while queue:
            for target in self._graph.adj[queue.pop()]:
                if target not in found and target in arriving and arriving[target].rank < _ALIVE:
                    found.add(target)
                    queue.append(target)
        return frozenset(found)

    def _unseen(
        self,
        refusing: frozenset[Hashable],
        ties: Sequence[Tie],
        starved: frozenset[Hashable],
        arriving: Mapping[Hashable, GradientState],
    ) -> frozenset[Hashable]:
        following: dict[Hashable, list[Hashable]] = {}
        for tie in ties:
            following.setdefault(tie.source, []).append(tie.target)
        found, queue = set(refusing), list(refusing)
        while queue:
            for node in following.get(queue.pop(), ()):
                is_alone = node in self._layer and node in starved and arriving[node].rank < _ALIVE
                if is_alone and node not in found:
                    found.add(node)
                    queue.append(node)
        return frozenset(found)
