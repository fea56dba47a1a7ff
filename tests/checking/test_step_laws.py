"""Laws of observed steps: whatever a step does, everything is as it was; and with `keep` as if nobody had looked.

Random small steps. The examples are the same in every run; to search for new ones:
`LAWS_EXAMPLES=200 pytest tests/checking/test_step_laws.py`.
"""

from __future__ import annotations

import contextlib
import os
import random
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from keras import layers

import gradlint

pytestmark = pytest.mark.exhaustive

EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "0"))
searching = settings(
    max_examples=EXAMPLES or 12,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=tuple(Phase) if EXAMPLES else (Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "adam with an average": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=1),
    "schedule": lambda: keras.optimizers.RMSprop(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)),
    "accumulating": lambda: keras.optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01), initial_scale=8.0),
}
LAYERS = {
    "dense": lambda: layers.Dense(5, "tanh"),
    "batch normalization": layers.BatchNormalization,
    "dropout": lambda: layers.Dropout(0.5, seed=3),
    "noise": lambda: layers.GaussianNoise(0.3),
    "spectral": lambda: layers.SpectralNormalization(layers.Dense(5)),
}


@dataclass(frozen=True)
class Plan:
    """What a step consists of."""

    optimizer: str
    middle: tuple[str, ...]
    was_used: bool
    is_function: bool
    batches: int
    ending: str
    extras: frozenset[str]


class World:
    """A step of one plan, with all that it touches."""

    def __init__(self, plan: Plan) -> None:
        keras.utils.set_random_seed(5)
        self.plan = plan
        parts = [LAYERS[name]() for name in plan.middle]
        self.net = keras.Sequential([keras.Input((4,)), layers.Dense(5), *parts, layers.Dense(1)])
        self.shadow = keras.models.clone_model(self.net)
        self.optimizer = OPTIMIZERS[plan.optimizer]()
        self.metric = keras.metrics.MeanSquaredError()
        self.counter = tf.Variable(0, dtype=tf.int64)
        self.seeds = keras.random.SeedGenerator(11)
        self.batch = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
        self.step = tf.function(self.once) if plan.is_function else self.once
        if plan.was_used:
            self.step(self.batch)

    def once(self, x: Any) -> Any:
        plan, net = self.plan, self.net
        if "random" in plan.extras:
            x = x + keras.random.normal((6, 4), seed=self.seeds)
        for _ in range(plan.batches):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(net(x, training=True) - x[:, :1]))
                loss = self.optimizer.scale_loss(loss) if plan.optimizer == "scaled" else loss
            slopes = tape.gradient(loss, net.trainable_variables)
            self.optimizer.apply_gradients(zip(slopes, net.trainable_variables, strict=True))
        if "metric" in plan.extras:
            self.metric.update_state(x[:, :1], net(x, training=False))
        if "counter" in plan.extras:
            self.counter.assign_add(1)
        if "average" in plan.extras:
            for slow, fast in zip(self.shadow.weights, net.weights, strict=True):
                if slow.dtype == "float32":
                    slow.assign(0.9 * slow + 0.1 * fast)
        if plan.ending == "error":
            raise KeyError("the loader is empty")
        if plan.ending == "none":
            return tf.reduce_mean(tape.gradient(loss, net.trainable_variables)[0])  # a tape that is used up
        return loss

    def variables(self) -> dict[str, Any]:
        owned = [*self.net.variables, *self.shadow.variables, *self.optimizer.variables, *self.metric.variables]
        found = {f"{number} {v.path}": np.array(v) for number, v in enumerate([*owned, self.seeds.state])}
        return found | {"counter": self.counter.numpy()}

    def others(self) -> dict[str, Any]:
        return {
            "built": self.optimizer.built,
            "random": random.getstate(),
            "numpy": [str(part) for part in np.random.get_state()],
            "generator": tf.random.get_global_generator().state.numpy().tolist(),
            "eager": tf.config.functions_run_eagerly(),
            "policy": keras.config.dtype_policy().name,
            "trainable": [v.trainable for v in self.net.variables],
            "losses": len(self.net.losses),
        }


PLANS = st.builds(
    Plan,
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    middle=st.lists(st.sampled_from(sorted(LAYERS)), max_size=3, unique=True).map(tuple),
    was_used=st.booleans(),
    is_function=st.booleans(),
    batches=st.integers(1, 2),
    ending=st.sampled_from(["loss", "loss", "error", "none"]),
    extras=st.frozensets(st.sampled_from(["random", "metric", "counter", "average"])),
)
WAYS = st.sampled_from(["check_step", "check_step without names", "watch"])


def look(world: World, way: str, **options: Any) -> None:
    """Observe the step; what it ends with is not the matter here."""
    with contextlib.suppress(gradlint.ModelRunError, KeyError, RuntimeError):
        if way == "watch":
            with gradlint.watch(world.net, world.shadow, optimizers=[world.optimizer], **options):
                world.step(world.batch)
        else:
            models = [world.net, world.shadow] if way == "check_step" else []
            gradlint.check_step(world.step, world.batch, models=models)


def made(plan: Plan) -> World:
    """A world in which the step ran before, or did not; an error then is none of this law."""
    with contextlib.suppress(KeyError, RuntimeError):
        return World(plan)
    return World(Plan(**{**vars(plan), "was_used": False}))


@given(plan=PLANS, way=WAYS)
@searching
def test_everything_is_as_it_was(plan: Plan, way: str) -> None:
    world = made(plan)
    variables, others = world.variables(), world.others()
    look(world, way)
    after = world.variables()
    assert list(after) == list(variables)
    assert [name for name in after if not np.array_equal(after[name], variables[name])] == []
    assert world.others() == others


# A function that ends with an error while it is traced has done nothing; observed, it runs up to there.
@given(plan=PLANS.filter(lambda plan: not plan.is_function or plan.ending == "loss"))
@searching
def test_kept_steps_do_what_they_would_have_done(plan: Plan) -> None:
    alone, watched = made(plan), made(plan)
    with contextlib.suppress(KeyError, RuntimeError):
        alone.step(alone.batch)
    look(watched, "watch", keep=True)
    expected, found = alone.variables(), watched.variables()
    assert [name.partition(" ")[0] for name in found] == [name.partition(" ")[0] for name in expected]
    # The gradient of a bias before a normalization is rounding alone, which Adam makes a step of full length of.
    atol = 0.05 if "batch normalization" in plan.middle else 1e-5
    for name, value in zip(found, expected.values(), strict=True):
        np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=atol, err_msg=name)
