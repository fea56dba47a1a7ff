from __future__ import annotations

import pytest
from flows import call, flow, given, variable

from gradlint.load.spec import InputSpec, ModelSpec
from gradlint.passes.drops import DropKind, drops, unread_on_paper

TAIL = ("o = MatMul x head/kernel @head", "-- loss", "loss() = Mean o")


def run(*lines, **options):
    options = {"inputs": ["x", "y"], "variables": ["head/kernel"], "outputs": ["o"]} | options
    return flow(*lines, *TAIL, **options)


def kinds(found):
    return [(drop.kind, drop.inputs, tuple(v.path for v in drop.variables)) for drop in found]


def test_an_input_that_nothing_reads_has_no_operation():
    (drop,) = drops(run())
    assert (drop.kind, drop.position, drop.op, drop.layer) == (DropKind.UNREAD, -1, None, "y")


def test_an_input_that_the_model_never_received_is_not_its_own():
    assert drops(run(inputs=["x", given("y", tensor=None)])) == ()


def test_several_dead_ends_of_one_input_are_one_drop_at_the_last():
    (drop,) = drops(run("a = Relu y @a", "b = Tanh y @b"))
    assert (drop.kind, drop.op.type, drop.inputs) == (DropKind.DROPPED, "Tanh", ("y",))


def test_groups_that_meet_only_over_a_third_are_joined():
    found = drops(
        run(
            "p = Mul y a/v",
            "q = Mul a/v b/v",
            "r = Tanh b/v",
            variables=["head/kernel", "a/v", "b/v"],
        )
    )
    assert kinds(found) == [(DropKind.DROPPED, ("y",), ("a/v", "b/v"))]


def test_a_value_read_again_by_its_own_assignment_is_dropped():
    found = drops(run("m = Mean y @norm", "v:resource = AssignVariableOp norm/mean m @norm", variables=["head/kernel"]))
    assert kinds(found) == [(DropKind.DROPPED, ("y",), ())]


@pytest.mark.parametrize(
    ("first", "last", "layer"),
    [
        ("in", "rnn/cell", "rnn"),
        ("tower/in", "tower/rnn", "tower"),
        ("in", "in/more", "in"),
    ],
)
@pytest.mark.parametrize("root", ["", "model/"])
def test_the_layer_is_what_the_lost_variables_share_or_where_they_are_lost(first, last, layer, root):
    (drop,) = drops(
        flow(
            f"a = Gather y {root}{first}/v @{root}in",
            f"b = Mul a {root}{last}/w @{root}rnn",
            f"c = Transpose b @{root}rnn",
            f"o = MatMul x {root}head/kernel @{root}head",
            *TAIL[1:],
            inputs=["x", "y"],
            variables=[f"{root}{first}/v", f"{root}{last}/w", f"{root}head/kernel"],
            outputs=["o"],
        )
    )
    assert drop.layer == root + layer


BLOCK = [call("tower -> d", first=0, last=2), call("block -> o", first=0, last=3, is_library=True)]


def test_what_library_code_computes_and_keeps_is_by_design():
    """The tower hands the value on; the block around it keeps it."""
    (drop,) = drops(
        run("d = Relu tower/v @block/tower", inputs=["x"], variables=["head/kernel", "tower/v"], calls=BLOCK)
    )
    assert drop.is_by_design
    assert drop.reason == "library code computes it and does not use it here"


def test_an_input_is_never_lost_by_design():
    (drop,) = drops(run("d = Relu y @block/tower", calls=BLOCK))
    assert not drop.is_by_design


def test_a_users_line_in_library_code_is_not_by_design():
    calls = [call("block -> o", first=0, last=3, is_library=True)]
    (drop,) = drops(run("d = Relu tower/v @block :5", inputs=["x"], variables=["head/kernel", "tower/v"], calls=calls))
    assert not drop.is_by_design
    assert drop.line == 5


@pytest.mark.parametrize(
    ("fields", "by_design"),
    [
        ({"is_model": True}, False),
        ({"is_model": True, "is_library": True, "class_name": "Backbone"}, True),
        ({"is_model": True, "is_library": True, "class_name": "Functional"}, False),
        ({"is_model": False}, False),
    ],
)
def test_an_output_of_a_sub_model_that_has_others(fields, by_design):
    subject = run("d = Relu y @sub", "e = Tanh x @sub", calls=[call("sub -> d e", **fields)])
    (drop,) = drops(subject)
    assert drop.is_by_design is by_design


def test_the_only_output_of_a_sub_model_is_no_choice():
    (drop,) = drops(run("d = Relu y @sub", calls=[call("sub -> d", is_model=True)]))
    assert drop.kind is DropKind.DROPPED


def test_an_output_of_the_model_under_test_is_no_output_of_a_sub_model():
    (drop,) = drops(run("d = Relu y @sub", calls=[call(" -> d o", is_model=True, first=0, last=2)]))
    assert drop.kind is DropKind.DROPPED


