"""Steps that ask several losses in turn: what belongs to another one, or to an optimizer, is no cause."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


def dense(units, name):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, name=f"{name}_dense")], name=name)


def trained(network, optimizer, tape, loss):
    variables = network.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))


def moments(values):
    return np.array([[np.mean(values), np.std(values), np.max(values)]], "float32")


@pytest.mark.parametrize("is_broken", [True, False])
def test_a_detour_on_the_way_to_another_loss_is_not_the_cause(is_broken):
    maker, judge = dense(3, "maker"), dense(1, "judge")
    optimizers = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)

    def step(x):
        made = maker(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(judge(moments(made.numpy())) ** 2)  # the judge learns from it all the same
        trained(judge, optimizers[0], tape, loss)
        with tf.GradientTape() as tape:
            made = maker(x)
            seen = moments(made.numpy()) if is_broken else tf.reduce_mean(made, 0, keepdims=True)  # <- here
            loss = tf.reduce_mean(judge(seen) ** 2)
        trained(maker, optimizers[1], tape, loss)
        return loss

    found = gradlint.check_step(step, X, models=[maker, judge]).findings
    assert [finding.code for finding in found] == (["GL105"] if is_broken else [])
    if is_broken:
        assert found[0].cause.line == step.__code__.co_firstlineno + 7


def test_what_an_optimizer_wrote_before_is_no_path_of_a_value():
    actor, critic = dense(3, "actor"), dense(1, "critic")
    optimizers = keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1)

    def step(x):
        target = critic(actor(x))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((critic(x) - target) ** 2)
        trained(critic, optimizers[0], tape, loss)
        with tf.GradientTape() as tape:
            actor(x)
            loss = -tf.reduce_mean(critic(x))
        gradients = tape.gradient(loss, actor.trainable_variables)
        optimizers[1].apply_gradients(zip(gradients, actor.trainable_variables, strict=True))

    found = gradlint.check_step(step, X, models=[actor, critic]).findings
    assert {finding.code for finding in found} == {"GL102"}
    assert not any("assignment" in finding.message for finding in found)


def test_an_update_inside_of_a_tape_is_a_part_of_what_the_tape_sees():
    network, scale = dense(1, "network"), tf.Variable(1.0, name="scale")
    optimizer = keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as tape:
                loss = scale * tf.reduce_mean(network(x) ** 2)
            trained(network, optimizer, tape, loss)
            later = tf.reduce_mean((network(x) - 1.0) ** 2)
        return outer.gradient(later, scale)

    found = gradlint.check_step(step, X, models=[network], variables=[scale]).findings
    assert "GL609" in {finding.code for finding in found}


@pytest.mark.parametrize("is_inside", [True, False])
def test_a_model_that_numpy_function_calls_is_lost_there(is_inside):
    network, optimizer = dense(2, "network"), keras.optimizers.SGD(0.1)

    def choose(x):
        return np.asarray(network(x)), np.int32(0)

    @tf.function
    def train(x):
        with tf.GradientTape() as tape:
            values, choice = tf.numpy_function(choose, [x], [tf.float32, tf.int32])  # <- here
            values = tf.ensure_shape(values, (8, 2)) if is_inside else network(x)
            loss = tf.reduce_mean(tf.gather(values, choice, axis=1) ** 2)
        trained(network, optimizer, tape, loss)

    found = gradlint.check_step(lambda x: train(tf.constant(x)), X, models=[network]).findings
    assert [finding.code for finding in found] == (["GL105"] if is_inside else [])
    if is_inside:
        assert found[0].cause.line == choose.__code__.co_firstlineno + 6
        assert len(found[0].variables) == 2


@pytest.mark.parametrize(
    ("kept", "is_told"), [("nothing", True), ("norm", False), ("printed norm", False), ("clipped", False)]
)
def test_clipped_gradients_that_nobody_applies(kept, is_told):
    network, optimizer = dense(2, "network"), keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(network(x) ** 2)
        gradients = tape.gradient(loss, network.trainable_variables)
        clipped, norm = tf.clip_by_global_norm(gradients, 0.5)  # <- here
        if kept == "clipped":
            gradients = clipped
        if kept == "printed norm":
            print(float(norm))
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return (loss, norm) if kept == "norm" else loss

    found = [finding for finding in gradlint.check_step(step, X, models=[network]).findings if finding.code == "GL619"]
    assert bool(found) is is_told
    if is_told:
        assert found[0].cause.op == "Mul"
        assert found[0].cause.line == step.__code__.co_firstlineno + 4


@pytest.mark.parametrize("weighs", [True, False])
def test_a_norm_that_weighs_the_next_loss_is_a_use_of_a_gradient(weighs):
    network, optimizer = dense(2, "network"), keras.optimizers.SGD(0.1)
    weight, logged = (tf.Variable(1.0, trainable=False) for _ in range(2))

    def step(x):
        with tf.GradientTape(persistent=True) as tape:
            part = tf.reduce_mean(network(x)[:, 0] ** 2)
            loss = weight * part + tf.reduce_mean(network(x) ** 2)
        norm = tf.norm(tape.gradient(part, network.trainable_variables[0]))
        trained(network, optimizer, tape, loss)
        (weight if weighs else logged).assign(1.0 / (norm + 1.0))

    found = {finding.code for finding in gradlint.check_step(step, X, models=[network]).findings}
    assert ("GL619" in found) is not weighs


def test_predict_takes_arrays_beside_tensors():
    inputs = {name: keras.Input((3,), name=name) for name in ("state", "action")}
    world = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Concatenate()(list(inputs.values()))), name="world")
    actor, optimizer = dense(3, "actor"), keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape() as tape:
            state, loss = tf.constant(x), 0.0
            for _ in range(2):
                state = world.predict_on_batch({"state": state, "action": actor(state)})  # <- here
                loss += tf.reduce_mean(state)
        gradients = tape.gradient(loss, actor.trainable_variables)
        optimizer.apply_gradients(zip(gradients, actor.trainable_variables, strict=True))

    (finding,) = gradlint.check_step(step, X, models=[actor]).findings
    assert (finding.code, finding.cause.line) == ("GL603", step.__code__.co_firstlineno + 4)


def test_a_part_that_no_update_gets_beside_those_that_move():
    network = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="first"), keras.layers.Dense(1, name="last")]
    )
    optimizer = keras.optimizers.SGD(0.1)

    def step(x, is_whole):
        variables = network.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(network(x) ** 2)
        flat = tf.concat([tf.reshape(g, [-1]) for g in tape.gradient(loss, variables)], axis=0)
        parts = tf.split(0.5 * flat, [int(np.prod(v.shape)) for v in variables])
        ready = [tf.reshape(part, v.shape) for part, v in zip(parts, variables, strict=True)]
        count = len(ready) if is_whole else 2
        optimizer.apply_gradients(zip(ready[:count], variables[:count], strict=True))

    assert gradlint.check_step(step, X, True, models=[network]).findings == ()
    (finding,) = gradlint.check_step(step, X, False, models=[network]).findings
    assert (finding.code, len(finding.variables)) == ("GL622", 2)
    assert "no update gets them" in finding.message


@pytest.mark.parametrize("is_inside", [True, False])
def test_a_derivative_in_a_direction_is_a_use_of_a_gradient(is_inside):
    network, optimizer = dense(2, "network"), keras.optimizers.SGD(0.1)

    def step(x):
        values = [v.value for v in network.trainable_variables]
        with tf.GradientTape() as outer:
            with tf.autodiff.ForwardAccumulator(values, [tf.ones(v.shape) for v in values]) as accumulator:
                with tf.GradientTape() as inner:
                    loss = tf.reduce_mean(tf.tanh(network(x)) ** 2)
                slopes = inner.gradient(loss, values) if is_inside else None
            slopes = slopes or inner.gradient(loss, values)
            products = [p for p in accumulator.jvp(slopes) if p is not None]
            loss += 1e-3 * tf.add_n([tf.zeros(())] + [tf.reduce_sum(p) for p in products])
        optimizer.apply_gradients(zip(outer.gradient(loss, values), network.trainable_variables, strict=True))

    found = {finding.code for finding in gradlint.check_step(step, X, models=[network]).findings}
    assert ("GL619" in found) is not is_inside


def test_what_is_named_and_does_not_learn_at_all():
    student, teacher, optimizer = dense(2, "student"), dense(2, "teacher"), keras.optimizers.SGD(0.1)

    def step(x, learner, other):
        target = other(x, training=False)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((learner(x, training=True) - target) ** 2)
        trained(learner, optimizer, tape, loss)

    assert gradlint.check_step(step, X, student, teacher, models=[student]).findings == ()
    (finding,) = gradlint.check_step(step, X, teacher, student, models=[student]).findings
    assert (finding.code, len(finding.variables)) == ("GL102", 2)


def test_a_number_that_an_optimizer_wrote_is_told_where_the_gradient_became_one():
    network, optimizer = dense(2, "network"), keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sqrt(tf.nn.relu(network(x) - 100.0)))  # <- here
        trained(network, optimizer, tape, loss)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(network(x) ** 2)
        trained(network, optimizer, tape, loss)

    (finding,) = gradlint.check_step(step, X, models=[network]).findings
    assert (finding.code, finding.cause.op) == ("GL301", "Sqrt")
    assert finding.cause.line == step.__code__.co_firstlineno + 2
