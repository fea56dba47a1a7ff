from __future__ import annotations

import pytest
from flows import flow, op, variable

from gradlint.passes.cuts import cuts, derivative_only
from gradlint.record.terms import Local


def run(*lines, **options):
    options = {"inputs": ["x"], "variables": ["k"], "outputs": []} | options
    return flow("h = MatMul x k @dense", *lines, "loss() = Mean c", **options)


def names(subject):
    """Operation, other operations, inputs and variables of each cut."""
    return [
        (c.op.type, [subject.op(o).type for o in c.others], c.inputs, tuple(v.path for v in c.variables))
        for c in cuts(subject)
    ]


ALL = (("x",), ("k",))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["r = Round h", "c = Tanh r"], [("Round", [], *ALL)]),
        (["c = Round h"], [("Round", [], *ALL)]),
        (["r = Round h", "c = Ceil r !none"], [("Round", [], *ALL)]),
        (["r = Round h :1", "c = Ceil r :2 !none"], [("Round", [], *ALL)]),
        (["s = StopGradient h", "c = Ceil s !none"], [("StopGradient", [], *ALL)]),
        (["r = Round h", "c = StopGradient r"], [("StopGradient", ["Round"], *ALL)]),
        (["i:int32 = Cast h :1", "f = Cast i :2", "c = Tanh f"], [("Cast", [], *ALL)]),
        (["i:int32 = Cast h :1", "f = Cast i :2", "c = Round f :3"], [("Cast", [], *ALL)]),
        (["r = Round h :1", "c = AddV2 r h"], []),
        (["v i:int32 = TopKV2 h !passes", "f = Cast i", "c = Tanh f"], [("TopKV2", [], *ALL)]),
        (["v i:int32 = TopKV2 h !passes", "c = GatherV2 v i"], []),
    ],
    ids=lambda value: " ; ".join(value) if value and isinstance(value[0], str) else "",
)
def test_the_first_of_the_deaf_operations_on_a_way(lines, expected):
    assert names(run(*lines)) == expected


def test_a_loss_that_counts_hits_is_blamed_for_the_count():
    """What it rounds first is rounded for the sake of the comparison."""
    hits = ["r = Round h", "-- loss", "e:bool = Equal r y !none", "c = Cast e"]
    assert names(run(*hits)) == [("Equal", ["Round"], *ALL)]
    assert names(run(*[line for line in hits if line != "-- loss"])) == [("Round", [], *ALL)]


def test_of_two_ways_the_one_before_the_outputs_is_named():
    subject = run("p = Round h", "-- loss", "q = Ceil h !none", "c = AddV2 p q", outputs=["p"])
    assert names(subject) == [("Round", ["Ceil"], *ALL)]


def test_of_two_ways_the_one_that_keeps_floats_is_named():
    subject = run("p = Round h", "m:bool = Greater h 0", "f = Cast m", "c = Mul p f")
    assert names(subject) == [("Round", ["Greater"], *ALL)]


def test_of_two_ways_the_one_on_the_users_line_is_named():
    assert names(run("p = Round h :3", "q = Round h", "c = AddV2 p q")) == [("Round", ["Round"], *ALL)]
    (cut,) = cuts(run("p = Round h :3", "q = Round h", "c = AddV2 p q"))
    assert cut.op.line == 3


def test_of_two_operations_the_one_with_more_victims_is_named():
    subject = run(
        "i = MatMul y l",
        "s = AddV2 h i",
        "p = Round s :1",
        "q = Ceil i :2 !none",
        "c = AddV2 p q",
        inputs=["x", "y"],
        variables=["k", "l"],
    )
    assert names(subject) == [("Round", ["Ceil"], ("x", "y"), ("k", "l"))]


def test_two_victims_with_their_own_cuts_are_two():
    subject = run(
        "p = Round h", "i = MatMul y l", "q = Ceil i !none", "c = AddV2 p q", inputs=["x", "y"], variables=["k", "l"]
    )
    assert names(subject) == [("Round", [], ("x",), ("k",)), ("Ceil", [], ("y",), ("l",))]


def test_an_earlier_cut_has_only_the_victims_that_cannot_go_around_it():
    subject = run(
        "p = Round h :1",
        "s = AddV2 p y",
        "c = Ceil s :2 !none",
        inputs=["x", "y"],
    )
    assert names(subject) == [("Round", [], *ALL), ("Ceil", [], ("y",), ())]


def test_what_cuts_again_on_the_way_to_the_loss_comes_with_the_first():
    (cut,) = cuts(run("i:int64 = ArgMax h :1", "f = Cast i :2", "c = Round f :3"))
    assert (cut.op.type, cut.later, cut.norm) == ("ArgMax", (4,), None)


