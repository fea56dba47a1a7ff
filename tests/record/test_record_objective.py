"""Which loss is differentiated, and what it depends on."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras import ops as kops
from recorded import normal, recorded, states, the_op

import gradlint
from gradlint.errors import UsageError
from gradlint.record.terms import Region


def two_heads(as_list=False, **options):
    x = keras.Input((5,), name="x")
    hidden = layers.Dense(4, activation="tanh", name="fc")(x)
    outputs = {"left": layers.Dense(1, name="left")(hidden), "right": layers.Dense(1, name="right")(hidden)}
    model = keras.Model({"x": x}, list(outputs.values()) if as_list else outputs)
    model.compile("adam", **options)
    return model


def labels():
    return {"y:left": normal(4, 1, seed=1), "y:right": normal(4, 1, seed=2)}


def plain(loss="mse", **options):
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head", **options)(x))
    if loss:
        model.compile("adam", loss)
    return model


def fit_loss(model, x, y, **options):
    """What `fit` would minimise on this batch."""
    return float(model.evaluate(x, y, verbose=0, **options))


def test_the_compiled_loss_is_that_of_fit():
    model, x, y = plain(), normal(4, 5), normal(4, 1, seed=1)
    seen = recorded(model, {"x": x, "y": y})
    assert seen.loss.kind == "compiled"
    assert seen.loss.value == pytest.approx(fit_loss(model, {"x": x}, y), rel=1e-5)
    assert [(f.name, f.builtin) for f in seen.loss.functions] == [("mean_squared_error", True)]
    assert seen.tensors[seen.loss.tensor].shape == ()


def test_without_labels_a_projection_of_the_outputs():
    seen = recorded(plain(), {"x": normal(4, 5)})
    assert seen.loss.kind == "surrogate"
    assert "no labels" in seen.loss.description
    assert set(states(seen).values()) == {"finite"}


def test_the_sum_of_a_softmax_is_not_what_is_differentiated():
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(3, activation="softmax", name="head")(x))
    seen = recorded(model, {"x": normal(4, 5)})
    head = next(v for v in seen.variables if v.path == "head/kernel")
    assert head.gradient.norm > 1e-3


def test_a_named_loss():
    x, y = normal(4, 5), normal(4, 1, seed=1)
    model = plain(loss=None)
    seen = recorded(model, {"x": x, "y": y}, loss="mae")
    assert seen.loss.kind == "named"
    assert seen.loss.value == pytest.approx(float(np.mean(np.abs(y - model.predict({"x": x}, verbose=0)))), rel=1e-5)


@pytest.mark.parametrize("loss", ["mae", {"right": "mae"}, {"left": None, "right": "mae"}])
@pytest.mark.parametrize("as_list", [False, True])
def test_a_named_loss_reads_the_output_of_its_labels(loss, as_list):
    x = normal(4, 5)
    model = two_heads(as_list, loss=None)
    seen = recorded(model, {"x": x, "y:right": labels()["y:right"]}, loss=loss)
    outputs = model.predict({"x": x}, verbose=0)
    right = outputs[1] if as_list else outputs["right"]
    assert seen.loss.value == pytest.approx(float(np.mean(np.abs(labels()["y:right"] - right))), rel=1e-5)


@pytest.mark.parametrize("loss", [{}, {"left": None}])
def test_a_loss_for_no_output_is_refused(loss):
    with pytest.raises(UsageError, match="loss names no output"):
        recorded(two_heads(loss=None), {"x": normal(4, 5), **labels()}, loss=loss)


def test_labels_of_a_list_go_to_the_outputs_of_a_dict_as_in_fit():
    """Keras flattens a dict by its sorted keys."""
    x = keras.Input((5,), name="x")
    model = keras.Model(x, {"reg": layers.Dense(1, name="reg")(x), "cls": layers.Dense(2, name="cls")(x)})
    model.compile("sgd", {"reg": "mse", "cls": "mae"})
    inputs, of_cls, of_reg = normal(4, 5), normal(4, 2, seed=1), normal(4, 1, seed=2)
    result = gradlint.check(model, (inputs, [of_cls, of_reg]), seed=0)
    named = gradlint.check(model, (inputs, {"cls": of_cls, "reg": of_reg}), seed=0)
    assert [v.norm for v in result.variables] == [v.norm for v in named.variables]
    model.evaluate(inputs, [of_cls, of_reg], verbose=0)


def test_a_loss_function():
    seen = recorded(plain(), {"x": normal(5, 5), "y": normal(5, 1)}, loss=lambda y, p: tf.reduce_mean(tf.abs(p)))
    assert the_op(seen, "Abs").region is Region.LOSS
    assert set(states(seen).values()) == {"finite"}


def test_sample_weight():
    model, x, y = plain(), normal(4, 5), normal(4, 1, seed=1)
    weight = np.array([0.0, 1.0, 2.0, 0.0], "float32")
    seen = recorded(model, {"x": x, "y": y, "sample_weight": weight})
    assert seen.loss.value == pytest.approx(fit_loss(model, {"x": x}, y, sample_weight=weight), rel=1e-5)
    whole = recorded(model, {"x": x, "y": y}).loss.value
    assert seen.loss.value != pytest.approx(whole)


def test_loss_weights():
    x = normal(4, 5)
    model = two_heads(loss={"left": "mse", "right": "mae"}, loss_weights={"left": 0.5, "right": 2.0})
    seen = recorded(model, {"x": x, **labels()})
    y = {"left": labels()["y:left"], "right": labels()["y:right"]}
    assert seen.loss.value == pytest.approx(model.evaluate({"x": x}, y, verbose=0, return_dict=True)["loss"], rel=1e-5)
    assert {f.output for f in seen.loss.functions} == {"left", "right"}


@pytest.mark.parametrize(
    "options",
    [
        {"loss": {"left": "mse", "right": None}},
        {"loss": {"left": "mse"}},
        {"loss": {"left": "mse", "right": "mse"}, "loss_weights": {"left": 1.0, "right": 0.0}},
    ],
)
def test_an_output_without_loss(options):
    model = two_heads(**options)
    seen = recorded(model, {"x": normal(4, 5), **labels()})
    found = states(seen)
    assert found["left/kernel"] == "finite"
    assert found["right/kernel"] in ("absent", "zero")
    declined = {output.name for output in seen.outputs if output.is_declined}
    assert declined == (set() if options["loss"] == {"left": "mse"} else {"right"})


def test_regularizers_belong_to_the_loss():
    x, y = normal(4, 5), normal(4, 1, seed=1)
    model = plain(kernel_regularizer=keras.regularizers.L2(0.5))
    seen = recorded(model, {"x": x, "y": y})
    assert seen.loss.value == pytest.approx(fit_loss(model, {"x": x}, y), rel=1e-5)
    bare = plain()
    bare.set_weights(model.get_weights())
    assert seen.loss.value > recorded(bare, {"x": x, "y": y}).loss.value


class Sparsity(layers.Layer):
    def call(self, x):
        self.add_loss(0.1 * kops.sum(kops.abs(x)))
        return x


def with_added_loss(loss):
    x = keras.Input((5,), name="x")
    hidden = Sparsity(name="sparsity")(layers.Dense(4, name="fc")(x))
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(hidden))
    model.compile("adam", loss)
    return model


def test_added_loss_next_to_the_compiled_one():
    model, x, y = with_added_loss("mse"), normal(4, 5), normal(4, 1, seed=1)
    seen = recorded(model, {"x": x, "y": y})
    assert seen.loss.value == pytest.approx(fit_loss(model, {"x": x}, y), rel=1e-5)


def test_added_loss_alone():
    found = states(recorded(with_added_loss(None), {"x": normal(4, 5)}))
    assert found["fc/kernel"] == "finite"
    assert found["head/kernel"] == "absent"


class OwnLoss(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return kops.mean(kops.square(y["target"] - y_pred)) + 0.1 * kops.mean(kops.abs(x["x"] * y_pred))


def test_compute_loss_of_the_users_own():
    x = keras.Input((5,), name="x")
    model = OwnLoss({"x": x}, layers.Dense(1, name="head")(x))
    model.compile("adam")
    seen = recorded(model, {"x": normal(4, 5), "y:target": normal(4, 1)})
    assert "compute_loss" in seen.loss.description
    assert set(states(seen).values()) == {"finite"}
    assert [label.key for label in seen.labels] == ["y:target"]


class Gan(keras.Model):
    """Two networks, two tapes, two optimizers."""

    def __init__(self, detach=False, **options):
        super().__init__(**options)
        self.detach = detach
        self.generator = keras.Sequential([keras.Input((3,)), layers.Dense(5, name="make")], name="generator")
        self.critic = keras.Sequential([keras.Input((5,)), layers.Dense(1, name="judge")], name="critic")
        self.other = keras.optimizers.Adam()

    def call(self, x):
        return self.critic(x)

    def train_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        noise = tf.random.normal((tf.shape(x)[0], 3))
        with tf.GradientTape() as tape:
            real, fake = self.critic(x), self.critic(tf.stop_gradient(self.generator(noise)))
            loss = tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))
        weights = self.critic.trainable_variables
        self.other.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        with tf.GradientTape() as tape:
            made = self.generator(noise)
            fake = self.critic(tf.stop_gradient(made) if self.detach else made)
            loss = tf.reduce_mean(tf.nn.softplus(-fake))
        weights = self.generator.trainable_variables
        gradients = [
            g if g is not None else tf.zeros_like(w) for g, w in zip(tape.gradient(loss, weights), weights, strict=True)
        ]
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return {"loss": loss}


def gan(**options):
    model = Gan(name="gan", **options)
    model.build((None, 5))
    model.compile("adam")
    model.other.build(model.critic.trainable_variables)
    model.optimizer.build(model.generator.trainable_variables)
    return model


def trained(model, **options):
    """The gradients that a model's own step gives its variables."""
    result = gradlint.check(model, {"x": normal(4, 5)}, **options)
    return {"/".join(variable.path.split("/")[-2:]): variable.gradient.value for variable in result.variables}


