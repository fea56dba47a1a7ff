from __future__ import annotations

import keras
import numpy as np
import pytest
from flows import facts, flow, found, function, output

import gradlint
from gradlint.rules.gl201_zero_gradient import RULE as GL201
from gradlint.rules.gl202_dead_relu import RULE as GL202
from gradlint.rules.gl301_nonfinite_gradient import RULE as GL301
from gradlint.rules.gl302_nonfinite_activation import RULE as GL302
from gradlint.rules.gl409_loss_activation_mismatch import RULE


def head(activation, name, *after, known=(0.0, 1.0), units=5, from_logits=False, builtin=True, result="o", **options):
    """A Dense layer, its activation, and a compiled loss of the output."""
    shape = f"(8,{units})"
    first = f"o{shape} = {activation} h @out" if activation else f"o{shape} = BiasAdd h bias @out"
    return flow(
        f"h{shape} = MatMul x k @out",
        first,
        *after,
        "-- loss",
        f"loss() = Mean {result}",
        inputs=["x"],
        variables=["k"],
        outputs=[output(result, name="out")],
        functions=[function("out", name, from_logits, builtin)],
        values={result: known},
        **options,
    )


LOGITS = {"from_logits": True, "known": (0.0, 1.0)}
FIRES = {
    "softmax twice": (head("Softmax", "categorical_crossentropy", **LOGITS), "out Softmax"),
    "sparse, softmax twice": (head("Softmax", "sparse_categorical_crossentropy", **LOGITS), "out Softmax"),
    "sigmoid twice": (head("Sigmoid", "binary_crossentropy", **LOGITS), "out Sigmoid"),
    "no softmax": (head("", "categorical_crossentropy", known=(-3.0, 3.0)), "out BiasAdd"),
    "no sigmoid": (head("", "binary_crossentropy", known=(-0.1, 0.9)), "out BiasAdd"),
    "above one": (head("Relu", "binary_crossentropy", known=(0.0, 1.1)), "out Relu"),
    "focal": (head("", "binary_focal_crossentropy", known=(-3.0, 3.0)), "out BiasAdd"),
    "softmax for yes and no": (head("Softmax", "binary_crossentropy"), "out Softmax"),
    "behind a reshape": (
        head("Softmax", "categorical_crossentropy", "r(8,5) = Reshape o shape @out", result="r", **LOGITS),
        "out Softmax",
    ),
    "an average of softmaxes": (
        head("Softmax", "categorical_crossentropy", "q(8,5) = Softmax h", "m(8,5) = AddV2 o q", result="m", **LOGITS),
        "AddV2",
    ),
}
QUIET = {
    "logits": head("", "categorical_crossentropy", from_logits=True, known=(-3.0, 3.0)),
    "softmax": head("Softmax", "categorical_crossentropy"),
    "sigmoid": head("Sigmoid", "binary_crossentropy"),
    "sigmoid of one unit": head("Sigmoid", "binary_crossentropy", units=1),
    "rounding above one": head("Softmax", "categorical_crossentropy", known=(0.0, 1.0 + 1e-7)),
    "mean squared error": head("", "mean_squared_error", known=(-3.0, 3.0)),
    "a loss of one's own": head("", "categorical_crossentropy", known=(-3.0, 3.0), builtin=False),
    "a scaled sigmoid": head(
        "Sigmoid", "binary_crossentropy", "s(8,5) = Mul o 4", result="s", from_logits=True, known=(0.0, 4.0)
    ),
    "values unknown": head("", "categorical_crossentropy", known=None),
    "loss of another output": flow(
        "o = MatMul x k",
        "p = MatMul x k",
        "-- loss",
        "loss() = Mean o",
        inputs=["x"],
        variables=["k"],
        outputs=["o", "p"],
        functions=[function("q", "categorical_crossentropy")],
        values={"o": (-3.0, 3.0), "p": (-3.0, 3.0)},
    ),
}


CONSTANT = {
    "one unit for several classes": head("Sigmoid", "categorical_crossentropy", units=1),
    "a softmax of one unit": head("Softmax", "binary_crossentropy", units=1),
    "a softmax of one unit, of logits": head("Softmax", "binary_crossentropy", units=1, from_logits=True),
}
BY_FORM = {
    "a rectifier within bounds": head("Relu", "binary_crossentropy", known=(0.1, 0.9)),
    "a dead rectifier": head("Relu", "categorical_crossentropy", known=(0.0, 0.0)),
    "a tanh within bounds": head("Tanh", "sparse_categorical_crossentropy", known=(0.1, 0.9)),
    "no activation, within bounds": head("", "binary_crossentropy", known=(0.1, 0.9)),
    "a softmax of a softmax": head("Softmax", "mean_squared_error", "r(8,5) = Softmax o @twice", result="r"),
    "a sigmoid of a softmax": head("Softmax", "binary_crossentropy", "r(8,5) = Sigmoid o @twice", result="r"),
}
OTHER_WAYS = {
    "a clipped layer": head("", "binary_crossentropy", "r(8,5) = ClipByValue o 0.0 1.0", result="r"),
    "a sum of branches": head("", "binary_crossentropy", "q(8,5) = Tanh x", "r(8,5) = AddV2 o q", result="r"),
    "a sharpened softmax": head(
        "Softmax", "categorical_crossentropy", "l(8,5) = Log o", "r(8,5) = Softmax l", result="r"
    ),
}


