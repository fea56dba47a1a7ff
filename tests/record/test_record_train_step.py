"""What a model's own `train_step` trains, and what it leaves out."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
import tensorflow as tf
from keras import layers
from recorded import normal

import gradlint


def net(name, width, out):
    return keras.Sequential([keras.Input((width,)), layers.Dense(out)], name=name)


class Pair(keras.Model):
    """An encoder and a head; what its step does is told by the class."""

    def __init__(self):
        super().__init__(name="pair")
        self.enc, self.head = net("enc", 6, 4), net("head", 4, 1)
        self.turn = 0

    def build(self, shape):
        pass

    def call(self, x):
        return self.head(self.enc(x))

    def update(self, slopes, variables):
        self.optimizer.apply_gradients((g, v) for g, v in zip(slopes, variables, strict=True) if g is not None)
        return {}


class BeforeTheTape(Pair):
    def train_step(self, data):
        x, y = data
        hidden = self.enc(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self.head(hidden)) ** 2)
        return self.update(tape.gradient(loss, self.trainable_variables), self.trainable_variables)


class TapeStopped(Pair):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            with tape.stop_recording():
                hidden = self.enc(x)
            loss = tf.reduce_mean((y - self.head(hidden)) ** 2)
        slopes = tape.gradient(loss, self.trainable_variables, unconnected_gradients="zero")
        return self.update(slopes, self.trainable_variables)


class HeadOnly(Pair):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self(x, training=True)) ** 2)
        return self.update(tape.gradient(loss, self.head.trainable_variables), self.head.trainable_variables)


class InAMethod(Pair):
    def features(self, x):
        return self.enc(x)

    def train_step(self, data):
        x, y = data
        hidden = self.features(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self.head(hidden)) ** 2)
        return self.update(tape.gradient(loss, self.trainable_variables), self.trainable_variables)


class AllBeforeTheTape(Pair):
    def train_step(self, data):
        x, y = data
        made = self(x, training=True)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - made) ** 2)
        return self.update(tape.gradient(loss, self.trainable_variables), self.trainable_variables)


class Stopped(Pair):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self.head(tf.stop_gradient(self.enc(x)))) ** 2)
        return self.update(tape.gradient(loss, self.trainable_variables), self.trainable_variables)


class DecoderOnly(Pair):
    def __init__(self):
        keras.Model.__init__(self, name="pair")
        hidden = [layers.Dense(3, activation="relu"), layers.Dense(4, activation="relu")]
        self.enc, self.head = keras.Sequential([keras.Input((6,)), *hidden], name="enc"), net("head", 4, 1)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self(x, training=True)) ** 2)
        slopes = tape.gradient(loss, self.head.trainable_variables)
        return self.update(slopes, self.head.trainable_variables)


class FixedEncoder(Pair):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self.head(self.enc(x, training=False))) ** 2)
        return self.update(tape.gradient(loss, self.head.trainable_variables), self.head.trainable_variables)


class Yardstick(Pair):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            made, meant = self.head(self.enc(x)), self.head(tf.tile(y, [1, 4]))
            loss = tf.reduce_mean((made - meant) ** 2)
        return self.update(tape.gradient(loss, self.enc.trainable_variables), self.enc.trainable_variables)


class Teacher(Pair):
    def train_step(self, data):
        x, y = data
        goal = self.enc(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self.head(goal)) ** 2)
        return self.update(tape.gradient(loss, self.head.trainable_variables), self.head.trainable_variables)


class Average(Pair):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self(x, training=True)) ** 2)
        self.update(tape.gradient(loss, self.head.trainable_variables), self.head.trainable_variables)
        for variable in self.enc.variables:
            variable.assign(0.99 * variable)
        return {}


class InTurns(Pair):
    def chosen(self):
        return self.enc.trainable_variables if self.turn else self.head.trainable_variables

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self(x, training=True)) ** 2)
        variables = self.chosen()
        return self.update(tape.gradient(loss, variables), variables)


class TwoTapes(Pair):
    """Each part is given its gradient by a tape of its own; the other tape asks in vain or not at all."""

    def train_step(self, data):
        x, y = data
        hidden = self.enc(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self.head(hidden)) ** 2)
        self.update(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self(x)) ** 2)
        return self.update(tape.gradient(loss, self.enc.trainable_variables), self.enc.trainable_variables)

    def update(self, slopes, variables):
        if not self.optimizer.built:  # else it takes no variables but those of its first update
            self.optimizer.build(self.trainable_variables)
        return super().update(slopes, variables)


class MovingAverage(keras.Model):
    """A copy that follows the network; biases and their averages are equal, and equal to those of other layers."""

    def __init__(self):
        super().__init__(name="average")
        inner = [layers.Dense(6, activation="relu"), layers.BatchNormalization(), layers.Dense(6, activation="relu")]
        self.net = keras.Sequential([keras.Input((6,)), *inner, layers.Dense(6)], name="net")
        self.copy = keras.models.clone_model(self.net)
        self.copy.set_weights(self.net.get_weights())

    def train_step(self, data):
        x, _ = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.net(x, training=True) - x) ** 2)
        variables = self.net.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        for variable, average in zip(self.net.weights, self.copy.weights, strict=True):
            average.assign(0.9 * average + 0.1 * variable)
        return {"loss": loss}


def checked(cls):
    model = cls()
    model.compile("adam")
    return gradlint.check(model, {"x": normal(5, 6), "y": normal(5, 1, seed=1)})


@pytest.mark.parametrize(
    ("cls", "code", "severity", "others"),
    [
        (BeforeTheTape, "GL102", "error", ["GL616"]),
        (TapeStopped, "GL102", "error", ["GL616"]),
        (HeadOnly, "GL102", "warning", []),
        (InTurns, "GL102", "info", []),
    ],
)
def test_what_the_step_does_not_train_is_found(cls, code, severity, others):
    result = checked(cls)
    finding, *hidden = result.findings
    assert (finding.code, finding.severity.value) == (code, severity)
    assert [other.code for other in hidden] == others
    assert finding.variables == ("enc/" + finding.variables[0].split("/")[1] + "/kernel", finding.variables[1])
    assert all(path.startswith("enc/") for path in finding.variables)
    states = {variable.path.split("/")[0]: variable.gradient.value for variable in result.variables}
    assert states["head"] == "finite"
    assert [(entry.key, entry.gradient.value) for entry in result.inputs] == [("x", "finite")]


def test_a_part_that_compares_may_stay_as_it_is():
    """As the network of a perceptual loss, which few people freeze."""
    (finding,) = checked(Yardstick).findings
    assert (finding.code, finding.severity.value, finding.cause.layer) == ("GL102", "info", "head")
    assert "as a perceptual loss does" in finding.message


def line_of(finding):
    return Path(finding.cause.file).read_text().splitlines()[finding.cause.line - 1].strip()


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (BeforeTheTape, "hidden = self.enc(x)"),
        (InAMethod, "hidden = self.features(x)"),
        (AllBeforeTheTape, "made = self(x, training=True)"),
    ],
)
def test_the_line_before_the_tape_is_named_once(cls, line):
    (finding,) = (finding for finding in checked(cls).findings if finding.code != "GL616")
    assert (finding.code, line_of(finding)) == ("GL102", line)


def test_a_step_that_stops_its_own_gradient_is_told_of_the_operation():
    """The tape has seen everything: what it gives is not the fault of whoever asks it."""
    finding, hidden = checked(Stopped).findings
    assert (finding.code, finding.severity.value, finding.cause.op) == ("GL104", "error", "StopGradient")
    assert hidden.code == "GL616"
    assert {path.split("/")[0] for path in finding.variables} == {"enc"}


def test_the_way_back_compares_nothing():
    """Gradients that learn meet the weights of an encoder that nobody asks for in its backward pass alone."""
    (finding,) = checked(DecoderOnly).findings
    assert (finding.code, finding.severity.value, finding.cause.layer) == ("GL102", "warning", "pair/enc")
    assert line_of(finding).startswith("slopes = tape.gradient(")


@pytest.mark.parametrize("cls", [FixedEncoder, Teacher, Average, MovingAverage, TwoTapes])
def test_what_is_meant_is_quiet(cls):
    assert checked(cls).findings == ()


class Elsewhere(keras.Model):
    """A model whose step uses more than its call does."""

    def __init__(self, name="elsewhere", **options):
        super().__init__(name=name, **options)
        self.enc, self.pred = net("enc", 6, 4), net("pred", 4, 1)

    def build(self, shape):
        pass

    def call(self, x):
        return self.enc(x)

    def compile(self, rate=0.1, **options):
        super().compile(optimizer="adam", **options)
        self.rate = rate

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.rate * tf.reduce_mean((y - self.pred(self.enc(x))) ** 2)
        return {"loss": tape.gradient(loss, self.trainable_variables)}


BATCH = {"x": normal(5, 6), "y": normal(5, 1, seed=1)}


@pytest.mark.parametrize("depth", ["values", "structure"])
def test_without_compile_the_step_is_not_judged(depth):
    (finding,) = gradlint.check(Elsewhere(), BATCH, depth=depth).findings
    assert (finding.code, finding.severity.value) == ("GL102", "info")
    assert "train_step, which was not looked at since the model is not compiled" in finding.message


@pytest.mark.parametrize("depth", ["values", "structure"])
def test_a_file_that_keras_cannot_compile_says_what_to_do(tmp_path, depth):
    model = Elsewhere()
    model(normal(1, 6))
    model.compile()
    assert gradlint.check(model, BATCH, depth=depth).findings == ()
    path = tmp_path / "model.keras"
    model.save(path)
    known = keras.saving.custom_object_scope({"Elsewhere": Elsewhere})
    with (
        known,
        pytest.raises(gradlint.GradlintError, match=r"no attribute 'rate'.*override get_compile_config") as told,
    ):
        gradlint.check(path, BATCH, depth=depth, trust_model=True)
    assert "depth='values'" not in str(told.value)


class TwoOptimizers(Elsewhere):
    def compile(self, **options):
        keras.Model.compile(self, **options)
        self.rate = 0.1


@pytest.mark.parametrize("depth", ["values", "structure"])
def test_a_file_is_compiled_by_the_class_itself_where_it_takes_what_was_saved(tmp_path, depth):
    model = TwoOptimizers()
    model(normal(1, 6))
    model.compile(optimizer="adam")
    path = tmp_path / "model.keras"
    model.save(path)
    with keras.saving.custom_object_scope({"TwoOptimizers": TwoOptimizers}):
        assert gradlint.check(path, BATCH, depth=depth, trust_model=True).findings == ()


class OwnTimes(keras.Model):
    """A step that draws the times that its model takes, whatever the sample says of them."""

    def train_step(self, data):
        x = data[0]["x"] if isinstance(data, tuple) else data["x"]
        with tf.GradientTape() as tape:
            given = {"x": x, "t": tf.random.uniform((tf.shape(x)[0], 1))}
            loss = tf.reduce_mean(tf.square(self(given, training=True) - x))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


def test_a_key_that_the_step_draws_itself_is_no_error():
    x, t = keras.Input((4,), name="x"), keras.Input((1,), name="t")
    model = OwnTimes({"x": x, "t": t}, layers.Dense(4)(layers.Concatenate()([x, layers.Dense(3)(t)])))
    model.compile("adam")
    found = gradlint.check(model, {"x": normal(6, 4), "t": normal(6, 1, seed=1)}).findings
    assert [(f.code, f.severity.value, f.inputs) for f in found if f.code == "GL101"] == [("GL101", "info", ("t",))]
    assert all(f.severity.value == "info" for f in found)


class Adversaries(keras.Model):
    """Two networks that only the step calls, and that nobody has built before."""

    def __init__(self):
        super().__init__()
        self.gen, self.disc = (
            keras.Sequential([layers.Dense(6)], name="gen"),
            keras.Sequential([layers.Dense(1, activation="tanh")], name="disc"),
        )
        self.other = keras.optimizers.Adam()

    def call(self, x):
        return self.disc(x)

    def train_step(self, data):
        x = data[0]
        for net_, sign, optimizer in ((self.disc, 1.0, self.optimizer), (self.gen, -1.0, self.other)):
            with tf.GradientTape() as tape:
                loss = sign * tf.reduce_mean(self.disc(self.gen(2.0 * x)) ** 2 - self.disc(x))
            slopes = tape.gradient(loss, net_.trainable_variables)
            optimizer.apply_gradients(zip(slopes, net_.trainable_variables, strict=True))
        return {}


class HardTeacher(keras.Model):
    """A teacher that is not said to be frozen, behind an argmax."""

    def __init__(self):
        super().__init__()
        self.teacher, self.student = net("teacher", 6, 4), net("student", 6, 4)

    def build(self, shape):
        pass

    def call(self, x):
        return self.student(x)

    def train_step(self, data):
        x, _ = data
        goal = tf.argmax(self.teacher(x), axis=-1)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(goal, self.student(x), from_logits=True))
        slopes = tape.gradient(loss, self.student.trainable_variables)
        self.optimizer.apply_gradients(zip(slopes, self.student.trainable_variables, strict=True))
        return {}


@pytest.mark.parametrize("depth", ["values", "structure"])
@pytest.mark.parametrize("cls", [Adversaries, HardTeacher])
def test_networks_that_only_the_step_calls(cls, depth):
    model = cls()
    model.compile("adam")
    assert gradlint.check(model, BATCH, depth=depth).findings == ()


class UnreadInThisTurn(Pair):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.head(tf.ones((2, 4))) ** 2)
        if self.turn == 0:
            return self.update(tape.gradient(loss, self.head.trainable_variables), self.head.trainable_variables)
        return self.update([], [])


def test_what_another_turn_may_use_is_excused():
    assert {finding.severity.value for finding in checked(UnreadInThisTurn).findings} <= {"info"}


class Jacobian(Pair):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            values = tf.reshape(self(data[0]), [-1])
        tape.jacobian(values, [variable.value for variable in self.trainable_variables])
        return {}


def test_a_jacobian_is_a_gradient_that_nobody_applies():
    assert [(f.code, f.severity.value) for f in checked(Jacobian).findings if f.severity.value == "error"] == []


class Slopes(keras.Model):
    """A gradient penalty; how the slope is taken is told by the class."""

    watches = True

    def __init__(self):
        super().__init__(name="slopes")
        self.body, self.head = layers.Dense(4, activation="tanh", name="body"), layers.Dense(1, name="head")

    def call(self, x):
        return self.head(self.body(x))

    def train_step(self, data):
        x, _ = data
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                if self.watches:
                    inner.watch(x)
                score = self(x, training=True)
            slope = inner.gradient(score, x)
            loss = tf.reduce_mean((tf.norm(slope, axis=1) - 1.0) ** 2)
        return self.update(tape, loss)

    def update(self, tape, loss):
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


class Unwatched(Slopes):
    watches = False


class OfSteps(Slopes):
    def call(self, x):
        return super().call(keras.ops.cast(x > 0.0, "float32"))


@pytest.mark.parametrize(
    ("cls", "code", "op", "line"),
    [
        (Unwatched, "GL607", None, "slope = inner.gradient(score, x)"),
        (OfSteps, "GL103", "Greater", 'return super().call(keras.ops.cast(x > 0.0, "float32"))'),
    ],
)
def test_a_gradient_that_is_missing_is_told_and_not_the_crash_that_follows(tmp_path, cls, code, op, line):
    model = cls()
    model(BATCH["x"])
    model.compile("sgd")
    (finding,) = gradlint.check(model, BATCH).findings
    assert (finding.code, finding.severity.value, finding.cause.op) == (code, "error", op)
    assert finding.message.startswith("'x' has no gradient:")
    assert line_of(finding) == line


class Curved(keras.Model):
    """A physics-informed network, whose loss reads its second derivative."""

    def __init__(self, activation):
        super().__init__(name="curved")
        self.body = layers.Dense(8, activation=activation, name="body")
        self.head = layers.Dense(1, name="head")

    def call(self, x):
        return self.head(self.body(x))

    def train_step(self, data):
        x = data
        with tf.GradientTape() as tape:
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    wave = self(x, training=True)
                slope = inner.gradient(wave, x)
            curvature = outer.gradient(slope, x)
            loss = tf.reduce_mean(tf.square(curvature + wave))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_second_derivative_that_is_zero_everywhere_is_told(activation):
    model = Curved(activation)
    model(normal(8, 1))
    model.compile("sgd")
    findings = [f for f in gradlint.check(model, {"x": normal(8, 1)}).findings if f.severity.value != "info"]
    assert [(f.code, f.severity.value) for f in findings] == [("GL201", "warning")] * (activation == "relu")
    for finding in findings:
        assert "body' have none" in finding.message
        assert line_of(finding) == "curvature = outer.gradient(slope, x)"