@pytest.mark.parametrize(("depth", "state"), [("values", "finite"), ("structure", "present")])
def test_train_step_with_two_tapes(depth, state):
    model = gan()
    before = [np.array(v) for v in [*model.variables, *model.other.variables, *model.optimizer.variables]]
    found = trained(model, depth=depth)
    assert set(found) == {"make/kernel", "make/bias", "judge/kernel", "judge/bias"}
    assert set(found.values()) == {state}
    after = [np.array(v) for v in [*model.variables, *model.other.variables, *model.optimizer.variables]]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(("depth", "state"), [("values", "finite"), ("structure", "present")])
def test_train_step_whose_generator_is_detached(depth, state):
    found = trained(gan(detach=True), depth=depth)
    assert found["judge/kernel"] == state
    assert found["make/kernel"] == "absent"


def test_train_step_without_a_tape():
    class NoTape(keras.Model):
        def call(self, x):
            return x

        def train_step(self, data):
            return {"loss": 0.0}

    model = NoTape()
    model.build((None, 5))
    model.compile("adam")
    with pytest.raises(gradlint.GradlintError, match="no tape"):
        gradlint.check(model, {"x": normal(4, 5)})


# -- models= and callables ---------------------------------------------------------------------------


def test_models_that_are_no_part_of_the_model():
    tower = keras.Sequential([keras.Input((5,)), layers.Dense(3, name="code")], name="tower")
    seen = recorded(plain(), {"x": normal(4, 5), "y": normal(4, 1)}, learners=(tower,))
    record = next(v for v in seen.variables if v.path.endswith("code/kernel"))
    assert record.gradient.state.value == "absent"
    assert not record.owner_called
    assert record.blamed is None


