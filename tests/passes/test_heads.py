from __future__ import annotations

import pytest
from flows import flow, function, output

from gradlint.operations import Trait, with_trait
from gradlint.passes.heads import heads


def run(*lines, out="o", known=(0.0, 1.0), functions=None, name="out", **options):
    options = {"outputs": [output(out, name=name)]} | options
    return flow(
        "h = MatMul x k @dense",
        *lines,
        f"loss() = Mean {out}",
        inputs=["x"],
        variables=["k"],
        functions=functions or [function("out", "categorical_crossentropy")],
        values={out: known},
        **options,
    )


@pytest.mark.parametrize(
    ("lines", "activation", "op_type"),
    [
        (["o = Softmax h"], "Softmax", "Softmax"),
        (["o = Sigmoid h"], "Sigmoid", "Sigmoid"),
        (["o = Relu h"], None, "Relu"),
        (["o = Identity h"], None, "MatMul"),
        (["p = Softmax h", "q = Softmax x", "o = AddV2 p q"], "Softmax", "AddV2"),
        (["p = Softmax h", "q = Sigmoid x", "o = AddV2 p q"], None, "AddV2"),
        (["p = Softmax h", "q = Relu x", "o = AddV2 p q"], None, "AddV2"),
        (["p = Softmax h", "o = Mul p 0.5"], "Softmax", "Mul"),
        (["p = Softmax h", "o = Exp p"], None, "Exp"),
    ],
)
def test_the_activation(lines, activation, op_type):
    (head,) = heads(run(*lines))
    assert (head.activation, head.op.type) == (activation, op_type)


@pytest.mark.parametrize("op_type", sorted(with_trait(Trait.KEEPS_VALUES)))
def test_through_what_changes_only_the_form(op_type):
    (head,) = heads(run("p = Softmax h @act", f"o = {op_type} p @flat"))
    assert (head.op.type, head.activation) == ("Softmax", "Softmax")


@pytest.mark.parametrize("known", [(-0.1, 1.0), (0.0, 1.5)])
def test_what_leaves_the_unit_interval_is_no_probability(known):
    (head,) = heads(run("p = Sigmoid h", "o = Mul p 2", known=known))
    assert head.activation is None


@pytest.mark.parametrize(("shape", "units"), [("(8,5)", 5), ("(8,1)", 1), ("(8,)", 8), ("()", 1)])
def test_units(shape, units):
    (head,) = heads(run(f"o{shape} = Softmax h"))
    assert head.units == units


def test_without_values_nothing_is_known():
    assert heads(run("o = Softmax h", known=None)) == ()


def test_a_loss_of_ones_own():
    assert heads(run("o = Softmax h", functions=[function("out", "mine", builtin=False)])) == ()


def test_an_output_that_no_operation_made():
    assert heads(run(out="x")) == ()


def test_the_only_output_needs_no_name():
    assert len(heads(run("o = Softmax h", name="dense"))) == 1


def test_of_two_outputs_the_name_decides():
    functions = [function("p", "binary_crossentropy"), function("q", "mean_squared_error")]
    subject = run(
        "p = Sigmoid h",
        "o = Tanh h",
        functions=functions,
        outputs=[output("p"), output("o", name="q")],
        known=(-1.0, 1.0),
    )
    pairs = [(head.output, head.loss.name) for head in heads(subject)]
    assert pairs == [("p", "binary_crossentropy"), ("q", "mean_squared_error")]