def test_a_stop_beside_the_way_is_not_the_cause():
    """An advantage that is detached where it is made, and once more where the actor's loss reads it."""
    subject = flow(
        "v = MatMul x k",
        "a = StopGradient v @advantage",
        "d = StopGradient a @actor",
        "n = Mul d y",
        "q = Square a",
        "t = AddV2 n q",
        "-- loss",
        "loss() = Mean t",
        inputs=["x", "y"],
        variables=["k"],
    )
    (cut,) = cuts(subject)
    assert cut.op.layer == "advantage"


def test_an_experiment_has_the_last_word():
    subject = run("p = Round h :1", "i = MatMul y l", "s = AddV2 p i", "c = Ceil s :2 !none", inputs=["x", "y"],
                  variables=["k", "l"])  # fmt: skip

    def bridge(opened, tried, victims):
        return dict.fromkeys(victims, 0.5) if not opened else {}

    (cut,) = cuts(subject, bridge)
    assert (cut.op.type, cut.inputs, cut.norm) == ("Ceil", ("x", "y"), 0.5)
    assert cut.is_measured


def test_what_could_not_be_tested_goes_by_form():
    (cut,) = cuts(run("c = Round h"), lambda opened, tried, victims: None)
    assert (cut.op.type, cut.inputs, cut.is_measured) == ("Round", ("x",), False)


def test_an_earlier_cut_with_a_way_around_it_is_none():
    assert names(run("p = Round h :1", "s = AddV2 p h", "c = Ceil s :2 !none")) == [("Ceil", [], *ALL)]


def test_more_victims_count_more_than_leading_to_an_output():
    subject = run(
        "i = MatMul y l",
        "s = AddV2 h i",
        "q = Ceil i :2 !none",
        "-- loss",
        "p = Round s :1",
        "c = AddV2 p q",
        inputs=["x", "y"],
        variables=["k", "l"],
        outputs=["q"],
    )
    assert names(subject) == [("Round", ["Ceil"], ("x", "y"), ("k", "l"))]


def test_a_custom_gradient_is_to_blame_for_what_is_inside_of_it():
    subject = run(op("r = Round h", enclosed=True), op("c = Sign r", enclosed=True), op("c = CustomGradient h !none"))
    assert names(subject) == [("CustomGradient", [], *ALL)]


def test_a_custom_gradient_saves_what_is_inside_of_it():
    assert cuts(run(op("c = Round h", enclosed=True), "c = CustomGradient h")) == ()


def test_what_a_tape_did_not_record_is_blamed_on_its_maker():
    subject = run("c = Tanh h", gradients={"h": "absent", "x": "absent", "k": "absent"})
    assert names(subject) == [("MatMul", [], *ALL)]


def test_detours_and_assignments_are_deaf_whatever_the_recorder_says():
    assert names(run("c = NumpyConversion h")) == [("NumpyConversion", [], *ALL)]
    assert names(run("v:resource = AssignVariableOp m h", "c = ReadVariableOp v")) == [("AssignVariableOp", [], *ALL)]


@pytest.mark.parametrize(
    ("line", "local", "discrete"),
    [
        ("c = Round h", Local.NONE, False),
        ("c = Bessel h !unregistered", Local.UNREGISTERED, False),
        ("c = Odd h !raises", Local.RAISES, False),
        ("c:int64 = ArgMax h", Local.NONE, True),
    ],
)
def test_why_nothing_passes(line, local, discrete):
    (cut,) = cuts(run(line))
    assert (cut.local, cut.makes_discrete) == (local, discrete)


def test_only_victims_count():
    assert cuts(run("c = Round h", inputs=["x:int32"], variables=[variable("k", trainable=False)])) == ()
    assert cuts(run("c = Round h", inputs=["x:int32"], variables=[variable("k", tracked=False)])) == ()
    assert cuts(run("c = Round h", loss="none")) == ()


def test_only_in_a_derivative():
    subject = flow(
        "e = AddV2 x b",
        "f = InnerGradient e",
        "c = Mul f k",
        "loss() = Mean c",
        inputs=["x"],
        variables=["b", "k"],
    )
    assert [entry.variable.path for entry in derivative_only(subject)] == ["b"]
    assert cuts(subject) == ()


def test_in_a_derivative_and_by_value():
    subject = flow(
        "e = AddV2 x b",
        "f = InnerGradient e",
        "r = Round e",
        "c = Mul f r",
        "loss() = Mean c",
        inputs=["x"],
        variables=["b"],
    )
    assert derivative_only(subject) == ()
    assert [cut.op.type for cut in cuts(subject)] == ["Round"]
