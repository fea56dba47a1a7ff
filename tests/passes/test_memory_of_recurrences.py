from __future__ import annotations

import keras
import numpy as np
import pytest
from flows import flow
from keras import layers

import gradlint
from gradlint.passes.memory import has_faded, memories


def sequence(orders, *, op="Unpack", region=()):
    """A sequence that is taken apart, with the order of magnitude of the gradient that arrives at each step."""
    steps = [f"s{n}" for n in range(len(orders))]
    return flow(
        *region,
        f"{' '.join(steps)} = {op} x @rnn",
        *[f"h{n} = AddV2 {f'h{n - 1}' if n else 's0'} s{n} @rnn" for n in range(len(orders))],
        *(() if region else ("-- loss",)),
        f"loss() = Mean h{len(orders) - 1}",
        inputs=["x"],
        gradients={
            step: order if isinstance(order, str) else 10.0**order for step, order in zip(steps, orders, strict=True)
        },
    )


FALLING = [-0.2 * n for n in range(40)]
UNDERFLOWN = [*["zero"] * 10, *[-30.0 + n for n in range(30)]]
FIRES = {
    "from the last step": (sequence(FALLING[::-1]), 0.2, ()),
    "from the first step": (sequence(FALLING), 0.2, ()),
    "flickering where float32 ends": (
        sequence([*["zero"] * 8, -29.5, "zero", *[-30.0 + n for n in range(30)]]),
        1.0,
        tuple(range(10)),
    ),
    "until float32 ends": (sequence(UNDERFLOWN), 1.0, tuple(range(10))),
}
QUIET = {
    "even": sequence([0.0] * 40),
    "every step has a loss": sequence([0.1 * (-1) ** n for n in range(40)]),
    "few steps": sequence(FALLING[:15]),
    "only the first step is read": sequence([0.0, *["zero"] * 39]),
    "zeros that are no underflow": sequence(["zero"] * 10 + [-3.0 + 0.1 * n for n in range(30)]),
    "a hole": sequence([-0.2 * n if n != 20 else "zero" for n in range(40)][::-1]),
    "no gradient": sequence(["absent"] * 40),
    "not a number": sequence(["non-finite"] * 40),
    "in the loss": sequence(FALLING, region=("-- loss",)),
}


@pytest.mark.parametrize(("subject", "per_step", "faded"), FIRES.values(), ids=FIRES)
def test_a_steady_fall(subject, per_step, faded):
    (memory,) = memories(subject)
    assert memory.per_step == pytest.approx(per_step)
    assert memory.reach == pytest.approx(3 / per_step)
    assert memory.faded == faded


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_no_fall(subject):
    assert memories(subject) == ()


def test_only_what_faded_has_faded():
    subject = sequence(UNDERFLOWN)
    assert has_faded(subject, "x", range(10), 40)
    assert not has_faded(subject, "x", range(11), 40)
    assert not has_faded(subject, "y", range(10), 40)
    assert not has_faded(subject, "x", range(10), 30)


@pytest.mark.parametrize(
    ("layer", "labels", "codes"),
    [
        (layers.SimpleRNN(8, recurrent_initializer=keras.initializers.RandomNormal(stddev=0.1)), (4, 1), ["GL303"]),
        (layers.SimpleRNN(8), (4, 1), []),
        (layers.SimpleRNN(8, return_sequences=True), (4, 80, 1), []),
    ],
    ids=["short memory", "memory", "a loss at every step"],
)
def test_of_live_models(layer, labels, codes):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((80, 3), name="x"), type(layer).from_config(layer.get_config()), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    sample = {"x": rng.normal(size=(4, 80, 3)).astype("float32"), "y": rng.normal(size=labels)}
    findings = gradlint.check(model, sample, select=["GL303", "GL205"]).findings
    assert [finding.code for finding in findings] == codes
    assert all(str(finding.severity) == "info" for finding in findings)