def test_a_callable_with_models():
    tower = keras.Sequential([keras.Input((5,)), layers.Dense(3, activation="tanh", name="code")], name="tower")
    head = layers.Dense(1, name="head")
    head.build((None, 3))

    def step(sample):
        return tf.reduce_mean(tf.square(head(tower(sample["x"])) - sample["y"]))

    result = gradlint.check(step, {"x": normal(4, 5), "y": normal(4, 1)}, models=[tower, head])
    assert result.findings == ()
    assert {v.path.rsplit("/", 2)[-2]: v.gradient.value for v in result.variables} == {
        "code": "finite",
        "head": "finite",
    }
    assert [i.gradient.value for i in result.inputs] == ["finite"]


def test_a_callable_with_plain_variables():
    weight = tf.Variable([[1.0], [2.0]], name="weight")
    idle = tf.Variable([1.0], name="idle")

    def step(sample):
        return tf.reduce_mean(tf.matmul(sample["x"], weight))

    result = gradlint.check(step, {"x": normal(4, 2)}, variables=[weight, idle])
    assert {v.path: v.gradient.value for v in result.variables} == {"weight": "finite", "idle": "absent"}
    assert [f.code for f in result.findings] == ["GL102"]


def test_a_callable_that_traces():
    tower = layers.Dense(1, name="head")
    tower.build((None, 5))

    @tf.function
    def step(sample):
        return tf.reduce_mean(tf.square(tower(sample["x"])))

    result = gradlint.check(step, {"x": normal(4, 5)}, models=[tower])
    assert result.findings == ()
    assert {v.gradient.value for v in result.variables} <= {"finite", "zero"}


