"""What becomes of zeros when the sample is replaced: on hand-built flows, with the experiment written down."""

from __future__ import annotations

import pytest
from flows import flow, on_other_data, op, position_of, variable

from gradlint.passes.blame import blamed
from gradlint.passes.blocks import blocks
from gradlint.passes.otherdata import Drawn
from gradlint.passes.reasons import Why

DEAD = flow(
    "s = FloorDiv x @scale",
    "h = MatMul s k @dense",
    "r = Relu h !zero",
    "c = MatMul r w",
    "loss() = Mean c",
    inputs=["x:uint8"],
    variables=["k", "w"],
    gradients={"k": "zero"},
)


def told(neutral, subject=DEAD):
    found = blamed(subject, blocks(subject, ()), neutral)
    return [(b.op.type, b.why, tuple(v.path for v in b.variables), b.revived_by is not None) for b in found]


def test_what_lives_on_other_data_is_told_from_what_stays_dead():
    assert told(on_other_data("k")) == [("Relu", Why.RECTIFIER, ("k",), True)]
    assert told(on_other_data()) == [("Relu", Why.RECTIFIER, ("k",), False)]


def test_it_is_told_on_which_data():
    (block,) = blamed(DEAD, blocks(DEAD, ()), on_other_data("k", drawn=Drawn.WIDE))
    assert block.revived_by.drawn is Drawn.WIDE
    assert not block.is_tested


def test_zeros_that_an_operation_makes_of_all_data_are_told_there():
    zeroed = {position_of(DEAD, "Relu"): position_of(DEAD, "FloorDiv")}
    assert told(on_other_data(zeroed=zeroed)) == [("FloorDiv", Why.ZEROED, ("k",), False)]
    # On wider data the gradient passes: these are no zeros that the operation makes of all.
    wide = on_other_data("k", drawn=Drawn.WIDE, zeroed=zeroed)
    assert told(wide) == [("Relu", Why.RECTIFIER, ("k",), True)]


def test_what_a_closed_rectifier_starves_belongs_to_it():
    subject = flow(
        "h = MatMul x k",
        "r = Relu h !zero",
        "c = MatMul r w !passes,zero",
        "loss() = Mean c",
        inputs=["x"],
        variables=["k", "w"],
        values={"r": "zeros"},
    )
    assert [b.why for b in blocks(subject, ())] == [Why.RECTIFIER, Why.ZERO_ACTIVATION]
    zeroed = {position_of(subject, "MatMul", 1): position_of(subject, "Relu")}
    assert told(on_other_data(zeroed=zeroed), subject) == [("Relu", Why.RECTIFIER, ("k", "w"), False)]


def test_no_experiment_is_asked_about_what_has_a_reason_in_its_form():
    subject = flow("h = MatMul x k", "c = Sign h !zero", "loss() = Mean c", inputs=["x"], variables=["k"])

    def never(positions):
        raise AssertionError("nothing is to be tested")

    assert told(never, subject) == [("Sign", Why.STEP, ("k",), False)]


def test_zeros_that_a_weight_makes_are_not_of_the_data():
    subject = flow(
        "s = MatMul x z",
        "h = MatMul s k !passes,zero",
        "loss() = Mean h",
        inputs=["x:uint8"],
        variables=[variable("z", values="zeros", trainable=False), "k"],
        values={"s": "zeros"},
    )
    zeroed = {position_of(subject, "MatMul", 1): position_of(subject, "MatMul")}
    assert [why for _, why, *_ in told(on_other_data(zeroed=zeroed), subject)] == [Why.ZERO_ACTIVATION]


@pytest.mark.parametrize(("norm", "lives"), [(1e-9, True), (0.5, False)])
def test_a_tiny_gradient_lives_where_it_is_a_hundred_times_as_large(norm, lives):
    (other, *_) = on_other_data("k")(())
    assert other.revives("k", norm) is lives


def test_a_saturated_function_opens_for_all_that_is_behind_it():
    subject = flow(
        "h = MatMul x k",
        op("c = Sigmoid h", saturated=0.96),
        "loss() = Mean c",
        inputs=["x"],
        variables=["k"],
        gradients={"k": 1e-4},
    )
    (block,) = blamed(subject, blocks(subject, ()), on_other_data("k"))
    assert (block.inputs, [v.path for v in block.variables], block.revived_by is not None) == (("x",), ["k"], True)
    (block,) = blamed(subject, blocks(subject, ()), on_other_data())
    assert block.revived_by is None
