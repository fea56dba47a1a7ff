from __future__ import annotations

import keras
import numpy as np
import pytest
from flows import facts, flow, found

import gradlint
from gradlint.record.start import Rate, Start, Update
from gradlint.rules.gl307_oversized_update import RULE


def updates_of(*pairs, size=12):
    return tuple(Update(f"dense_{n}/kernel", weight, update, size) for n, (weight, update) in enumerate(pairs))


def with_updates(*pairs, rate=0.1, **scaled):
    start = Start((Rate("SGD", "optimizer", rate, rate, False),), updates_of(*pairs), **scaled)
    return flow("o = MatMul x k", "-- loss", "loss() = Mean o", inputs=["x"], start=start)


FIRES = {
    "one": (with_updates((1.0, 1.1)), ("dense_0/kernel",)),
    "all together": (with_updates((1.0, 0.1), (1.0, 3.0)), ("dense_1/kernel",)),
    "infinitely": (with_updates((1.0, 1e30)), ("dense_0/kernel",)),
}
QUIET = {
    "smaller": with_updates((1.0, 0.99)),
    "a small kernel by itself": with_updates((10.0, 0.1), (0.1, 0.2)),
    "zeros by design": with_updates((0.0, 1.0), (1.0, 0.1)),
    "nothing moves": with_updates((1.0, 0.0)),
    "GL306 says it": with_updates((1.0, 2.0), rate=-1.0),
    "no weights": with_updates(),
}


@pytest.mark.parametrize(("size", "is_said"), [(1, False), (3, False), (4, True)])
def test_the_norm_of_a_few_weights_is_chance(size, is_said):
    start = Start((Rate("Adam", "optimizer", 0.1, 0.1, False),), updates_of((0.01, 0.1), (0.01, 0.1), size=size))
    assert bool(found(RULE, flow("o = MatMul x k", "-- loss", "loss() = Mean o", inputs=["x"], start=start))) is is_said


@pytest.mark.parametrize(("after", "is_said"), [(None, True), (9.0, True), (float("nan"), True), (0.1, False)])
def test_a_loss_that_falls_needs_no_smaller_update(after, is_said):
    subject = with_updates((1.0, 3.0), updated_loss=after)
    assert 0.1 < subject.recording.loss.value < 9.0
    evidence = [finding.evidence["loss_after_update"] for finding in RULE.check(facts(subject))]
    assert evidence == ([after if after == 9.0 else None] if is_said else [])


@pytest.mark.parametrize(("rate", "is_said"), [(0.1, False), (3.0, True)])
def test_a_plane_through_large_targets(rate, is_said):
    """The weights have far to go, and the update takes them there, or beyond."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((10,), name="x"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    rng = np.random.default_rng(7)
    x = rng.normal(size=(128, 10)).astype("float32")
    y = 152.0 + 77.0 * x @ rng.normal(size=(10, 1))
    before = [value.copy() for value in model.get_weights()]
    assert bool(gradlint.check(model, (x, y), select=["GL307"]).findings) is is_said
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))


def test_a_line_through_points():
    """As in TensorFlow's course: one weight, which Adam moves by a tenth however small it happens to start."""
    model = keras.Sequential([keras.Input((1,), name="celsius"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.layers[-1].set_weights([np.array([[0.007]]), np.zeros(1)])
    celsius = np.array([-40.0, -10.0, 0.0, 8.0, 15.0, 22.0, 38.0])[:, None]
    assert not gradlint.check(model, (celsius, 1.8 * celsius + 32.0), select=["GL307"]).findings


@pytest.mark.parametrize(("subject", "variables"), FIRES.values(), ids=FIRES)
def test_fires(subject, variables):
    assert found(RULE, subject) == [("warning", (), variables, "")]


@pytest.mark.parametrize(
    ("update", "inputs"), [(0.9, ("x",)), (99.0, ("x",)), (101.0, ())], ids=["falls", "falls tenfold", "stays"]
)
def test_inputs_are_the_reason_when_scaling_them_lowers_the_update(update, inputs):
    subject = with_updates((1.0, 1000.0), scaled_updates=updates_of((1.0, update)), scaled=(("x", 50.0),))
    assert found(RULE, subject) == [("warning", inputs, ("dense_0/kernel",), "")]


def test_only_the_large_input_is_named():
    small, large = keras.Input((4,), name="small"), keras.Input((4,), name="large")
    model = keras.Model([small, large], keras.layers.Dense(1)(keras.layers.Concatenate()([small, large])))
    model.compile(keras.optimizers.SGD(0.01), "mse")
    rng = np.random.default_rng(0)
    sample = {key: rng.normal(0, size, (32, 4)).astype("float32") for key, size in (("small", 1), ("large", 2000))}
    sample["y"] = 200 * sample["large"][:, :1]
    (finding,) = gradlint.check(model, sample, select=["GL307"]).findings
    assert finding.inputs == ("large",)
    assert "when 'large' is scaled by its own deviation" in finding.message


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Adam(1.0, clipnorm=1.0),
        keras.optimizers.SGD(50.0, global_clipnorm=1.0),
        keras.optimizers.RMSprop(1.0),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1.0)),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_is_what_the_optimizer_does(optimizer):
    """The update of the copy is that of `fit`, and the model is left as it was."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    rng = np.random.default_rng(0)
    sample = {"x": rng.normal(size=(16, 3)).astype("float32"), "y": rng.normal(size=(16, 1)).astype("float32")}
    before = model.get_weights()
    (finding,) = gradlint.check(model, sample, select=["GL307"]).findings
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
    assert int(optimizer.iterations) == 0
    model.fit(sample["x"], sample["y"], batch_size=16, epochs=1, verbose=0)
    kernels = [(old, new) for old, new in zip(before, model.get_weights(), strict=True) if old.any()]
    moved = sum(np.sum((new - old) ** 2) for old, new in kernels) ** 0.5
    weight = sum(np.sum(old**2) for old, _ in kernels) ** 0.5
    assert finding.evidence["ratio"] == pytest.approx(moved / weight, rel=1e-3)
