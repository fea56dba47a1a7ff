from __future__ import annotations

import networkx as nx
import pytest
from flows import flow, given, op, position_of, tensor_of, variable

from gradlint.flow import LOSS
from gradlint.operations import Trait, with_trait
from gradlint.result import GradientState

DIAMOND = flow(
    "h = MatMul x a/k @a :3",
    "l = Tanh h @l",
    "r:int32 = ArgMax h @r",
    "j = GatherV2 l r @j",
    "d = Relu j @d",
    "-- loss",
    "s = Sub j y",
    "loss() = Mean s",
    inputs=["x", "z"],
    variables=["a/k(4,4)", variable("b/k", trainable=False)],
    labels=["y"],
    outputs=["j", "d"],
)


def types_behind(subject, tensors):
    """Types of the operations that made tensors."""
    return sorted({subject.op(p).type for tensor in tensors for p in subject.producers(tensor)})


class TestReach:
    def test_descendants(self):
        found = DIAMOND.descendants([tensor_of(DIAMOND, "x")])
        assert types_behind(DIAMOND, found) == ["ArgMax", "GatherV2", "MatMul", "Mean", "Relu", "Sub", "Tanh"]
        assert tensor_of(DIAMOND, "x") in found
        assert DIAMOND.descendants([tensor_of(DIAMOND, "z")]) == {tensor_of(DIAMOND, "z")}
        assert DIAMOND.descendants([]) == frozenset()

    def test_ancestors(self):
        sub = DIAMOND.op(position_of(DIAMOND, "Sub"))
        found = DIAMOND.ancestors(sub.inputs)
        assert types_behind(DIAMOND, found) == ["ArgMax", "GatherV2", "MatMul", "ReadVariableOp", "Tanh"]
        assert {tensor_of(DIAMOND, "x"), tensor_of(DIAMOND, "a/k"), DIAMOND.recording.labels[0].tensor} <= found
        assert tensor_of(DIAMOND, "z") not in found

    def test_only_through_some_operations(self):
        closed = position_of(DIAMOND, "GatherV2")
        found = DIAMOND.descendants([tensor_of(DIAMOND, "x")], lambda op, operand: op != closed)
        assert types_behind(DIAMOND, found) == ["ArgMax", "MatMul", "Tanh"]
        loss = DIAMOND.recording.loss.tensor
        found = DIAMOND.ancestors([loss], lambda op, operand: (op, operand) != (closed, 0))
        assert "Tanh" not in types_behind(DIAMOND, found)
        assert "ArgMax" in types_behind(DIAMOND, found)

    @pytest.mark.parametrize("reader", sorted(with_trait(Trait.READS_SHAPE)))
    def test_a_shape_carries_no_value(self, reader):
        subject = flow(f"s = {reader} x", "t = Zeros s", "loss() = Mean t", inputs=["x"])
        x = tensor_of(subject, "x")
        assert subject.descendants([x]) == {x}
        assert x not in subject.behind_loss
        assert subject.consumers[x] == ()

    def test_descendants_and_ancestors_agree(self):
        everything = range(len(DIAMOND.recording.tensors))
        for one in everything:
            for other in DIAMOND.descendants([one]):
                assert one in DIAMOND.ancestors([other])

    def test_behind_the_loss(self):
        assert tensor_of(DIAMOND, "x") in DIAMOND.behind_loss
        assert DIAMOND.op(position_of(DIAMOND, "Relu")).outputs[0] not in DIAMOND.behind_loss
        assert flow("h = Tanh x", inputs=["x"]).behind_loss == frozenset()

    def test_behind_the_loss_by_value(self):
        subject = flow("e = AddV2 x b", "g = InnerGradient e", "loss() = Mean g", inputs=["x"], variables=["b"])
        assert tensor_of(subject, "b") in subject.behind_loss
        assert tensor_of(subject, "b") not in subject.behind_loss_by_value
        assert flow("h = Tanh x", inputs=["x"]).behind_loss_by_value == frozenset()


class TestNeighbours:
    def test_consumers_name_the_operand(self):
        gather = position_of(DIAMOND, "GatherV2")
        left, right = DIAMOND.op(gather).inputs
        assert DIAMOND.consumers[left] == ((gather, 0),)
        assert DIAMOND.consumers[right] == ((gather, 1),)

    def test_one_tensor_twice(self):
        subject = flow("s = Mul x x", "loss() = Mean s", inputs=["x"])
        assert subject.consumers[tensor_of(subject, "x")] == ((0, 0), (0, 1))

    def test_a_custom_gradient_is_a_second_producer(self):
        subject = flow(op("y = Square x", enclosed=True), "y = CustomGradient x", "loss() = Mean y", inputs=["x"])
        (y,) = subject.op(0).outputs
        assert list(subject.producers(y)) == [0, 1]
        assert subject.op(0).enclosed == 1
        assert list(subject.producers(tensor_of(subject, "x"))) == []