@pytest.mark.parametrize("subject", CONSTANT.values(), ids=CONSTANT)
def test_is_an_error_where_nothing_can_change(subject):
    assert [severity for severity, *_ in found(RULE, subject)] == ["error"]


@pytest.mark.parametrize("subject", BY_FORM.values(), ids=BY_FORM)
def test_form_decides_before_values(subject):
    assert [severity for severity, *_ in found(RULE, subject)] == ["warning"]


@pytest.mark.parametrize("subject", OTHER_WAYS.values(), ids=OTHER_WAYS)
def test_values_decide_where_the_form_does_not(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(
    ("kind", "loss", "severity"),
    [
        ("Sigmoid", "binary_crossentropy", "warning"),
        ("Softmax", "categorical_crossentropy", "info"),
        ("Sigmoid", "mean_squared_error", "warning"),
    ],
)
def test_a_rectifier_inside_takes_half_of_the_range(kind, loss, severity):
    subject = head("Relu", loss, f"r(8,5) = {kind} o @squash", result="r")
    assert found(RULE, subject) == [(severity, (), (), f"squash {kind}")]
    assert found(RULE, head("Selu", loss, f"r(8,5) = {kind} o @squash", result="r")) == []


@pytest.mark.parametrize(("revived", "severity"), [(False, "error"), (True, "warning")])
def test_is_an_error_where_no_other_sample_moves_anything(revived, severity):
    def run(state):
        zeros = dict.fromkeys(("h", "o", "x", "k"), state)
        return head("Relu", "binary_crossentropy", known="zeros", gradients=zeros)

    seen = facts(run("zero"), probes=(run(1.0 if revived else "zero"), run("zero")))
    assert [str(finding.severity) for finding in RULE.check(seen)] == [severity]


def test_sigmoids_for_one_class_of_several_are_an_info():
    assert found(RULE, head("Sigmoid", "categorical_crossentropy")) == [("info", (), (), "out Sigmoid")]


def divided(low):
    """A loss that divides an output, of which nothing more is known, by its sum."""
    return flow(
        "a(8,5) = Abs x @out",
        "o(8,5) = Mul a 0.1 @out",
        "-- loss",
        "s(8,1) = Sum o axis",
        f"p(8,5) = RealDiv o s{' !non-finite,none' if low == 0.0 else ''}",
        "loss() = Mean p",
        inputs=["x"],
        outputs=[output("o", name="out")],
        functions=[function("out", "categorical_crossentropy")],
        values={"o": (0.0, 0.5), "s": (low, 2.0)},
    )


@pytest.mark.parametrize(("low", "severities"), [(0.4, []), (0.0, ["error"])])
def test_rows_that_cannot_be_divided_by_their_sum(low, severities):
    assert [severity for severity, *_ in found(RULE, divided(low))] == severities


def test_one_unit_for_more_classes_than_that():
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1, "sigmoid", name="out")])
    model.compile("adam", "sparse_categorical_crossentropy")
    sample = {"x": np.linspace(0, 1, 24).reshape(8, 3) ** 2, "y": np.arange(8) % 3}
    (finding,) = gradlint.check(model, sample).findings
    assert (finding.code, finding.cause.layer) == ("GL409", model.layers[-1].path)
    assert "a unit for each of the 3 classes" in finding.message


def test_what_the_loss_makes_of_it_is_not_said_again():
    """The loss clips what is no probability, or divides by its sum of zero: one cause, one finding."""
    subject = flow(
        "h(8,5) = MatMul x k @out",
        "o(8,5) = Relu h @out",
        "-- loss",
        "p(8,5) = RealDiv o sum !non-finite,none",
        "loss() = Mean p",
        inputs=["x"],
        variables=["k"],
        outputs=[output("o", name="out")],
        functions=[function("out", "categorical_crossentropy")],
        values={"o": "zeros", "p": "nan"},
        loss_value=None,
    )
    assert found(RULE, subject) == [("error", (), (), "out Relu")]
    assert [code for other in (GL201, GL202, GL301, GL302) for code in found(other, subject)] == []


@pytest.mark.parametrize(("subject", "where"), FIRES.values(), ids=FIRES)
def test_fires(subject, where):
    assert found(RULE, subject) == [("warning", (), (), where)]


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize("state", ["absent", "zero", 1e-30, "non-finite"])
def test_gradients_do_not_matter(state):
    gradients = dict.fromkeys(["o", "h", "x", "k"], state)
    assert len(found(RULE, head("Softmax", "categorical_crossentropy", gradients=gradients, **LOGITS))) == 1
    assert found(RULE, head("Softmax", "categorical_crossentropy", gradients=gradients)) == []


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (
            head("Softmax", "categorical_crossentropy", **LOGITS),
            "ends in Softmax, but categorical_crossentropy is told",
        ),
        (head("", "binary_crossentropy", known=(-3.0, 2.5)), "(from -3 to 2.5 here)"),
        (head("Softmax", "binary_crossentropy"), "a softmax over 5 units"),
        (head("Sigmoid", "categorical_crossentropy", units=1), "has one unit"),
    ],
)
def test_says_what(subject, words):
    (finding,) = RULE.check(facts(subject))
    assert words in finding.message


def test_a_softmax_of_one_unit_under_binary_crossentropy():
    assert len(found(RULE, head("Softmax", "binary_crossentropy", units=1))) == 1


def test_the_layer_is_that_of_the_operation():
    subject = head("Softmax", "categorical_crossentropy", "r(8,5) = Reshape o shape @flat", result="r", **LOGITS)
    assert found(RULE, subject) == [("warning", (), (), "out Softmax")]
