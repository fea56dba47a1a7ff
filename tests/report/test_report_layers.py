"""Operations folded into layers: what is one box, what a link carries, where the gradient stops."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_graphs import ALIVE, ARGMAX, DEAD, INTEGER, STOPPED, ZERO, Drawn, chain, nested, towers

from gradlint.finding import Cause, Finding, Severity
from gradlint.passes.layers import streamed
from gradlint.report import layers
from gradlint.report.folding import MOST_BOXES
from gradlint.report.layers import layer_parts
from gradlint.report.picture import Box, Picture, all_pictures
from gradlint.result import GradientState, stronger


def layer_picture(graph, findings=()) -> Picture:
    return layers.layer_picture(streamed(graph), findings)


def labels(picture: Picture) -> list[str]:
    return [box.label for box in picture.boxes]


def named(picture: Picture, label: str) -> Box:
    (box,) = [box for box in picture.boxes if box.label == label and box.kind != "output"]
    return box


def links(picture: Picture) -> dict[tuple[str, str], str]:
    names = {box.id: f"{box.kind} {box.label}" if box.kind == "output" else box.label for box in picture.boxes}
    return {
        (names[link.source], names[link.target]): link.gradient.value + (" cut" if link.is_cut else "")
        for link in picture.links
    }


def is_acyclic(picture: Picture) -> bool:
    graph = nx.DiGraph([(link.source, link.target) for link in picture.links])
    return nx.is_directed_acyclic_graph(graph)


def test_sub_models_are_folded_and_the_cut_is_inside() -> None:
    picture = layer_picture(towers(), [ARGMAX])
    assert labels(picture) == ["left", "right", "tower_1", "tower_2", "joined", "head", "head", "loss"]
    assert links(picture) == {
        ("left", "tower_1"): "finite",
        ("right", "tower_2"): "absent cut",
        ("tower_1", "joined"): "finite",
        ("tower_2", "joined"): "finite",
        ("joined", "head"): "finite",
        ("head", "output head"): "finite",
        ("output head", "loss"): "finite",
    }
    tower = named(picture, "tower_2")
    assert tower.stops
    assert tower.findings == (0,)
    assert tower.variables == {GradientState.ABSENT: 2, GradientState.FINITE: 1}
    assert tower.inside is not None
    assert links(tower.inside)["dense_1", "codes"] == "absent cut"
    codes = named(tower.inside, "codes")
    assert codes.inside is not None
    assert links(codes.inside)["tower_2/dense_1", "ArgMax"] == "absent cut"
    assert links(codes.inside)["ArgMax", "GatherV2"] == "n/a"
    assert named(picture, "tower_1").inside is not None
    assert not named(picture, "tower_1").stops


def test_a_leaf_without_a_cut_has_no_inside() -> None:
    picture = layer_picture(chain(3))
    assert all(box.inside is None for box in picture.boxes)


def test_norms_are_those_of_the_tensors() -> None:
    picture = layer_picture(chain(2, decay=0.5))
    assert [link.norm for link in picture.links[:3]] == [0.25, 0.5, 1.0]


def test_two_tensors_between_two_layers_count_together_and_one_read_twice_counts_once() -> None:
    drawn = Drawn()
    x = drawn.input("x")
    one, two = drawn.op("Exp", "a", x), drawn.op("Log", "a", x)
    first = drawn.op("Mul", "b", one, two, norm=3.0)
    drawn.op("Add", "b", one, first, norm=3.0)
    picture = layer_picture(drawn.end(("op", 3)))
    (link,) = [link for link in picture.links if link.norm and link.norm > 4]
    assert link.norm == pytest.approx(18**0.5)


def test_a_branch_beside_an_open_one_is_no_cut() -> None:
    drawn = Drawn()
    x = drawn.input("x")
    open_way = drawn.dense("open", x)
    hard = drawn.op("Round", "rounding", x, local="none")
    drawn.end(drawn.op("AddV2", "sum", open_way, hard))
    found = links(layer_picture(drawn.graph))
    assert found["x", "rounding"] == "absent"  # not the finite gradient of `x`, which comes the other way
    assert found["x", "open"] == "finite"


def test_nothing_that_should_learn_behind_it_is_no_cut() -> None:
    drawn = Drawn()
    tokens = drawn.input("tokens", INTEGER)
    found = drawn.op("GatherV2", "embedding", drawn.variable("embedding/table"), (tokens, INTEGER))
    frozen = drawn.variable("frozen/kernel", DEAD, trainable=False)
    scale = drawn.op("Mul", "frozen", (frozen, DEAD))
    drawn.end(drawn.op("AddV2", "sum", found, (scale, DEAD)))
    assert not [pair for pair, state in links(layer_picture(drawn.graph)).items() if "cut" in state]


def test_zero_is_not_absent() -> None:
    drawn = Drawn()
    x = drawn.input("x", ZERO)
    drawn.end(drawn.op("AddV2", "sum", drawn.dense("relu", x, ZERO), (drawn.input("y"), ALIVE)))
    drawn.graph.edges[("op", 2), ("op", 3)]["gradient"] = ALIVE
    assert links(layer_picture(drawn.graph))["x", "relu"] == "zero cut"


def test_an_output_that_no_loss_reads_says_so() -> None:
    drawn = Drawn()
    x = drawn.input("x")
    forgotten = drawn.dense("tower", drawn.input("y", DEAD), DEAD)
    drawn.graph.add_node(("output", "tower"), kind="output", label="tower")
    drawn.link((forgotten, DEAD), ("output", "tower"))
    picture = layer_picture(drawn.end(drawn.dense("head", x)))
    (output,) = [box for box in picture.boxes if box.kind == "output" and box.label == "tower"]
    assert output.about == "no loss reads it"
    assert output.gradient is GradientState.ABSENT


def test_a_loss_that_reads_logits_is_led_through_the_output() -> None:
    drawn = Drawn()
    logits = drawn.dense("head", drawn.input("x"))
    probabilities = drawn.op("Sigmoid", "head", (logits, ALIVE))
    drawn.graph.add_node(("output", "head"), kind="output", label="head")
    drawn.link((probabilities, DEAD), ("output", "head"))
    mean = drawn.op("Mean", "compile_loss/bce", logits)
    drawn.graph.add_node(("loss", 0), kind="loss", label="loss")
    drawn.link(mean, ("loss", 0))
    found = links(layer_picture(drawn.graph))
    assert found["head", "output head"] == "finite"
    assert found["output head", "loss"] == "finite"
    assert ("head", "loss") not in found


def activated(reader: str, **more: object) -> dict[tuple[str, str], str]:
    """The links of a model whose output is a layer `click` that applies a sigmoid to `dot`, which `reader` reads."""
    drawn = Drawn()
    logits = drawn.dense("dot", drawn.input("x"))
    probabilities = drawn.op("Sigmoid", "click", (logits, ALIVE))
    drawn.graph.add_node(("output", "click"), kind="output", label="click")
    drawn.link((probabilities, DEAD), ("output", "click"))
    if more:
        drawn.graph.add_node(("output", "logits"), kind="output", label="logits")
        drawn.link(logits, ("output", "logits"))
    mean = drawn.op("Mean", reader, logits)
    drawn.graph.add_node(("loss", 0), kind="loss", label="loss")
    drawn.link(mean, ("loss", 0))
    return links(layer_picture(streamed(drawn.graph)))


def test_logits_are_led_through_a_layer_that_only_activates() -> None:
    found = activated("compile_loss/bce")
    assert (found["dot", "click"], found["click", "output click"], found["output click", "loss"]) == ("finite",) * 3
    assert ("dot", "loss") not in found


def test_only_a_compiled_loss_that_has_no_other_output_reads_logits() -> None:
    assert ("output click", "loss") not in activated("regularizer")
    found = activated("compile_loss/mse", logits_are_an_output=True)
    assert ("output click", "loss") not in found
    assert found["output logits", "loss"] == "finite"


def test_layers_that_nothing_calls_are_shown() -> None:
    drawn = Drawn()
    drawn.variable("lonely/dense/kernel", DEAD)
    drawn.variable("lonely/dense/bias", DEAD)
    picture = layer_picture(drawn.end(drawn.dense("head", drawn.input("x"))))
    lonely = picture.boxes[-1]
    assert (lonely.kind, lonely.label, lonely.about) == ("unused", "lonely", "never used")
    assert lonely.variables == {GradientState.ABSENT: 2}


def test_a_layer_called_again_is_drawn_again_where_it_would_close_a_circle() -> None:
    drawn = Drawn()
    here = drawn.input("x")
    for _ in range(3):
        here = drawn.op("MatMul", "cell", here)
        here = drawn.op("Tanh", "other", here)
    picture = layer_picture(drawn.end(here))
    assert labels(picture)[1:7] == ["cell", "other"] * 3
    assert is_acyclic(picture)


def test_two_inputs_through_one_layer_share_a_box() -> None:
    drawn = Drawn()
    calls = [drawn.op("MatMul", "shared", drawn.input(key)) for key in "ab"]
    picture = layer_picture(drawn.end(drawn.op("ConcatV2", "joined", *calls)))
    assert labels(picture).count("shared") == 1


def test_many_inputs_that_fare_alike_are_one_box() -> None:
    drawn = Drawn()
    keys = [drawn.input(f"feature_{number}", DEAD if number == 7 else ALIVE) for number in range(128)]
    sources = [(key, DEAD if number == 7 else ALIVE) for number, key in enumerate(keys)]
    picture = layer_picture(drawn.end(drawn.op("ConcatV2", "joined", *sources)))
    assert labels(picture)[:2] == ["127 inputs", "feature_7"]
    assert len(picture.links) == 4


@pytest.mark.parametrize("length", [60, 300, 1000])
def test_long_chains_are_folded_and_nothing_is_lost(length: int) -> None:
    picture = layer_picture(chain(length))
    assert len(picture.boxes) <= max(MOST_BOXES, length / 10 + 5)
    inner = [box for _, inside in all_pictures(picture) for box in inside.boxes if box.kind == "layer"]
    assert len([*inner, *(box for box in picture.boxes if box.kind == "layer")]) == length
    assert is_acyclic(picture)


def test_blocks_with_ways_around_them_are_folded() -> None:
    picture = layer_picture(chain(300, skips=6))
    assert len(picture.boxes) < MOST_BOXES
    stretch = next(box for box in picture.boxes if box.kind == "chain")
    assert stretch.inside is not None
    assert stretch.about == "21 layers"
    assert next(label for label in labels(stretch.inside) if "add" in label) == "stage_0_add_5"
    assert is_acyclic(picture)


def test_boxes_are_in_the_order_of_the_forward_pass() -> None:
    picture = layer_picture(chain(5, skips=2))
    position = {box.id: index for index, box in enumerate(picture.boxes)}
    assert all(position[link.source] < position[link.target] for link in picture.links)


def test_what_stops_the_gradient_stays_out_of_a_folded_chain() -> None:
    picture = layer_picture(chain(300, cut=150), [STOPPED])
    stop = named(picture, "frozen_part")
    assert stop.findings == (0,)
    assert [state for state in links(picture).values() if "cut" in state] == ["absent cut"]
    assert any(link.is_cut and stop.id in (link.source, link.target) for link in picture.links)


def test_identifiers_are_unique_across_pictures() -> None:
    picture = layer_picture(nested())
    ids = [box.id for _, each in [(None, picture), *all_pictures(picture)] for box in each.boxes]
    assert len(ids) == len(set(ids)) > 20


def test_own_operations_of_a_sub_model_are_boxes_inside() -> None:
    picture = layer_picture(nested(depth=1))
    part = named(picture, "part_0")
    assert part.inside is not None
    assert labels(part.inside) == ["x", "dense_0", "dense_1", "dense_2", "AddV2", "part_1"]
    assert part.about == "3 layers"


def test_an_empty_graph_and_one_without_layers() -> None:
    assert layer_picture(nx.DiGraph()) == Picture((), ())
    drawn = Drawn()
    drawn.op("Square", "", drawn.input("x"))
    assert labels(layer_picture(drawn.graph)) == ["x", "Square"]


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("", ()),
        ("a/b", ("a", "b")),
        ("a/a/b/a/b/c", ("a", "b", "c")),
        ("other/block/block/mha/block/mha/query", ("other", "block", "mha", "query")),
        ("//x//", ("x",)),
    ],
)
def test_repeated_paths(path: str, parts: tuple[str, ...]) -> None:
    assert layer_parts(path) == parts


def test_states_together() -> None:
    assert stronger([]) is GradientState.UNKNOWN
    assert stronger([GradientState.ABSENT, GradientState.ZERO]) is GradientState.ZERO
    assert stronger([GradientState.FINITE, GradientState.NONFINITE]) is GradientState.NONFINITE
    assert stronger([GradientState.NOT_APPLICABLE, GradientState.ABSENT]) is GradientState.ABSENT


@st.composite
def graphs(draw: st.DrawFn) -> nx.DiGraph:
    """Any operations in any layers: what a model may do, and more."""
    drawn = Drawn()
    nodes = [drawn.input("x", draw(st.sampled_from([ALIVE, DEAD, ZERO, INTEGER])))]
    for _ in range(draw(st.integers(1, 25))):
        layer = draw(st.sampled_from(["", "a", "b", "a/c", "a/d", "b/c/e", "a/c/f"]))
        sources = draw(st.lists(st.sampled_from(nodes), min_size=0, max_size=3, unique=True))
        states = [draw(st.sampled_from([ALIVE, DEAD, ZERO, INTEGER, "non-finite"])) for _ in sources]
        local = draw(st.sampled_from(["passes", "none", "zero", "unasked"]))
        nodes.append(drawn.op("Add", layer, *zip(sources, states, strict=True), local=local))
    return drawn.end(nodes[-1]) if draw(st.booleans()) else drawn.graph


@given(graphs())
def test_no_picture_has_a_circle_and_every_link_has_its_ends(graph: nx.DiGraph) -> None:
    picture = layer_picture(graph)
    for each in [picture, *(inside for _, inside in all_pictures(picture))]:
        boxes = {box.id for box in each.boxes}
        assert {end for link in each.links for end in (link.source, link.target)} <= boxes
        assert is_acyclic(each)


def test_the_model_itself_is_no_box() -> None:
    """A model that calls its layers itself has its name before theirs; a picture of one box would show nothing."""
    drawn = Drawn()
    first = drawn.dense("mine/first", drawn.input("x", DEAD), DEAD)
    own = drawn.op("Mul", "", (first, DEAD))
    code = drawn.op("Round", "mine/code", (own, DEAD), local="none")
    drawn.variable("mine/spare/kernel", DEAD)
    graph = drawn.end(drawn.dense("mine/last", code))
    rounding = Finding("GL103", "nondifferentiable-op", Severity.ERROR, "Round", cause=Cause("mine/code", "Round"))
    picture = layer_picture(graph, (rounding,))
    assert [(box.kind, box.label) for box in picture.boxes][1:6] == [
        ("layer", "first"), ("op", "Mul"), ("layer", "code"), ("layer", "last"), ("output", "head"),
    ]  # fmt: skip
    (marked,) = [box for box in picture.boxes if box.findings]
    assert (marked.label, marked.path) == ("code", "mine/code")
    assert [box.label for box in picture.boxes if box.kind == "unused"] == ["spare"]


def test_an_input_bears_no_mark_of_an_operation_outside_of_layers() -> None:
    drawn = Drawn()
    own = drawn.op("Mul", "", (drawn.dense("first", drawn.input("x", ZERO), ZERO), ZERO))
    graph = drawn.end(drawn.dense("last", own))
    found = Finding("GL201", "zero-gradient", Severity.ERROR, "Mul", inputs=("x",), cause=Cause(op="Mul"))
    assert [box.label for box in layer_picture(graph, (found,)).boxes if box.findings] == ["Mul"]
    found = Finding("GL101", "disconnected-input", Severity.ERROR, "x", inputs=("x",))
    assert [box.label for box in layer_picture(graph, (found,)).boxes if box.findings] == ["x"]