class TestLearners:
    def test_what_should_learn(self):
        subject = flow(
            "loss() = Mean x",
            inputs=["x", "ids:int32", "half:float16", "wave:complex64", "flag:bool", "text:string"],
            variables=[
                "a/k",
                "b/k:bfloat16",
                "c/steps:int64",
                variable("d/k", trainable=False),
                variable("e/k", tracked=False),
            ],
        )
        assert [v.path for v in subject.learners] == ["a/k", "b/k"]
        assert [i.key for i in subject.float_inputs] == ["x", "half", "wave"]

    def test_state(self):
        assert DIAMOND.state(tensor_of(DIAMOND, "x")) is GradientState.FINITE
        assert DIAMOND.state(tensor_of(DIAMOND, "z")) is GradientState.ABSENT
        assert DIAMOND.state(DIAMOND.op(position_of(DIAMOND, "ArgMax")).outputs[0]) is GradientState.NOT_APPLICABLE


class TestBranches:
    SUBJECT = flow(
        "p = MatMul a left/k @left",
        "q = MatMul b right/k @right",
        "j = ConcatV2 p q @join",
        "w = Tanh head/k @head",
        "o = MatMul j w @head",
        "c = Mul scale scale @alone",
        "-- loss",
        "loss() = Mean o",
        inputs=["a", "b"],
        variables=["left/k", "right/k", "head/k", "scale", variable("unseen", tensor=None)],
    )

    @pytest.mark.parametrize(
        ("path", "keys"),
        [("left/k", {"a"}), ("right/k", {"b"}), ("head/k", {"a", "b"}), ("scale", set()), ("unseen", set())],
    )
    def test_the_keys_a_variable_meets_first(self, path, keys):
        assert self.SUBJECT.branches[path] == keys

    def test_keys_behind_operations(self):
        ops = self.SUBJECT.recording.ops
        behind = {op.type: self.SUBJECT.keys_behind(p) for p, op in enumerate(ops)}
        assert behind["ConcatV2"] == {"a", "b"}
        assert behind["Tanh"] == frozenset()
        assert behind["Mean"] == {"a", "b"}

    def test_shapes_have_no_keys(self):
        subject = flow("s = Shape a", "z = Zeros s", "h = MatMul z k", "loss() = Mean h", inputs=["a"], variables=["k"])
        assert subject.branches["k"] == frozenset()
        assert subject.keys_behind(position_of(subject, "Shape")) == frozenset()

    def test_an_input_that_was_never_received(self):
        subject = flow("h = MatMul a k", "loss() = Mean h", inputs=["a", given("b", tensor=None)], variables=["k"])
        assert subject.branches["k"] == {"a"}


class TestGraph:
    def test_is_acyclic_and_leads_to_the_loss(self):
        graph = DIAMOND.graph
        assert nx.is_directed_acyclic_graph(graph)
        assert nx.has_path(graph, ("input", "x"), LOSS)
        assert nx.has_path(graph, ("variable", "a/k"), LOSS)
        assert not nx.has_path(graph, ("input", "z"), LOSS)
        assert not nx.has_path(graph, ("output", "d"), LOSS)
        assert nx.has_path(graph, ("variable", "a/k"), ("output", "d"))

    def test_nodes(self):
        graph = DIAMOND.graph
        kinds = [data["kind"] for _, data in graph.nodes(data=True)]
        assert {kind: kinds.count(kind) for kind in kinds} == {
            "input": 2,
            "variable": 2,
            "op": len(DIAMOND.recording.ops),
            "output": 2,
            "loss": 1,
        }
        assert all(data["label"] for _, data in graph.nodes(data=True))

    def test_operations(self):
        data = DIAMOND.graph.nodes[("op", position_of(DIAMOND, "MatMul"))]
        assert (data["type"], data["layer"], data["file"], data["line"]) == ("MatMul", "a", "model.py", 3)
        assert (data["shapes"], data["dtypes"], data["label"]) == ([(8, 4)], ["float32"], "a MatMul")

    def test_inputs_and_variables(self):
        graph = DIAMOND.graph
        assert graph.nodes[("input", "x")]["gradient"] == "finite"
        assert graph.nodes[("input", "z")]["gradient"] == "absent"
        assert graph.nodes[("variable", "a/k")]["inputs"] == ["x"]
        assert graph.nodes[("variable", "a/k")]["shapes"] == [(4, 4)]
        assert graph.nodes[("variable", "b/k")]["gradient"] == "absent"

    def test_edges_carry_what_passes(self):
        gather = position_of(DIAMOND, "GatherV2")
        integers = DIAMOND.graph.edges[("op", position_of(DIAMOND, "ArgMax")), ("op", gather)]
        assert (integers["shape"], integers["dtype"], integers["gradient"]) == ((8, 4), "int32", "n/a")
        floats = DIAMOND.graph.edges[("op", gather), ("output", "j")]
        assert (floats["shape"], floats["dtype"], floats["gradient"]) == ((8, 4), "float32", "finite")

    def test_every_key_of_a_tensor_is_one_edge_at_most(self):
        reached = {key for key in ("x", "z") if nx.has_path(DIAMOND.graph, ("input", key), LOSS)}
        behind = {r.key for r in DIAMOND.recording.inputs if r.tensor in DIAMOND.behind_loss}
        assert reached == behind

    def test_without_a_loss(self):
        assert LOSS not in flow("h = Tanh x", inputs=["x"]).graph
