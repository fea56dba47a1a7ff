from __future__ import annotations

import pytest
from flows import facts, flow, found, variable

from gradlint.rules.gl204_constant_normalization import RULE

BOTH = (("x",), ("dense/kernel",))


def chain(*lines, units=1, **options):
    """x through a Dense layer of one unit and `lines`, which take h and make c."""
    options = {"inputs": ["x"], "variables": [f"dense/kernel(4,{units})", "head/kernel"], "outputs": ["o"]} | options
    return flow(
        f"h(8,{units}) = MatMul x dense/kernel @dense",
        *lines,
        "o = MatMul c head/kernel @head",
        "-- loss",
        "loss() = Mean o",
        **options,
    )


def pooled(batch, pools):
    """An instance normalization, behind a global pool or on pictures of one pixel."""
    size = 3 if pools else 1
    return flow(
        f"h({batch},{size},{size},4) = Conv2D x dense/kernel @dense",
        f"p({batch},1,1,4) = {'Mean' if pools else 'Relu'} h @pool",
        f"g({batch},1,1,4,1) = Reshape p shape @norm",
        f"m({batch},1,1,4,1) = Mean g @norm !zero",
        f"c({batch},1,1,4,1) = Sub g m @norm",
        "o = MatMul c head/kernel @head",
        "-- loss",
        "loss() = Mean o",
        inputs=[f"x({batch},5,5,3)"],
        variables=["dense/kernel(3,3,3,4)", "head/kernel"],
        outputs=["o"],
        gradients=dict.fromkeys(["g", "p", "h", "x", "dense/kernel", "dense/kernel'"], "zero"),
    )


SOFTMAX = "c(8,1) = Softmax h @act :4 !zero"
CENTRED = ("m(8,1) = Mean h @norm !zero", "c(8,1) = Sub h m @norm")
CANCELS = dict.fromkeys(["h", "x", "dense/kernel", "dense/kernel'"], "zero")
FIRES = {
    "softmax of one unit": (chain(SOFTMAX), [("error", *BOTH, "act Softmax :4")]),
    "log_softmax of one unit": (
        chain("c(8,1) = LogSoftmax h @act !zero"),
        [("error", *BOTH, "act LogSoftmax")],
    ),
    "behind bias and reshape": (
        chain("b(8,1) = BiasAdd h zeros", "r(2,4,1) = Reshape b shape", "c(2,4,1) = Softmax r @act !zero"),
        [("error", *BOTH, "act Softmax")],
    ),
    "minus its own mean, over units": (
        chain(*CENTRED, gradients=CANCELS),
        [("error", *BOTH, "norm Mean")],
    ),
    "softmax of one unit behind a transposition": (
        chain(
            "r(2,4,1) = Reshape h shape",
            "t(2,1,4) = Transpose r order",
            "b(2,4,1) = Transpose t order",
            "c(2,4,1) = Softmax b @act !zero",
        ),
        [("error", *BOTH, "act Softmax")],
    ),
    "softmax over a time axis of one, of many units": (
        chain("r(2,1,4) = Reshape h shape", "t(2,4,1) = Transpose r order", "c(2,4,1) = Softmax t @act !zero", units=4),
        [("info", *BOTH, "act Softmax")],
    ),
    "normalization of what a global pool leaves": (pooled(8, 1), [("error", *BOTH, "norm Mean")]),
    "normalization of a batch of one": (pooled(1, 1), [("info", *BOTH, "norm Mean")]),
    "normalization of a picture of one pixel": (pooled(8, 0), [("info", *BOTH, "norm Mean")]),
    "softmax of one time step": (
        flow(
            "s(8,1) = MatMul x dense/kernel @dense",
            "t(8,1) = Transpose s order",
            "c(8,1) = Softmax t @act !zero",
            "-- loss",
            "loss() = Mean c",
            inputs=["x"],
            variables=["dense/kernel(4,4)"],
        ),
        [("warning", *BOTH, "act Softmax")],
    ),
    "softmax of an input of one column": (
        flow(
            "c(8,1) = Softmax x @act !zero",
            "o = MatMul c k",
            "-- loss",
            "loss() = Mean o",
            inputs=["x(8,1)"],
            variables=["k"],
        ),
        [("info", ("x",), (), "act Softmax")],
    ),
}
ROW = ["m(1,4) = Mean h @norm !zero", "c(1,4) = Sub h m @norm"]


def one_row(*lines, **options):
    """A batch of one row whose mean over the batch is taken from it."""
    return flow(
        "h(1,4) = MatMul x dense/kernel @dense",
        *lines,
        "o(1,4) = MatMul c head/kernel @head",
        "-- loss",
        "loss() = Mean o",
        inputs=["x(1,4)"],
        variables=["dense/kernel(4,4)", "head/kernel"],
        outputs=["o"],
        gradients=CANCELS | options.pop("more", {}),
        **options,
    )


FIRES |= {
    "batch statistics of one row": (one_row(*ROW), [("warning", *BOTH, "norm Mean")]),
    "behind a rectifier that they close": (
        one_row(
            ROW[0],
            "d(1,4) = Sub h m @norm",
            "c(1,4) = Relu d @act !zero",
            more={"d": "zero"},
            values={"d": "zeros", "c": "zeros"},
        ),
        [("warning", *BOTH, "norm Mean")],
    ),
    "behind a dropout, over units": (
        chain(
            "k:bool(8,1) = GreaterEqual draw 0.1",
            "r(8,1) = SelectV2 k h 0.0",
            "c(8,1) = Softmax r @act !zero",
        ),
        [("error", *BOTH, "act Softmax")],
    ),
    "of an only unit with a weight of its own": (
        flow(
            "m(8,1) = Mean x @norm !zero",
            "d(8,1) = Sub x m @norm",
            "c(8,1) = Mul d norm/gamma @norm",
            "-- loss",
            "loss() = Mean c",
            inputs=["x(8,1)"],
            variables=["norm/gamma(1)"],
            gradients={"x": "zero"},
        ),
        [("warning", ("x",), (), "norm Mean")],
    ),
}
QUIET = {
    "softmax of two units": chain("c(8,2) = Softmax h !zero", units=2),
    "softmax of one unit that passes": chain("c(8,1) = Softmax h"),
    "sigmoid of one unit": chain("c(8,1) = Sigmoid h"),
    "minus the mean of several": chain("m(8,1) = Mean h !zero", "c(8,4) = Sub h m", units=4, gradients=CANCELS),
    "frozen and integers": chain(
        SOFTMAX, inputs=["x:int32"], variables=[variable("dense/kernel(4,1)", trainable=False), "head/kernel"]
    ),
    "one of two ways": chain("s(8,1) = Softmax h !zero", "c(8,1) = AddV2 s h"),
    "alive in a probe": facts(chain(SOFTMAX), probes=[chain("c(8,1) = Softmax h @act :4")]),
    "no loss": chain(SOFTMAX, loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", True), (1e-30, False), ("non-finite", False)])
def test_zero_is_not_tiny(state, fires):
    subject = chain(SOFTMAX, gradients=dict.fromkeys(CANCELS, state))
    assert bool(found(RULE, subject)) is fires
