"""What `check_step` finds in training steps, at which line, and where it is quiet."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from tests.checking.steps import broken, healthy


def made_parts():
    return broken.parts(
        other=broken.dense_net(name="other"),
        target=broken.dense_net(name="target"),
        square=broken.square_net(),
        regularised=broken.regularised_net(),
        lazy=keras.optimizers.SGD(0.0),
        scaling=keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
        w=keras.Variable([[1.0]] * 4, name="w"),
        sum=keras.Variable([[0.0]] * 4, trainable=False, name="sum"),
    )


def arguments(step):
    outputs = 4 if "square" in inspect.getsource(step) else 1
    return made_parts(), *broken.data(outputs=outputs)


def models_of(parts, step):
    source = inspect.getsource(step)
    return [parts[name] for name in ("net", "other", "square", "regularised") if f'p["{name}"]' in source]


def marked(step):
    lines, first = inspect.getsourcelines(step)
    return next((first + n, line.split("# <- ")[1].strip()) for n, line in enumerate(lines) if "# <- " in line)


BROKEN = [f for name, f in vars(broken).items() if inspect.isfunction(f) and "# <- " in inspect.getsource(f)]
FIXED = [f for name, f in vars(broken).items() if inspect.isfunction(f) and name.endswith("_fixed")]


@pytest.mark.parametrize("step", BROKEN, ids=lambda step: step.__name__)
def test_a_broken_step_is_explained_at_its_line(step):
    parts, x, y = arguments(step)
    result = gradlint.check_step(step, parts, x, y, models=models_of(parts, step))
    line, code = marked(step)
    assert not result.crashed
    assert (code, line) in [(f.code, f.cause.line) for f in result.findings if f.severity.value != "info"], str(result)


@pytest.mark.parametrize("step", FIXED, ids=lambda step: step.__name__)
def test_a_repaired_step_is_quiet(step):
    parts, x, y = arguments(step)
    result = gradlint.check_step(step, parts, x, y, models=models_of(parts, step))
    assert not result.crashed
    assert [str(f) for f in result.findings if f.severity.value != "info"] == []


HEALTHY = [f for name, f in vars(healthy).items() if inspect.isfunction(f) and f.__module__ == healthy.__name__]
HEALTHY.remove(healthy.array)


def state(models):
    return [variable.numpy().copy() for model in models for variable in model.variables]


@pytest.mark.parametrize("build", HEALTHY, ids=lambda build: build.__name__)
def test_a_healthy_step_is_quiet_and_leaves_its_models_as_they_were(build):
    step, given, models = build()
    before = state(models)
    result = gradlint.check_step(step, *given, models=models)
    assert not result.crashed
    assert [str(f) for f in result.findings if f.severity.value != "info"] == []
    assert all(np.array_equal(one, other) for one, other in zip(before, state(models), strict=True))


def test_an_optimizer_has_no_slots_afterwards():
    parts, x, y = arguments(broken.no_pairs_fixed)
    optimizer = parts["optimizer"] = keras.optimizers.Adam(1e-3)
    before = len(optimizer.variables)
    gradlint.check_step(broken.no_pairs_fixed, parts, x, y)
    assert (optimizer.built, len(optimizer.variables), int(optimizer.iterations)) == (False, before, 0)
    broken.no_pairs_fixed(parts, x, y)
    assert int(optimizer.iterations) == 1


def test_a_step_that_was_traced_before_is_looked_into():
    parts, x, y = arguments(broken.late_call_in_helper)
    net, optimizer = parts["net"], parts["optimizer"]

    @tf.function
    def step(x, y):
        prediction = net(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((prediction - y) ** 2) + 0.0 * tf.reduce_sum(net.trainable_variables[0])
        variables = net.trainable_variables
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients([pair for pair in zip(gradients, variables, strict=True) if pair[0] is not None])

    step(x, y)
    result = gradlint.check_step(step, x, y, models=[net])
    assert {"GL601", "GL616"} <= {finding.code for finding in result.findings}


def test_watch_reports_what_runs_and_puts_it_back():
    parts, x, y = arguments(broken.float_loss)
    with pytest.raises(TypeError), gradlint.watch(parts["net"]) as watched:
        broken.float_loss(parts, x, y)
    assert [finding.code for finding in watched.result.findings] == ["GL604"]
    before = state([parts["net"]])
    with gradlint.watch(parts["net"]) as watched:
        broken.no_pairs_fixed(parts, x, y)
    assert watched.result.ok
    assert np.array_equal(before[0], state([parts["net"]])[0])
    with gradlint.watch(parts["net"], keep=True):
        broken.no_pairs_fixed(parts, x, y)
    assert not np.array_equal(before[0], state([parts["net"]])[0])


def test_an_error_that_has_nothing_to_do_with_gradients_ends_the_check():
    def step():
        raise KeyError("no such entry")

    with pytest.raises(gradlint.ModelRunError, match="no such entry"):
        gradlint.check_step(step)


def test_models_and_variables_are_found_when_nobody_names_them():
    parts, x, y = arguments(broken.encoder_unasked)
    result = gradlint.check_step(broken.loss_after_block, parts, x, y)
    assert len(result.variables) == 4
    assert [finding.code for finding in result.findings] == ["GL602"]


def test_a_step_under_a_strategy_is_observed_in_one_replica():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        net, optimizer = broken.dense_net(), keras.optimizers.SGD(0.1)

    def late(x, y):
        prediction = net(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((prediction - y) ** 2)
        variables = net.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    @tf.function
    def step(x, y):
        return strategy.run(late, (x, y))

    before = state([net])
    result = gradlint.check_step(step, *broken.data(), models=[net])
    assert [finding.code for finding in result.findings] == ["GL601"]
    assert all(np.array_equal(one, other) for one, other in zip(before, state([net]), strict=True))