def test_labels_of_a_callable_go_by_any_key():
    encoder = keras.Sequential([keras.Input((5,)), layers.Dense(1)])
    sample = {"x": normal(4, 5), "price": normal(4, 1, seed=1), "sample_weight": normal(4, seed=2)}
    seen = {}

    def loss(batch):
        seen.update(batch)
        return tf.reduce_mean(batch["sample_weight"][:, None] * (tf.sign(batch["price"]) - encoder(batch["x"])) ** 2)

    result = gradlint.check(loss, sample, models=[encoder], targets=[(None, "price")])
    assert result.findings == ()
    assert set(seen) == set(sample)
    assert [entry.key for entry in result.inputs] == ["x"]
    assert result.sample == "1 input of 4 rows, labels price, sample weights"


def test_labels_of_a_callable_under_any_key_broadcast():
    encoder = keras.Sequential([keras.Input((5,)), layers.Dense(1)])
    sample = {"x": normal(4, 5), "price": normal(4, seed=1), "rank": normal(4, 1, seed=2)}

    def loss(batch):
        return tf.reduce_mean((batch["price"] - encoder(batch["x"])) ** 2)

    (finding,) = gradlint.check(loss, sample, models=[encoder], targets=[(None, "price"), (None, "rank")]).findings
    assert (finding.code, finding.inputs) == ("GL405", ("price",))


class Ticket(keras.Model):
    """Two outputs that have no names."""

    def __init__(self):
        super().__init__()
        self.priority = layers.Dense(1, activation="sigmoid")
        self.department = layers.Dense(4, activation="softmax")

    def call(self, x):
        return self.priority(x), self.department(x)


@pytest.mark.parametrize("weights", [None, [0.25, 1.0]])
def test_losses_in_a_list_meet_the_labels_of_their_place(weights):
    model, x = Ticket(), normal(4, 5)
    model.compile("adam", ["mse", "sparse_categorical_crossentropy"], loss_weights=weights)
    y = [np.abs(normal(4, 1, seed=1)), np.array([[0], [3], [1], [2]])]
    seen = gradlint.check(model, (x, y))
    assert [f"{f.code} {f.message}" for f in seen.findings if f.code in ("GL405", "GL410")] == []
    model(x)
    expected = fit_loss_of_several(model, x, y)
    live = recorded(model, {"x": x, "y:output 0": y[0], "y:output 1": y[1]})
    assert live.loss.value == pytest.approx(expected, rel=1e-5)
    assert [f.output for f in live.loss.functions] == ["output 0", "output 1"]


def fit_loss_of_several(model, x, y):
    return float(model.evaluate(x, y, verbose=0, return_dict=True)["loss"])
