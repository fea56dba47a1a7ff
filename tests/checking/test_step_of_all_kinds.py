"""Steps as people write them, in which one defect is one finding, and what looks like a defect is none."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

RNG = np.random.default_rng(0)
X = tf.constant(RNG.normal(size=(8, 4)).astype("float32"))
CLASSES = tf.constant(RNG.integers(0, 3, 8))
RETURNS = tf.constant(RNG.normal(size=8).astype("float32"))


def network(outputs=3, activation=None, name=None):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(outputs, activation)], name=name)


def loud(result):
    return [(finding.code, len(finding.variables)) for finding in result.findings if finding.severity.value != "info"]


def lines(result):
    return [finding.cause.line for finding in result.findings if finding.severity.value != "info"]


def test_probabilities_that_leave_beside_the_actions():
    policy, optimizer = network(activation="softmax"), keras.optimizers.SGD(0.1)

    def step(states, actions, advantage):
        with tf.GradientTape() as tape:
            probabilities = policy(states).numpy()
            chosen = np.log(probabilities[np.arange(8), actions.numpy()])
            loss = -tf.reduce_mean(tf.exp(chosen - advantage) * advantage)
        gradients = tape.gradient(loss, policy.trainable_variables)
        optimizer.apply_gradients(zip(gradients, policy.trainable_variables, strict=True))

    result = gradlint.check_step(step, X, CLASSES, RETURNS, models=[policy])
    assert loud(result) == [("GL604", 2)]
    assert lines(result) == [step.__code__.co_firstlineno + 2]


@pytest.mark.parametrize("name", ["Nadam", "Adafactor", "Ftrl", "Lamb", "Muon"])
def test_what_an_optimizer_makes_for_itself_at_its_first_update(name):
    if not hasattr(keras.optimizers, name):
        pytest.skip(f"this Keras has no {name}")
    model, optimizer = network(1), getattr(keras.optimizers, name)(0.01)

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    assert loud(gradlint.check_step(step, X, models=[model])) == []


@pytest.mark.parametrize("trainable", [True, False])
def test_the_gradient_of_an_image_is_all_that_an_attack_wants(trainable):
    model = network(activation="softmax")
    model.trainable = trainable

    def attack(image, label):
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(label, model(image)))
        return image + 0.01 * tf.sign(tape.gradient(loss, image))

    assert loud(gradlint.check_step(attack, X, CLASSES, models=[model])) == []


def test_parts_of_a_batch_of_which_the_last_counts():
    model, optimizer = network(1), keras.optimizers.SGD(0.1)

    def step(x):
        for part in range(4):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(x[2 * part : 2 * part + 2]) ** 2)
            gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    result = gradlint.check_step(step, X, models=[model])
    assert loud(result) == [("GL619", 2)]
    assert "computed 3 times" in result.findings[0].message


def test_pairs_that_do_not_fit_are_the_reason_of_the_error():
    one, other, optimizer = network(3, name="one"), network(2, name="other"), keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(one(x)) ** 2 + tf.reduce_mean(other(x)) ** 2
        gradients = tape.gradient(loss, other.trainable_variables + one.trainable_variables)
        optimizer.apply_gradients(zip(gradients, one.trainable_variables + other.trainable_variables, strict=True))

    result = gradlint.check_step(step, X, models=[one, other])
    assert loud(result) == [("GL605", 4)]


def test_a_list_that_is_empty_since_all_are_none():
    model, optimizer = network(1), keras.optimizers.SGD(0.1)

    def step(x):
        prediction = model(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(prediction**2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(
            [(g, v) for g, v in zip(gradients, model.trainable_variables, strict=True) if g is not None]
        )

    codes = [code for code, _ in loud(gradlint.check_step(step, X, models=[model]))]
    assert codes[0] == "GL601"
    assert "GL614" not in codes


def test_a_zip_that_was_read_before():
    model, optimizer = network(1), keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x) ** 2)
        pairs = zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
        print([v.path for _, v in pairs])
        optimizer.apply_gradients(pairs)

    assert ("GL614", 0) in loud(gradlint.check_step(step, X, models=[model]))


class MadeAnew(keras.Layer):
    def call(self, x):
        weight = tf.Variable(tf.ones((4, 2)))
        return x @ weight


def test_a_weight_that_a_layer_makes_anew_is_one_finding_at_its_line():
    layer, head, optimizer = MadeAnew(), keras.layers.Dense(1), keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(head(layer(x)) ** 2)
        gradients = tape.gradient(loss, head.trainable_variables)
        optimizer.apply_gradients(zip(gradients, head.trainable_variables, strict=True))

    result = gradlint.check_step(step, X, models=[layer, head])
    assert loud(result) == [("GL617", 1)]
    assert lines(result) == [MadeAnew.call.__code__.co_firstlineno + 1]


def moved_image(x, target, net):
    image, optimizer = tf.Variable(x), keras.optimizers.Adam(0.02)
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(image) - target) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, image), image)])
        image.assign(tf.clip_by_value(image, -1.0, 1.0))
    return image


def attack(x, target, net):
    delta = tf.Variable(tf.zeros_like(x))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((net(x + delta) - target) ** 2)
    delta.assign(0.1 * tf.sign(tape.gradient(loss, delta)))
    return x + delta


@pytest.mark.parametrize("step", [moved_image, attack])
def test_an_image_is_moved_and_the_network_left_as_it_is(step):
    net = network()
    assert loud(gradlint.check_step(lambda x: step(x, net(x) + 1.0, net), X)) == []


def test_a_network_that_should_learn_beside_an_image_is_missed():
    net = network()
    assert loud(gradlint.check_step(lambda x: moved_image(x, net(x) + 1.0, net), X, models=[net])) == [("GL102", 2)]


def test_an_optimizer_that_gets_nothing_of_a_frozen_network():
    """The freezing is the cause, and the error of the optimizer that it ends with is not."""
    player, judge = network(4, name="player"), network(1, name="judge")
    judge.trainable = False
    optimizers = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape(persistent=True) as tape:
            said = judge(player(x))
            losses = tf.reduce_mean(said), -tf.reduce_mean(said)
        for optimizer, model, loss in zip(optimizers, (player, judge), losses, strict=True):
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    result = gradlint.check_step(step, X)
    assert loud(result) == [("GL108", 2)]
    judge.trainable = True
    assert loud(gradlint.check_step(step, X)) == []


class Heads:
    """No layer: Keras does not look into it."""

    def __init__(self):
        self.of = {}

    def __call__(self, task, x):
        if task not in self.of:
            self.of[task] = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(1)])
        return self.of[task](x)


class Tasks(keras.Model):
    def __init__(self, are_kept):
        super().__init__()
        self.trunk = keras.layers.Dense(4)
        self.heads = Heads()
        for task in "ab":
            self.heads(task, tf.ones((1, 4)))
        self.kept = list(self.heads.of.values()) if are_kept else None

    def call(self, x):
        h = self.trunk(x)
        return self.heads("a", h) + self.heads("b", h)


@pytest.mark.parametrize("are_kept", [False, True])
def test_heads_that_an_object_hides_from_the_list_of_variables(are_kept):
    model, optimizer = Tasks(are_kept), keras.optimizers.SGD(0.1)
    model(X)

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x)))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    result = gradlint.check_step(step, X)
    assert loud(result) == ([] if are_kept else [("GL109", 8)])
    if not are_kept:
        (finding,) = result.findings
        assert "behind `heads`" in finding.message
        assert "Make Heads a keras.layers.Layer" in finding.advice


def test_weights_made_anew_are_not_told_as_not_asked_for_too():
    model, optimizer = network(4), keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(keras.layers.Dense(2, name="projection")(model(x))))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    assert {code for code, _ in loud(gradlint.check_step(step, X))} == {"GL617"}


def test_what_divides_by_an_infinity_is_no_underflow():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, dtype="float16")])
    optimizer = keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape() as tape:
            error = tf.reduce_sum(tf.square(model(x) - 400.0))
            loss = error / tf.reduce_sum(tf.square(tf.fill([8, 3], tf.constant(400.0, tf.float16))))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    result = gradlint.check_step(step, X)
    assert {code for code, _ in loud(result)} == {"GL302"}
    assert all("float16 ends at 65504" in finding.message for finding in result.findings)


class Scaled:
    """A loop's object whose scale is bounded by an update; `assign` keeps it a variable."""

    def __init__(self, assigns):
        self.assigns, self.model = assigns, network(1)
        self.scale, self.loss = tf.Variable(2.0, name="scale"), tf.Variable(0.0, trainable=False)

    def step(self, x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.scale * self.model(x) - 1.0))
        variables = [*self.model.trainable_variables, self.scale]
        *gradients, slope = tape.gradient(loss, variables)
        for variable, gradient in zip(variables, gradients, strict=False):
            variable.assign_sub(0.1 * gradient)
        self.loss = loss  # a variable as well, of which nobody asks a gradient
        if self.assigns:
            self.scale.assign(tf.clip_by_value(self.scale - 0.1 * slope, 0.0, 4.0))
        else:
            self.scale = tf.clip_by_value(self.scale - 0.1 * slope, 0.0, 4.0)  # rebound


