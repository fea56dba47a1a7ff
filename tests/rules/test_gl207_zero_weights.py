from __future__ import annotations

import keras
import numpy as np
import pytest
from flows import facts, flow, found, variable

import gradlint
from gradlint.rules.gl207_zero_weights import RULE

ZERO_LAST = variable("last/kernel", values="zeros")


def chain(last="!zero,zero", *, variables=("dense/kernel", ZERO_LAST), **options):
    """x through a Dense layer and one with a kernel of zeros."""
    return flow(
        "h = MatMul x dense/kernel @dense",
        f"o = MatMul h last/kernel @last :7 {last}",
        "-- loss",
        "loss() = Mean o",
        inputs=options.pop("inputs", ["x"]),
        variables=variables,
        outputs=["o"],
        **options,
    )


def residual(*variables, **options):
    """A skip connection around the branch that ends in zeros."""
    return flow(
        "h = MatMul x dense/kernel @dense",
        "b = MatMul h last/kernel @last !zero,passes",
        "o = AddV2 x b",
        "-- loss",
        "loss() = Mean o",
        inputs=["x"],
        variables=variables,
        outputs=["o"],
        **options,
    )


DENSE_ZERO = variable("dense/kernel", values="zeros")
FIRES = {
    "two in a row": (
        chain(variables=[DENSE_ZERO, ZERO_LAST]),
        [("warning", ("x",), ("dense/kernel", "last/kernel"), "last MatMul :7")],
    ),
    "one, if it stays": (
        chain("!zero,passes"),
        [("warning", ("x",), ("dense/kernel",), "last MatMul :7")],
    ),
    "in a branch, before it something else": (
        residual("dense/kernel", ZERO_LAST),
        [("info", (), ("dense/kernel",), "last MatMul")],
    ),
    "in a branch, before it only zeros": (
        residual(DENSE_ZERO, ZERO_LAST),
        [("info", (), ("dense/kernel",), "last MatMul")],
    ),
    "of one layer of a library": (
        residual(
            variable("dense/kernel", values="zeros", layer="last", blamed_is_library=True),
            variable("last/kernel(4,4)", values="zeros", layer="last", blamed_is_library=True),
        ),
        [("info", (), ("dense/kernel",), "last MatMul")],
    ),
    "reshaped": (
        flow(
            "k = Reshape last/kernel shape @last",
            "o = Conv2D x k @last !zero,passes",
            "-- loss",
            "loss() = Mean o",
            inputs=["x"],
            variables=[ZERO_LAST],
            values={"k": "zeros"},
        ),
        [("info", ("x",), (), "last Conv2D")],
    ),
}
QUIET = {
    "not zero": chain(variables=["dense/kernel", variable("last/kernel", values=(0.0, 1.0))]),
    "moves away with the first step": facts(chain("!zero,passes"), probes=[chain("!passes")]),
    "adapter after a step": facts(
        residual("dense/kernel", ZERO_LAST),
        probes=[residual("dense/kernel", "last/kernel", gradients={"h": 1.0, "dense/kernel": 1.0})],
    ),
    "frozen": chain(variables=["dense/kernel", variable("last/kernel", values="zeros", trainable=False)]),
    "a zero that is no variable": flow(
        "o = Mul x mask !zero,none", "-- loss", "loss() = Mean o", inputs=["x"], values={"mask": "zeros"}
    ),
    "a zero bias": flow(
        "o = AddV2 x bias", "-- loss", "loss() = Mean o", inputs=["x"], variables=[variable("bias", values="zeros")]
    ),
    "no loss": chain(loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", True), (1e-30, False), ("non-finite", False)])
def test_zero_is_not_tiny(state, fires):
    subject = chain("!zero,passes", gradients=dict.fromkeys(["h", "x", "dense/kernel", "dense/kernel'"], state))
    assert bool(found(RULE, subject)) is fires


def test_names_the_kernel():
    (finding,) = RULE.check(facts(chain("!zero,passes")))
    assert finding.message.startswith("'last/kernel' is all zeros")


def model_of(*layers):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,), name="x"), *layers])
    model.compile("adam", "mse")
    return model


def dense(units, activation=None, kernel="glorot_uniform"):
    return keras.layers.Dense(units, activation, kernel_initializer=kernel)


HUGE = keras.initializers.Constant(50.0)


@pytest.mark.parametrize(
    ("layers", "codes"),
    [
        ([dense(8, "relu", "zeros"), dense(1)], ["GL207"]),
        ([dense(8, "relu", "zeros"), dense(1, None, "zeros")], ["GL207"]),
        ([dense(8, "tanh", HUGE), dense(1, None, "zeros")], ["GL203", "GL206"]),
        ([dense(8, "tanh"), dense(1, None, "zeros")], []),
        ([dense(8, "relu"), dense(1, None, "zeros")], []),
    ],
)
def test_of_live_models(layers, codes):
    """A zero head that an update moves is no cause: what keeps the gradient away behind it is."""
    x = 1 + np.abs(np.random.default_rng(0).normal(size=(16, 6))).astype("float32")
    result = gradlint.check(model_of(*layers), {"x": x, "y": x[:, :1]})
    assert sorted(finding.code for finding in result.findings if str(finding.severity) != "info") == codes