def test_an_output_without_loss_comes_before_everything_else():
    (drop,) = drops(run("d = Relu y @aux", outputs=["o", "d"], calls=[call("aux -> d", is_model=True)]))
    assert (drop.kind, [output.name for output in drop.outputs]) == (DropKind.OUTPUT, ["d"])


COUNTED = ["i:int32() = Cast y @g", "n:int32() = Sum i @g", "d:bool() = Greater n 0 @g"]
READ_AGAIN = ["s() = Sum y @g", "d:bool() = Greater s 0 @g", "e:bool() = LogicalNot d @g"]


@pytest.mark.parametrize(
    ("lines", "decision", "blamed"),
    [
        (["s() = Sum y @g", "d:bool() = Greater s 0 @g"], "d", "Greater"),
        (["i:int32() = Cast y @g"], "i", "Cast"),
        (COUNTED, "d", "Cast"),
        (READ_AGAIN, "d", "Greater"),
        ([line.replace("y", "g/v") for line in COUNTED], "d", "Cast"),
        ([line.replace("y", "g/v") for line in READ_AGAIN], "d", "Greater"),
    ],
    ids=["float", "integer", "counted", "read again", "variable, counted", "variable, read again"],
)
def test_a_decision_is_where_the_float_ends(lines, decision, blamed):
    subject = run(
        *lines,
        inputs=["x", "y"] if "y" in lines[0] else ["x"],
        variables=["head/kernel", "g/v"][: 1 + ("v" in lines[0])],
        decisions=[decision],
    )
    (drop,) = drops(subject)
    assert (drop.kind, drop.op.type) == (DropKind.DECISION, blamed)


DRAWN = "it is read in a branch or loop that this sample, or this draw, does not enter"


def test_a_decision_about_integers_stays_where_it_is():
    (drop,) = drops(run("d:bool() = Greater y 0 @g", inputs=["x", "y:int32"], decisions=["d"]))
    assert drop.op.type == "Greater"


@pytest.mark.parametrize(
    ("fields", "in_branches", "reason"),
    [
        ({}, frozenset(), ""),
        ({"optional": True}, frozenset(), "it is read only when an optional argument is given"),
        ({"blamed_is_library": True}, frozenset(), "the layer is library code that does not need it here"),
        ({}, frozenset({"g/v"}), DRAWN),
        ({"optional": True}, frozenset({"g/v"}), DRAWN),
    ],
)
def test_why_a_variable_is_unread(fields, in_branches, reason):
    subject = run(inputs=["x"], variables=["head/kernel", variable("g/v", **fields)])
    (drop,) = drops(subject, in_branches=in_branches)
    assert (drop.reason, drop.is_by_design) == (reason, bool(reason))


def test_unread_variables_are_joined_by_line_by_layer_or_by_who_should_call_them():
    lost = [
        variable("a/k", file="m.py", line=1),
        variable("b/k", file="m.py", line=1),
        variable("c/k"),
        variable("c/b"),
        variable("d/e/k", owner_called=False, blamed="d"),
        variable("d/f/k", owner_called=False, blamed="d"),
        variable("d/g/k", owner_called=False, blamed="d", optional=True),
    ]
    found = drops(run(inputs=["x"], variables=["head/kernel", *lost]))
    assert [(drop.layer, len(drop.variables), drop.kind) for drop in found] == [
        ("a", 2, DropKind.UNREAD),
        ("c", 2, DropKind.UNREAD),
        ("d", 2, DropKind.UNREAD_LAYER),
        ("d/g", 1, DropKind.UNREAD_LAYER),
    ]


def test_what_is_meant_does_not_excuse_what_is_not():
    lost = [variable("a/k", file="m.py", line=1, optional=True), variable("b/k", file="m.py", line=1)]
    found = drops(run(inputs=["x"], variables=["head/kernel", *lost]))
    assert [(drop.layer, drop.is_by_design) for drop in found] == [("a", True), ("b", False)]


class TestOnPaper:
    """What a model file alone says of its inputs."""

    @staticmethod
    def spec(*inputs: InputSpec, builtin: bool = True) -> ModelSpec:
        return ModelSpec("m", "Functional", inputs=inputs, is_builtin_only=builtin)

    def test_inputs_that_nothing_is_connected_to(self) -> None:
        unused = [InputSpec(key, key, (None, 4), "float32", used=False) for key in ("b", "c")]
        found = unread_on_paper(self.spec(InputSpec("a", "a", (None, 4), "float32"), *unused))
        assert kinds(found) == [(DropKind.UNREAD, ("b",), ()), (DropKind.UNREAD, ("c",), ())]

    @pytest.mark.parametrize(
        ("entry", "builtin"),
        [
            (InputSpec("b", "b", (None, 4), "float32"), True),
            (InputSpec("b", "b", (None, 4), "float32", used=False, optional=True), True),
            (InputSpec("b", "b", (None, 4), "float32", used=False, declared=False), True),
            (InputSpec("b", "b", (None, 4), "float32", used=False), False),  # its train_step may read it
        ],
    )
    def test_others_are_left_to_the_run(self, entry: InputSpec, builtin: bool) -> None:
        assert unread_on_paper(self.spec(entry, builtin=builtin)) == ()
