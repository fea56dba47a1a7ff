"""Graphs as `Flow.graph` makes them, of models that nobody had to run: towers, chains, nested sub-models."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import networkx as nx
from shared_result import HEALTHY

from gradlint.finding import Cause, Finding, Severity
from gradlint.passes.layers import streamed
from gradlint.result import GradientState, InputStatus, LateGraph, Result, VariableStatus

ALIVE, DEAD, ZERO, INTEGER = "finite", "absent", "zero", "n/a"


@dataclass
class Drawn:
    """A graph that is written down from the inputs to the loss."""

    graph: nx.DiGraph = field(default_factory=nx.DiGraph)

    def input(self, key: str, gradient: str = ALIVE, norm: float | None = 1.0) -> object:
        node = ("input", key)
        self.graph.add_node(node, kind="input", label=key, gradient=gradient, norm=norm if gradient == ALIVE else None)
        return node

    def variable(self, path: str, gradient: str = ALIVE, *, trainable: bool = True) -> object:
        node = ("variable", path)
        norm = 1.0 if gradient == ALIVE else None
        self.graph.add_node(node, kind="variable", label=path, gradient=gradient, norm=norm, trainable=trainable)
        return node

    def op(self, type: str, layer: str, *sources: object, norm: float = 1.0, local: str = "passes") -> object:
        """An operation; a source is a node, or a node with the gradient of its tensor."""
        node = ("op", sum(data["kind"] == "op" for _, data in self.graph.nodes(data=True)))
        self.graph.add_node(node, kind="op", label=f"{layer} {type}", type=type, layer=layer, file=None, line=None)
        for source in sources:
            self.link(source, node, norm, local)
        return node

    def link(self, source: object, node: object, norm: float = 1.0, local: str = "passes") -> None:
        start, gradient = source if isinstance(source, tuple) and source[1] in _STATES else (source, ALIVE)
        known = norm if gradient == ALIVE else None
        self.graph.add_edge(start, node, shape=(8, 4), dtype="float32", gradient=gradient, norm=known, local=local)

    def dense(self, layer: str, source: object, gradient: str = ALIVE, norm: float = 1.0) -> object:
        """A layer with a kernel; `gradient` is that of every tensor of it, its input included."""
        kernel = self.variable(f"{layer}/kernel", gradient)
        read = self.op("ReadVariableOp", layer, (kernel, gradient))
        product = self.op("MatMul", layer, (source, gradient), (read, gradient), norm=norm)
        return self.op("Relu", layer, (product, gradient), norm=norm)

    def end(self, source: object, name: str = "head") -> nx.DiGraph:
        self.graph.add_node(("output", name), kind="output", label=name)
        self.link(source, ("output", name))
        error = self.op("Square", "compile_loss/mse", source)
        mean = self.op("Mean", "compile_loss/mse", error)
        self.graph.add_node(("loss", 0), kind="loss", label="loss")
        self.link(mean, ("loss", 0))
        return streamed(self.graph)


_STATES = {state.value for state in GradientState}


def towers() -> nx.DiGraph:
    """Two towers; an ArgMax inside `tower_2/codes` keeps the gradient from the second."""
    drawn = Drawn()
    left, right = drawn.input("left"), drawn.input("right", DEAD)
    one = drawn.dense("tower_1/dense_1", drawn.dense("tower_1/dense_0", left))
    two = drawn.dense("tower_2/dense_1", drawn.dense("tower_2/dense_0", right, DEAD), DEAD)
    code = drawn.op("ArgMax", "tower_2/codes", (two, DEAD), local="none")
    book = drawn.variable("tower_2/codes/book")
    read = drawn.op("ReadVariableOp", "tower_2/codes", book)
    found = drawn.op("GatherV2", "tower_2/codes", read, (code, INTEGER), norm=0.2)
    joined = drawn.op("ConcatV2", "joined", one, found, norm=0.5)
    return drawn.end(drawn.dense("head", joined))


def chain(length: int, *, skips: int = 0, cut: int | None = None, decay: float = 0.97) -> nx.DiGraph:
    """A chain of layers, the norm shrinking towards the input, with an addition round every `skips` layers.

    Args:
        cut: number of the layer in front of which the gradient stops.
    """
    drawn = Drawn()
    dead = cut is not None
    here = start = drawn.input("pixels", DEAD if dead else ALIVE)
    for number in range(length):
        norm = decay ** (length - number)
        state = DEAD if cut is not None and number < cut else ALIVE
        if number == cut:
            here = start = drawn.op("StopGradient", "frozen_part", (here, DEAD), local="none")
        here = drawn.dense(f"stage_{number // 10}_dense_{number}", here, state, norm)
        if skips and number % skips == skips - 1:
            name = f"stage_{number // 10}_add_{number}"
            here = start = drawn.op("AddV2", name, (here, state), (start, state), norm=norm)
    return drawn.end(here)


def nested(depth: int = 3, width: int = 3) -> nx.DiGraph:
    """Sub-models in sub-models: `outer_0/outer_1/...`, `width` layers in the innermost, with their own additions."""
    drawn = Drawn()
    here = drawn.input("x")
    for block in range(2):
        path = "/".join([f"part_{block}", *(f"level_{level}" for level in range(1, depth))])
        before = here
        for number in range(width):
            here = drawn.dense(f"{path}/dense_{number}", here)
        here = drawn.op("AddV2", f"part_{block}", here, before)
    return drawn.end(here)


def result_of(graph: nx.DiGraph, *findings: Finding) -> Result:
    """A result with this graph, and the statuses that belong to it."""
    inputs, variables = [], []
    for _, data in graph.nodes(data=True):
        state = GradientState(data.get("gradient", "unknown"))
        if data["kind"] == "input":
            inputs.append(InputStatus(data["label"], (8, 4), "float32", state, data["norm"], 1))
        elif data["kind"] == "variable":
            keys = tuple(status.key for status in inputs[:1])
            variables.append(VariableStatus(data["label"], (4, 4), "float32", True, state, data["norm"], keys))
    return replace(
        HEALTHY,
        drawn=LateGraph.of(streamed(graph)),
        findings=findings,
        inputs=tuple(inputs),
        variables=tuple(variables),
        target="drawn.keras",
    )


ARGMAX = Finding(
    "GL103",
    "nondifferentiable-op",
    Severity.ERROR,
    "ArgMax has no gradient: input 'right' and 2 trainable variables without gradient",
    inputs=("right",),
    variables=("tower_2/dense_0/kernel", "tower_2/dense_1/kernel"),
    cause=Cause("tower_2/codes", "ArgMax"),
    evidence={"share": 0.5},
)
STOPPED = Finding(
    "GL104",
    "stop-gradient",
    Severity.WARNING,
    "stop_gradient keeps the gradient from input 'pixels'",
    inputs=("pixels",),
    cause=Cause("frozen_part", "StopGradient"),
)
