from __future__ import annotations

import pytest
from flows import call, facts, flow, found, on_other_data

from gradlint.rules.gl102_disconnected_variable import RULE as DISCONNECTED
from gradlint.rules.gl103_nondifferentiable_op import RULE as NONDIFFERENTIABLE
from gradlint.rules.gl104_stop_gradient import RULE as STOPPED
from gradlint.rules.gl201_zero_gradient import RULE as ZERO
from gradlint.rules.gl202_dead_relu import RULE as DEAD


def severities(rule, subject):
    return [severity for severity, *_ in found(rule, subject)]


def dense(*lines, **options):
    """x through a Dense layer and `lines`, which take h and make c."""
    options = {"inputs": ["x"], "variables": ["dense/kernel"]} | options
    return flow("h = MatMul x dense/kernel @dense", *lines, "-- loss", "loss() = Mean c", **options)


def probed(subject, **options):
    """Every run of the sample and of its probes shows the same."""
    return facts(subject, probes=[subject], **options)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (probed(dense("c = Relu h !zero")), "error"),  # nothing learns, in every run
        (facts(dense("c = Relu h !zero")), "warning"),  # nothing learns, in this sample
        (probed(dense("c = Relu h !zero", loss_value=0.0)), "info"),  # the margin is satisfied
    ],
    ids=["confirmed", "in this sample only", "a satisfied loss"],
)
def test_where_nothing_learns_the_certainty_decides(subject, expected):
    assert severities(DEAD, subject) == [expected]


@pytest.mark.parametrize(
    ("neutral", "expected"),
    [(on_other_data(), "warning"), (on_other_data("dense/kernel"), "info"), (None, "info")],
    ids=["on all data", "on these data", "not tried"],
)
def test_a_dead_unit_beside_an_open_path_counts_where_it_stays_dead(neutral, expected):
    lines = ("r = Relu h !zero", "k = MatMul x skip/kernel", "c = AddV2 r k")
    subject = dense(*lines, variables=["dense/kernel", "skip/kernel"])
    assert severities(DEAD, probed(subject, neutral=neutral)) == [expected]


def test_gradients_that_cancel_out_beside_an_open_path_are_mathematics_on_all_data():
    lines = ("r = Exp h !zero", "k = MatMul x skip/kernel", "c = AddV2 r k")
    subject = dense(*lines, variables=["dense/kernel", "skip/kernel"])
    assert severities(ZERO, probed(subject, neutral=on_other_data())) == ["info"]


@pytest.mark.parametrize("loss_value", [0.0, 1.0])
def test_a_constant_factor_of_zero_is_lost_in_every_sample(loss_value):
    subject = dense("c = Mul h nothing !zero,passes", values={"nothing": "zeros"}, loss_value=loss_value)
    assert severities(ZERO, facts(subject, neutral=on_other_data())) == ["error"]


def test_a_term_of_weight_zero_is_meant():
    subject = dense(
        "t = Mul h nothing !zero,passes",
        "k = MatMul x skip/kernel",
        "c = AddV2 t k",
        variables=["dense/kernel", "skip/kernel"],
        values={"nothing": "zeros"},
    )
    assert severities(ZERO, probed(subject)) == ["info"]


def test_a_dropped_result_is_a_warning_unless_nothing_else_learns():
    head = "p = Mul x gate/scale @gate"
    assert severities(DISCONNECTED, dense(head, "c = Tanh h", variables=["dense/kernel", "gate/scale"])) == ["warning"]
    alone = flow(head, "-- loss", "loss() = Mean x", inputs=["x"], variables=["gate/scale"])
    assert severities(DISCONNECTED, alone) == ["error"]


def test_an_input_handed_over_on_purpose_is_a_remark():
    stopped = flow("s = StopGradient x", "c = MatMul s k", "-- loss", "loss() = Mean c", inputs=["x"], variables=["k"])
    assert severities(STOPPED, stopped) == ["info"]


@pytest.mark.parametrize(
    ("of", "expected"),
    [({"is_library": True}, "info"), ({"is_library": False}, "warning")],
    ids=["a library's preprocessing", "an own layer"],
)
def test_an_input_lost_alone(of, expected):
    layer = call("rescaling", class_name="Rescaling", **of)
    subject = flow(
        "s = Round x @rescaling", "c = MatMul s k", "-- loss", "loss() = Mean c",
        inputs=["x"], variables=["k"], calls=[layer],
    )  # fmt: skip
    assert severities(NONDIFFERENTIABLE, subject) == [expected]


@pytest.mark.parametrize(("alive", "expected"), [((), "error"), (("x", "dense/kernel"), "info")])
def test_a_loss_that_compares_and_cannot_move_is_lost_unless_it_moves_on_other_data(alive, expected):
    subject = flow(
        "h = MatMul x dense/kernel @dense",
        "-- loss",
        "d = Sub h y",
        "p = ClipByValue d !zero",
        "loss() = Mean p",
        inputs=["x"],
        variables=["dense/kernel"],
        labels=["y"],
        loss_value=1.0,
    )
    assert severities(ZERO, probed(subject, neutral=on_other_data(*alive))) == [expected]
