"""How the gradient flows through the graph of a run."""

from __future__ import annotations

import networkx as nx
import pytest
from flows import flow

from gradlint.passes.layers import streamed, streams_of
from gradlint.result import STREAMS, GradientState


def streams(*lines, **options):
    subject = flow(*lines, **{"inputs": ["x"], "variables": ["k"]} | options)
    return streams_of(subject.graph)


def ties(found):
    return {(tie.source, tie.target): tie for tie in found.ties}


OPEN = ["h = MatMul x k @dense", "o = Tanh h @dense", "-- loss", "loss() = Mean o"]
CUT = ["h = MatMul x k @dense", "o = Round h @dense", "-- loss", "loss() = Mean o"]
ZERO = ["h = MatMul x k @dense", "o = Relu h @dense !zero", "-- loss", "loss() = Mean o"]


def test_an_open_way_starves_nobody():
    found = streams(*OPEN, outputs=["o"])
    assert found.starved == frozenset()
    assert all(tie.gradient is GradientState.FINITE and not tie.is_refused for tie in found.ties)


@pytest.mark.parametrize(("lines", "state"), [(CUT, GradientState.ABSENT), (ZERO, GradientState.ZERO)])
def test_behind_a_stop_everything_is_starved(lines, state):
    found = streams(*lines, outputs=["o"])
    matmul, stop = ("op", 1), ("op", 2)
    assert {("input", "x"), ("variable", "k"), matmul} <= found.starved
    assert stop not in found.starved
    assert ties(found)[matmul, stop].gradient is state
    assert ties(found)[matmul, stop].is_refused is (state is GradientState.ABSENT)
    assert found.arriving[stop] is GradientState.FINITE


def test_what_is_computed_from_a_refusal_alone_is_unseen():
    """The tape does not see `r` and `s`; what reads them is not where the gradient stops."""
    lines = [
        "h = MatMul x k @dense", "r = Round h @dense", "s = Sin r @dense", "o = Exp s @head", "-- loss",
        "loss() = Mean o",
    ]  # fmt: skip
    found = streams(*lines, outputs=["o"], gradients={"r": "absent", "s": "absent"})
    rounded, sine = ("op", 2), ("op", 3)
    assert found.refusing == {rounded}
    assert found.unseen == {rounded, sine}
    assert streams(*OPEN, outputs=["o"]).unseen == frozenset()


def test_what_only_reads_a_form_has_no_gradient_to_arrive():
    found = streams("h = MatMul x k @dense", "n = Shape h", "o = Exp h @dense", "loss() = Mean o")
    assert ("op", 2) not in found.arriving


def test_nobody_starves_where_nothing_should_learn():
    found = streams(
        "h = MatMul x k @dense", "o = Round h @dense", "loss() = Mean o", inputs=["x:int32"],
        variables=[],
    )  # fmt: skip
    assert found.starved == frozenset()


def test_the_loss_is_what_comes_after_the_outputs():
    found = streams(*OPEN, outputs=["o"])
    assert {node for node in found.loss} == {("op", 3)}


def test_a_tie_carries_no_more_than_arrives_at_its_target():
    """The tensor has a gradient from another reader; what nobody reads hands nothing back."""
    found = streams("h = MatMul x k @dense", "dead = Tanh h @side", "o = Exp h @dense", "loss() = Mean o")
    position = {2: GradientState.ABSENT, 3: GradientState.FINITE}
    for op, state in position.items():
        assert ties(found)[("op", 1), ("op", op)].gradient is state


def test_readers_of_shapes_are_left_out():
    found = streams("h = MatMul x k @dense", "s:int32(2,) = Shape h", "o = Tanh h", "loss() = Mean o")
    assert not any(("op", 2) in (tie.source, tie.target) for tie in found.ties)


def test_the_graph_carries_its_streams():
    graph = nx.DiGraph()
    assert streamed(graph).graph[STREAMS].ties == ()
