from __future__ import annotations

import pytest
from flows import flow, variable

from gradlint.passes.nonfinite import births

LOST = dict.fromkeys(["x", "k"], "non-finite")


def run(*lines, **options):
    options = {"inputs": ["x"], "variables": ["k"]} | options
    return flow("h = MatMul x k @dense", *lines, "loss() = Mean c", **options)


def forward(*lines, **known):
    return births(run(*lines, values=known, gradients=LOST, loss_value=None))


def blamed(found):
    return [birth.op.type if birth.op else birth.source for birth in found]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"a": "nan", "b": "nan", "c": "nan"}, ["Log"]),
        ({"b": "nan", "c": "nan"}, ["Exp"]),
        ({"a": "inf", "b": "nan", "c": "nan"}, ["Log"]),
        ({"a": "inf", "b": "inf", "c": "inf"}, ["Log"]),
        ({"b": "inf", "c": "nan"}, ["Exp"]),
        ({"x": "nan", "h": "nan", "a": "nan"}, ["x"]),
        ({"h": "nan", "a": "nan"}, ["MatMul"]),
        ({}, []),
    ],
    ids=str,
)
def test_the_first_operation(known, expected):
    assert blamed(forward("a = Log h", "b = Exp a", "c = Tanh b", **known)) == expected


def test_an_infinity_elsewhere_is_not_the_cause_of_a_nan():
    assert blamed(forward("i = Div y z", "n = Log h", "c = AddV2 i n", i="inf", n="nan", c="nan")) == ["Log"]


def test_an_infinity_that_somebody_wrote_down_has_no_operation():
    assert blamed(forward("m = AddV2 h mask", "c = Softmax m", mask="inf", m="inf", c="nan")) == ["Softmax"]


def test_an_input_comes_before_a_variable_before_an_operation():
    lines, known = ["c = Log h"], {"c": "nan"}
    both = run(*lines, values=known | {"x": "nan"}, variables=[variable("k", values="nan")], loss_value=None)
    assert blamed(births(both)) == ["x"]
    one = run(*lines, values=known, variables=[variable("k", values="nan")], loss_value=None)
    assert blamed(births(one)) == ["k"]


def test_what_the_loss_does_not_read_does_not_count():
    assert births(run("d = Log y", "c = Tanh h", inputs=["x", "y"], values={"y": "nan", "d": "nan"})) == ()


def test_the_cause_is_on_the_way_to_the_loss():
    assert blamed(forward("d = Log h @aside", "c = Exp h", d="nan", c="nan")) == ["Exp"]


def test_labels():
    subject = run("-- loss", "c = Sub h y", labels=["y"], values={"y": "nan", "c": "nan"}, loss_value=None)
    assert blamed(births(subject)) == ["y"]


@pytest.mark.parametrize(("gradients", "count"), [({}, 0), ({"h": "non-finite", "x": "non-finite"}, 1)])
def test_a_masked_infinity_is_harmless_until_its_gradient_is_not(gradients, count):
    subject = run("m = Log h", "c = SelectV2 p m z", values={"m": "inf"}, gradients=gradients)
    assert len(births(subject)) == count


def test_a_loss_that_is_not_finite_needs_no_gradient():
    assert blamed(births(run("c = Log h", values={"c": "nan"}, loss_value=None))) == ["Log"]


class TestBackward:
    def test_the_operation_that_makes_it(self):
        (birth,) = births(run("r = Sqrt h !non-finite", "c = Tanh r", values={"h": (0.0, 2.0)}))
        assert birth.backward
        assert (birth.op.type, birth.inputs, [v.path for v in birth.variables]) == ("Sqrt", ("x",), ["k"])
        assert (birth.low, birth.high) == (0.0, 2.0)

    def test_what_it_only_passes_on_is_not_named(self):
        (birth,) = births(run("p = Exp h", "r = Sqrt p !non-finite", "c = Tanh r"))
        assert birth.op.type == "Sqrt"

    def test_the_operand_is_the_one_with_the_bad_gradient(self):
        subject = run("r = Pow y h !none,non-finite", "c = Tanh r", values={"h": (-1.0, 0.0)})
        assert [(birth.low, birth.high) for birth in births(subject)] == [(-1.0, 0.0)]

    def test_only_victims_behind_it(self):
        subject = run("r = Sqrt h !non-finite", "s = AddV2 r y", "c = Tanh s", inputs=["x", "y"])
        assert [birth.inputs for birth in births(subject)] == [("x",)]

    def test_two_in_a_row_in_one_layer_of_library_code_are_one(self):
        lines = ("p = Sqrt x @norm !non-finite", "q = Sqrt y @norm !non-finite", "c = AddV2 p q")
        assert len(births(run(*lines, inputs=["x", "y"]))) == 1


def test_nothing_without_a_loss():
    assert births(run("c = Log h", values={"c": "nan"}, loss="none")) == ()
