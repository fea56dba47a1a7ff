"""A model with a `train_step` of its own: its losses are differentiated, and what it does with the gradients counts."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

RNG = np.random.default_rng(0)


@keras.saving.register_keras_serializable(package="own_train_steps")
class Unscaled(keras.Model):
    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = self.scaled(tf.reduce_mean(tf.square(y - tf.cast(self(x, training=True), tf.float32))))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}

    def scaled(self, loss):
        return loss


@keras.saving.register_keras_serializable(package="own_train_steps")
class Scaled(Unscaled):
    def scaled(self, loss):
        return self.optimizer.scale_loss(loss)


def half(cls):
    x = keras.Input((4,), name="x")
    h = keras.layers.Dense(8, "tanh", dtype="mixed_float16")(x)
    model = cls(x, keras.layers.Dense(1, dtype="float32")(h))
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05, momentum=0.9), initial_scale=1024.0))
    return model


def sample():
    x = RNG.normal(size=(8, 4)).astype("float32")
    return {"x": x, "y": x[:, :1]}


def loud(result):
    return [finding.code for finding in result.findings if str(finding.severity) != "info"]


@pytest.mark.parametrize("is_saved", [True, False])
def test_a_loss_that_is_never_scaled_is_seen_in_a_model_as_in_a_step(tmp_path, is_saved):
    """A loaded model has an optimizer without slots, and it must step all the same."""
    found = {}
    for cls in (Unscaled, Scaled):
        model = half(cls)
        if is_saved:
            model.save(tmp_path / "model.keras")
        result = gradlint.check(tmp_path / "model.keras" if is_saved else model, sample(), trust_model=is_saved)
        found[cls] = loud(result)
        assert len(set(result.rules)) == len(result.rules)
    assert found == {Unscaled: ["GL620"], Scaled: []}


class Adversarial(keras.Model):
    def __init__(self, is_frozen):
        super().__init__()
        self.generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)], name="generator")
        self.critic = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="critic")
        self.critic.trainable = not is_frozen

    def call(self, inputs):
        return self.critic(self.generator(inputs["noise"])) - self.critic(inputs["real"])

    def train_step(self, data):
        with tf.GradientTape(persistent=True) as tape:
            fake, real = self.critic(self.generator(data["noise"])), self.critic(data["real"])
            critic_loss = tf.reduce_mean(tf.nn.softplus(fake)) + tf.reduce_mean(tf.nn.softplus(-real))
            loss = tf.reduce_mean(tf.nn.softplus(-fake))
        of_critic = tape.gradient(critic_loss, self.critic.trainable_variables)
        gradients = tape.gradient(loss, self.generator.trainable_variables)
        self.critic_optimizer.apply(of_critic, self.critic.trainable_variables)
        self.optimizer.apply(gradients, self.generator.trainable_variables)
        return {"loss": loss}


@pytest.mark.parametrize(("is_frozen", "codes"), [(True, ["GL108"]), (False, [])])
def test_a_gradient_that_is_asked_of_frozen_variables_alone(is_frozen, codes):
    model = Adversarial(is_frozen)
    model.compile("adam")
    model.critic_optimizer = keras.optimizers.Adam()
    batch = {"noise": RNG.normal(size=(6, 3)).astype("float32"), "real": RNG.normal(size=(6, 4)).astype("float32")}
    result = gradlint.check(model, batch)
    assert loud(result) == codes
    if codes:
        (finding,) = result.findings
        assert len(finding.variables) == 2
        assert all(path.startswith("critic/") for path in finding.variables)
        assert finding.cause.line is not None


class TakesDict(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs["image"])

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.dense(data["image"])))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


class TakesTensor(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, image):
        return self.dense(image)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.dense(data)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


@pytest.mark.parametrize("cls", [TakesDict, TakesTensor])
def test_a_single_input_comes_as_the_models_code_takes_it(cls):
    model = cls()
    model.compile("sgd")
    assert loud(gradlint.check(model, {"image": RNG.normal(size=(4, 5)).astype("float32")})) == []


class Distiller(keras.Model):
    def __init__(self, trains_student):
        super().__init__()
        self.teacher, self.student = (
            keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name=name) for name in ("teacher", "student")
        )
        self.teacher.trainable = not trains_student

    def call(self, x):
        return self.student(x)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.student(data) - self.teacher(data)))
        gradients = tape.gradient(loss, self.student.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=False))
        return {"loss": loss}


@pytest.mark.parametrize(("trains_student", "codes"), [(False, ["GL605"]), (True, [])])
def test_a_teacher_that_gets_the_gradients_of_its_student_is_no_copy_of_it(trains_student, codes):
    """Both have the same form, as workers and what they work for; but one loss reads both."""
    model = Distiller(trains_student)
    model.compile("sgd")
    assert loud(gradlint.check(model, RNG.normal(size=(4, 4)).astype("float32"))) == codes


class Filtered(Adversarial):
    """The generator is called before its tape, and nobody hears of it: what is None is filtered out."""

    def train_step(self, data):
        fake = self.generator(data["noise"])
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.critic(fake) - self.critic(data["real"]))
        gradients = tape.gradient(loss, self.critic.trainable_variables)
        self.critic_optimizer.apply_gradients(zip(gradients, self.critic.trainable_variables, strict=True))
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.critic(fake))
        variables = self.generator.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients([(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None])
        return {"loss": loss}


def test_what_is_left_when_all_is_filtered_out_is_no_finding_of_its_own():
    model = Filtered(is_frozen=False)
    model.compile("adam")
    model.critic_optimizer = keras.optimizers.Adam()
    batch = {"noise": RNG.normal(size=(6, 3)).astype("float32"), "real": RNG.normal(size=(6, 4)).astype("float32")}
    assert loud(gradlint.check(model, batch)) == ["GL102"]
    # What is lost counts for a model; GL601 has looked for why.
    assert loud(gradlint.check(model, batch, select=["GL102"])) == ["GL102"]
    assert loud(gradlint.check(model, batch, select=["GL601"])) == ["GL601"]
    assert loud(gradlint.check(model, batch, ignore=["GL102"])) == []


@keras.saving.register_keras_serializable(package="own_train_steps")
class InParts(keras.Model):
    """Two updates by one optimizer, each of a part of what it was built for."""

    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        for layer in self.layers[1:]:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(y - self(x, training=True)))
            variables = layer.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return {"loss": loss}


def test_the_optimizer_of_a_file_is_built_as_it_was(tmp_path):
    """Its slots are not loaded; the new one in its place must take the same variables."""
    x = keras.Input((4,), name="x")
    model = InParts(x, keras.layers.Dense(1)(keras.layers.Dense(8, "tanh")(x)))
    model.compile("adam")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    assert loud(gradlint.check(tmp_path / "model.keras", sample(), trust_model=True)) == []


class Weighted(keras.Model):
    """Reads an input that is called as weights are."""

    def __init__(self):
        super().__init__()
        self.head = keras.layers.Dense(1)

    def call(self, inputs):
        return self.head(inputs["rows"]) * inputs["sample_weight"]


class WeightedStep(Weighted):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x, training=True) - y))
        slopes = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(slopes, self.trainable_variables, strict=True))
        return {"loss": loss}


@pytest.mark.parametrize("is_built", [False, True])
@pytest.mark.parametrize("cls", [Weighted, WeightedStep])
def test_an_input_that_is_called_as_weights_are_stays_an_input_of_x(cls, is_built):
    x = {"rows": RNG.normal(size=(4, 3)).astype("float32"), "sample_weight": RNG.random((4, 1)).astype("float32")}
    model = cls()
    model.compile("sgd", "mse")
    if is_built:
        model(x)
    assert gradlint.check(model, (x, x["rows"][:, :1])).findings == ()


def test_labels_do_not_take_the_place_of_an_input_of_that_name():
    class Rows(Weighted):
        def call(self, inputs):
            return self.head(inputs["rows"]) + inputs["y"]

    model = Rows()
    model.compile("sgd", "mse")
    x = {"rows": RNG.normal(size=(4, 3)).astype("float32"), "y": RNG.normal(size=(4, 1)).astype("float32")}
    result = gradlint.check(model, (x, x["rows"][:, :1]))
    assert result.findings == ()
    assert [entry.key for entry in result.inputs] == ["rows", "x/y"]


class Unread(keras.Model):
    """Its step reads one of two inputs, and stops the gradient of none."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            made = self({"near": x["near"], "far": tf.zeros_like(x["far"])}, training=True)
            loss = tf.reduce_mean(tf.square(made - y))
        slopes = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(slopes, self.trainable_variables, strict=True))
        return {"loss": loss}


def test_the_inputs_of_an_observed_step_have_their_gradients():
    inputs = {name: keras.Input((3,), name=name) for name in ("near", "far")}
    model = Unread(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(list(inputs.values()))))
    model.compile("sgd")
    batch = {name: RNG.normal(size=(6, 3)).astype("float32") for name in inputs} | {"y": np.ones((6, 1), "float32")}
    result = gradlint.check(model, batch)
    assert {entry.key: entry.gradient.value for entry in result.inputs} == {"near": "finite", "far": "absent"}
