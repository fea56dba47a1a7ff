from __future__ import annotations

import pytest
from flows import facts, flow, found, label

from gradlint.rules.gl405_label_broadcast import RULE


def compared(y, out, result, line=":9", op_type="Sub", before=(), operands="y o", **options):
    """Labels and predictions of these shapes, compared in the loss."""
    y, out, result = (f"({','.join(map(str, shape))})" for shape in (y, out, result))
    options = {"labels": [f"y{y}"], "outputs": ["o"]} | options
    return flow(
        f"o{out} = MatMul x k @head",
        "-- loss",
        *before,
        f"d{result} = {op_type} {operands} {line}",
        "loss() = Mean d",
        inputs=["x"],
        variables=["k"],
        **options,
    )


FIRES = {
    "vector against column": (compared((8,), (8, 1), (8, 8)), [("error", ("y",), (), "head Sub :9")]),
    "vector against column, turned": (
        compared((8,), (8, 1), (8, 8), operands="o y"),
        [("error", ("y",), (), "head Sub :9")],
    ),
    "labels repeated by Keras": (compared((8, 1), (8, 5), (8, 5), line=""), [("error", ("y",), (), "head Sub")]),
    "predictions repeated": (compared((8, 5), (8, 1), (8, 5)), [("error", ("y",), (), "head Sub :9")]),
    "labels of lower rank": (compared((5,), (8, 5), (8, 5)), [("error", ("y",), (), "head Sub :9")]),
    "both ways": (compared((8, 1, 3), (8, 5, 1), (8, 5, 3)), [("error", ("y",), (), "head Sub :9")]),
    "after a cast of the labels": (
        compared((8,), (8, 1), (8, 8), before=["f(8,) = Cast y"], operands="f o", labels=["y:int64(8,)"]),
        [("error", ("y",), (), "head Sub :9")],
    ),
    "after an operation on the predictions": (
        compared((8,), (8, 1), (8, 8), before=["p(8,1) = Log o"], operands="y p"),
        [("error", ("y",), (), "head Sub :9")],
    ),
    "a product": (compared((8,), (8, 1), (8, 8), op_type="Mul"), [("error", ("y",), (), "head Mul :9")]),
    "only the first of several": (
        compared((8,), (8, 1), (8, 8), before=["e:bool(8,8) = Equal y o :8"]),
        [("error", ("y",), (), "head Equal :8")],
    ),
}
QUIET = {
    "equal": compared((8, 1), (8, 1), (8, 1)),
    "one element each": compared((1,), (1, 1), (1, 1)),
    "a scalar label": compared((), (8, 1), (8, 1)),
    "quantiles in a loss of one's own": compared((8, 1), (8, 3), (8, 3)),
    "a product in Keras": compared((8,), (8, 1), (8, 8), op_type="Mul", line=""),
    "a row of labels against a table": compared((8,), (8, 8), (8, 8), before=["r(1,8) = Reshape y :8"], operands="o r"),
    "a mask of fewer axes": compared((8, 1), (8, 5), (8, 5), op_type="Mul"),
    "labels with labels": compared((8,), (8, 1), (8, 1), before=["m() = Mean y"], operands="y m"),
    "labels that meet what they made": compared((8,), (8, 1), (8, 8), before=["p(8,1) = AddV2 o y"], operands="y p"),
    "in the model": flow(
        "o(8,1) = MatMul x k",
        "d(8,8) = Sub y o",
        "-- loss",
        "loss() = Mean d",
        inputs=["x"],
        labels=["y(8,)"],
        variables=["k"],
    ),
    "no labels": compared((8,), (8, 1), (8, 8), labels=[]),
    "no loss": compared((8,), (8, 1), (8, 8), loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize("state", ["absent", "zero", 1e-30, "non-finite"])
def test_gradients_do_not_matter(state):
    gradients = dict.fromkeys(["o", "d", "x", "k"], state)
    assert len(found(RULE, compared((8,), (8, 1), (8, 8), gradients=gradients))) == 1
    assert found(RULE, compared((8, 1), (8, 1), (8, 1), gradients=gradients)) == []


def test_the_label_of_one_output_of_two():
    subject = flow(
        "p(8,1) = MatMul x a/kernel @a",
        "q(8,1) = MatMul x b/kernel @b",
        "-- loss",
        "c(8,1) = Sub y1 p",
        "d(8,8) = Sub y2 q :9",
        "m() = Mean c",
        "n() = Mean d",
        "loss() = AddV2 m n",
        inputs=["x"],
        labels=[label("y1(8,1)", output="p"), label("y2(8,)", output="q")],
        variables=["a/kernel", "b/kernel"],
    )
    assert found(RULE, subject) == [("error", ("y2",), (), "b Sub :9")]


def test_says_the_shapes():
    (finding,) = RULE.check(facts(compared((8,), (8, 1), (8, 8))))
    assert finding.message == "labels 'y' (8,) meet predictions (8, 1) in Sub and broadcast to (8, 8)"
    assert finding.evidence == {"label_shape": [8], "prediction_shape": [8, 1], "result_shape": [8, 8]}
