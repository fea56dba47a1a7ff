"""A check never changes what it checks, nor anything around it."""

from __future__ import annotations

import logging
import os
import random
import sys
import warnings
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import systems
import tensorflow as tf
from keras import layers
from running import FIXTURES

import gradlint
from gradlint.upstream.names import value_of

if TYPE_CHECKING:
    from collections.abc import Callable


class CountingModel(keras.Model):
    """Its own training step, metric and counter: everything that a step would move."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.seen = keras.metrics.Mean(name="seen")
        self.steps = self.add_weight(name="steps", shape=(), trainable=False)

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with tf.GradientTape() as tape:
            prediction = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=prediction)
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
        )
        self.seen.update_state(loss)
        self.steps.assign_add(1.0)
        return {"seen": self.seen.result()}


def trained(kind: type[keras.Model]) -> tuple[keras.Model, dict[str, Any]]:
    x, z = keras.Input((6,), name="x"), keras.Input((6,), name="z")
    hidden = layers.BatchNormalization()(layers.Dense(8)(layers.Concatenate()([x, z])))
    hidden = layers.GaussianNoise(0.1)(layers.Dropout(0.5)(layers.ReLU()(hidden)))
    model = kind({"x": x, "z": z}, layers.Dense(1)(hidden))
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"] if kind is keras.Model else None)
    generator = np.random.default_rng(0)
    sample = {key: generator.normal(size=(16, 6)).astype("float32") for key in ("x", "z")}
    sample["y"] = generator.normal(size=(16, 1)).astype("float32")
    model.fit({"x": sample["x"], "z": sample["z"]}, sample["y"], epochs=2, verbose=0)
    return model, sample


def with_a_dead_and_a_cut_branch() -> tuple[keras.Model, dict[str, Any]]:
    """Suspicious enough to be probed, with one more run each."""
    x, z = keras.Input((6,), name="x"), keras.Input((6,), name="z")
    dead = layers.Dense(4, activation="relu", bias_initializer=keras.initializers.Constant(-100.0))(x)
    model = keras.Model({"x": x, "z": z}, layers.Dense(1)(layers.Concatenate()([dead, keras.ops.round(z)])))
    model.compile("sgd", "mse")
    generator = np.random.default_rng(0)
    sample = {key: generator.normal(size=(16, 6)).astype("float32") for key in ("x", "z")}
    return model, {**sample, "y": generator.normal(size=(16, 1)).astype("float32")}


def state_of(model: keras.Model) -> dict[str, Any]:
    variables = [*model.variables, *(model.optimizer.variables if model.optimizer else []), *model.metrics_variables]
    return {
        "values": [np.array(variable) for variable in variables],
        "trainable": [variable.trainable for variable in variables],
        "paths": [variable.path for variable in variables],
        "layers": [(layer.name, layer.trainable, len(layer._inbound_nodes)) for layer in model._flatten_layers()],
        "compiled": (model.compiled, model.loss, id(model.optimizer), model.run_eagerly, model.jit_compile),
        "functions": (id(model.train_function), id(model.test_function), id(model.predict_function)),
        "dictionary": sorted(vars(model)),
        "losses": len(model.losses),
    }


def state_of_the_world() -> dict[str, Any]:
    generator = tf.random.get_global_generator()
    return {
        "random": random.getstate(),
        "numpy": [part.tolist() if isinstance(part, np.ndarray) else part for part in np.random.get_state()],
        "tf generator": generator.state.numpy().tolist(),
        "functions eager": tf.config.functions_run_eagerly(),
        "executing eagerly": tf.executing_eagerly(),
        "floatx": keras.config.floatx(),
        "policy": keras.config.dtype_policy().name,
        "traceback filtering": keras.config.is_traceback_filtering_enabled(),
        "filters": list(warnings.filters),
        "logging": logging.root.manager.disable,
        "loggers": [logging.getLogger(name).level for name in ("tensorflow", "absl")],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "standard streams": (id(sys.stdout), id(sys.stderr)),
        "imperative gradient": id(value_of("imperative_grad")),
        "calls": id(keras.Operation.__call__),
        "record": id(value_of("record_operation")),
        "numpy conversion": id(value_of("eager tensor methods").numpy),
        "optimizers": (id(keras.Optimizer.apply), id(keras.Optimizer.apply_gradients)),
    }


def next_draws() -> list[Any]:
    """What every source of randomness, and of names, gives next."""
    names = [layers.Dense(1).name, layers.Dense(1).name, layers.ReLU().name]
    return [
        names,
        random.random(),
        np.random.normal(),
        float(tf.random.normal(())),
        float(tf.random.get_global_generator().normal(())),
        float(keras.random.normal(())),
        np.array(keras.initializers.GlorotUniform()((2, 2))).tolist(),
    ]


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert before.keys() == after.keys()
    for name, old in before.items():
        if name == "values":
            for path, one, other in zip(before["paths"], old, after[name], strict=True):
                np.testing.assert_array_equal(one, other, err_msg=path)
        else:
            assert old == after[name], name


BUILDS: list[Callable[[], tuple[keras.Model, dict[str, Any]]]] = [
    lambda: trained(keras.Model),
    lambda: trained(CountingModel),
    with_a_dead_and_a_cut_branch,
]


@pytest.mark.parametrize("mode", ["training", "inference"])
@pytest.mark.parametrize("build", BUILDS, ids=["compiled", "train_step", "probed"])
def test_model_and_world_stay_as_they_were(build: Callable[[], Any], mode: str) -> None:
    keras.utils.set_random_seed(3)
    model, sample = build()
    first = gradlint.check(model, sample, mode=mode)  # what is made on first use is there
    arrays = {key: array.copy() for key, array in sample.items()}
    model_before, world_before = state_of(model), state_of_the_world()
    result = gradlint.check(model, sample, mode=mode)
    assert result.variables
    assert result.to_json() == first.to_json()
    assert_same(model_before, state_of(model))
    assert_same(world_before, state_of_the_world())
    for key, array in arrays.items():
        np.testing.assert_array_equal(array, sample[key])


@pytest.mark.parametrize("build", BUILDS, ids=["compiled", "train_step", "probed"])
def test_the_next_random_numbers_and_names_are_the_same(build: Callable[[], Any]) -> None:
    def draws(check: bool) -> list[Any]:
        keras.utils.clear_session()
        model, sample = build()
        keras.utils.set_random_seed(11)
        tf.random.set_global_generator(tf.random.Generator.from_seed(5))
        if check:
            gradlint.check(model, sample)
        return next_draws()

    assert draws(check=True) == draws(check=False)


def test_a_state_that_no_model_lists_stays_and_leaks_nothing() -> None:
    window = keras.Input(batch_shape=(4, 6, 3), name="window")
    recurrent = layers.GRU(5, stateful=True, return_sequences=True)
    model = keras.Model(window, layers.Dense(3)(recurrent(window)))
    model.compile("sgd", "mse")
    waves = np.random.default_rng(0).normal(size=(4, 7, 3)).astype("float32")
    (state,) = recurrent.states
    assert all(state is not variable for variable in model.variables)
    # Each run begins with the same state, or the end of one would reach the first step of the next.
    assert not gradlint.check(model, {"window": waves[:, :-1], "y": waves[:, 1:]}).findings
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(state), np.zeros((4, 5)))


def test_training_goes_on_as_if_nothing_had_happened() -> None:
    def losses(check: bool) -> list[float]:
        keras.utils.clear_session()
        keras.utils.set_random_seed(4)
        model, sample = trained(keras.Model)
        if check:
            gradlint.check(model, sample)
        inputs = {key: sample[key] for key in ("x", "z")}
        return model.fit(inputs, sample["y"], epochs=2, batch_size=8, verbose=0).history["loss"]

    assert losses(check=True) == losses(check=False)


def test_loading_a_file_moves_nothing() -> None:
    def draws(check: bool) -> list[Any]:
        keras.utils.clear_session()
        keras.utils.set_random_seed(12)
        tf.random.set_global_generator(tf.random.Generator.from_seed(5))
        if check:
            gradlint.check(
                FIXTURES / "concat_dense.keras",
                FIXTURES / "concat_dense.npz",
                imports=[str(FIXTURES / "systems.py")],
            )
        return next_draws()

    assert draws(check=True) == draws(check=False)


def test_a_check_that_fails_leaves_nothing_behind() -> None:
    model = systems.custom_loss()
    sample = systems.custom_loss_sample()
    gradlint.check(model, sample)
    model_before, world_before = state_of(model), state_of_the_world()
    model_loss = type(model).compute_loss

    def failing(self: Any, *args: Any, **options: Any) -> Any:
        raise ZeroDivisionError("on purpose")

    type(model).compute_loss = failing
    try:
        with pytest.raises(gradlint.ModelRunError, match="on purpose"):
            gradlint.check(model, sample)
    finally:
        type(model).compute_loss = model_loss
    assert_same(model_before, state_of(model))
    assert_same(world_before, state_of_the_world())