@pytest.mark.parametrize("assigns", [True, False])
def test_an_attribute_that_the_step_takes_from_a_variable_to_a_tensor(assigns):
    loop = Scaled(assigns)
    variables = loop.scale, loop.loss
    result = gradlint.check_step(loop.step, X)
    assert (loop.scale, loop.loss) == variables
    assert loud(result) == ([] if assigns else [("GL606", 1)])
    if not assigns:
        (finding,) = result.findings
        assert finding.message.startswith("`self.scale` is bound to a tensor here")
        assert "# rebound" in Path(__file__).read_text().splitlines()[finding.cause.line - 1]


def test_an_attribute_that_a_traced_method_takes_from_a_variable_to_a_tensor():
    class Linear:
        def __init__(self):
            self.weight = tf.Variable(tf.ones((4, 1)))

        @tf.function
        def step(self, x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(tf.matmul(x, self.weight) - 1.0))
            self.weight = self.weight - 0.1 * tape.gradient(loss, self.weight)

    linear = Linear()
    assert loud(gradlint.check_step(linear.step, X)) == [("GL606", 1)]
    assert isinstance(linear.weight, tf.Variable)


def test_a_name_of_a_closure_that_the_step_takes_from_a_variable_to_a_tensor():
    weight = before = tf.Variable(tf.ones((4, 1)))

    def step(x):
        nonlocal weight
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, weight) - 1.0))
        weight = weight - 0.1 * tape.gradient(loss, weight)

    result = gradlint.check_step(step, X)
    assert weight is before
    assert loud(result) == [("GL606", 1)]


def test_an_attribute_that_a_loop_asks_about_after_it_was_bound_is_told_once():
    loop = Scaled(assigns=False)

    def step(x):
        for _ in range(3):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(x * loop.scale - 1.0))
            slope = tape.gradient(loss, loop.scale)
            if slope is not None:
                loop.scale = loop.scale - 0.1 * slope

    (finding,) = gradlint.check_step(step, X).findings
    assert (finding.code, finding.cause.op) == ("GL606", "Sub")


def test_what_predict_takes_out_of_a_tape_has_the_names_of_its_model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="value")], name="critic")

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model.predict(x, verbose=0) - 1.0))
        return tape.gradient(loss, model.trainable_variables)

    (finding,) = gradlint.check_step(step, X).findings
    assert (finding.code, finding.cause.layer) == ("GL603", "critic")
    assert finding.variables == ("critic/value/kernel", "critic/value/bias")
