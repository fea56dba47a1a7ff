"""Operations, and the layers and lines they are seen at."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers
from keras import ops as kops
from recorded import is_at, layers_of, line_of, normal, ops, recorded, states, the_op, variable

from gradlint.record.terms import Region


class Tower(layers.Layer):
    """A layer of the user's own, with two library layers inside."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first = layers.Dense(4, activation="tanh", name="first")
        self.second = layers.Dense(3, name="second")

    def build(self, shape):
        self.first.build(shape)
        self.second.build((None, 4))

    def call(self, x):
        hidden = self.first(x)
        return tf.math.softplus(self.second(hidden))


class Own(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.left = Tower(name="left")
        self.right = Tower(name="right")
        self.head = layers.Dense(1, name="head")

    def call(self, inputs):
        joined = kops.concatenate([self.left(inputs["a"]), self.right(inputs["b"])], axis=-1)
        return self.head(tf.math.erf(joined))


def two():
    return {"a": normal(4, 5), "b": normal(4, 5, seed=1), "y": normal(4, 1)}


def test_functional_model():
    x = keras.Input((5,), name="x")
    h = layers.Dense(4, activation="tanh", name="hidden")(x)
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(kops.square(h)))
    seen = recorded(model, {"x": normal(4, 5)})
    assert layers_of(seen, "MatMul")[:2] == ["hidden", "head"]
    assert layers_of(seen, "Tanh") == ["hidden"]
    assert layers_of(seen, "Square") == ["square"]
    assert set(states(seen).values()) == {"finite"}
    assert all(op.file is None for op in seen.ops if op.region is Region.MODEL)


def test_subclassed_model_with_layers_of_its_own():
    model = Own()
    model({key: value for key, value in two().items() if key != "y"})
    seen = recorded(model, two())
    # Keras puts the name of a subclassed model in front, in the paths of its variables as well.
    expected = ["own/left/first", "own/left/second", "own/right/first", "own/right/second", "own/head"]
    assert layers_of(seen, "MatMul")[:5] == expected
    assert layers_of(seen, "Softplus") == ["own/left", "own/right"]
    assert all(is_at(op, __file__, line_of("tf.math.softplus(self.second")) for op in ops(seen, "Softplus"))
    erf = the_op(seen, "Erf")
    assert erf.layer == ""
    assert is_at(erf, __file__, line_of("tf.math.erf(joined)"))
    # A library layer's operation runs at the line of the user's code that calls the layer.
    assert is_at(ops(seen, "Tanh")[0], __file__, line_of("hidden = self.first(x)"))
    assert {v.path: v.layer for v in seen.variables}["own/left/first/kernel"] == "own/left/first"


def test_nested_models():
    inner = keras.Sequential([keras.Input((5,)), layers.Dense(4, name="code"), Tower(name="tower")], name="inner")
    middle_in = keras.Input((5,), name="m")
    middle = keras.Model(middle_in, inner(layers.Dense(5, name="pre")(middle_in)), name="middle")
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(middle(x)), name="outer")
    seen = recorded(model, {"x": normal(4, 5)})
    expected = ["middle/pre", "middle/inner/code", "middle/inner/tower/first", "middle/inner/tower/second", "head"]
    assert layers_of(seen, "MatMul")[:5] == expected
    assert layers_of(seen, "Softplus") == ["middle/inner/tower"]
    assert len({v.path for v in seen.variables}) == len(seen.variables) == 10


def test_shared_layer_runs_twice_and_has_one_set_of_variables():
    tower = Tower(name="shared")
    a, b = keras.Input((5,), name="a"), keras.Input((5,), name="b")
    model = keras.Model({"a": a, "b": b}, layers.Add(name="sum")([tower(a), tower(b)]))
    seen = recorded(model, {"a": normal(4, 5), "b": normal(4, 5, seed=1)})
    assert layers_of(seen, "Softplus") == ["shared", "shared"]
    assert len(seen.variables) == 4
    assert [call.layer for call in seen.calls].count("shared/first") == 2
    assert set(states(seen).values()) == {"finite"}


def test_layers_of_one_name_in_two_models_are_told_apart():
    def side(number):
        return keras.Sequential([keras.Input((5,)), layers.Dense(3, name="code")], name=f"side{number}")

    a, b = keras.Input((5,), name="a"), keras.Input((5,), name="b")
    model = keras.Model({"a": a, "b": b}, layers.Concatenate()([side(1)(a), side(2)(b)]))
    seen = recorded(model, {"a": normal(4, 5), "b": normal(4, 5, seed=1)})
    assert layers_of(seen, "MatMul")[:2] == ["side1/code", "side2/code"]
    assert len({v.path for v in seen.variables}) == 4


class Cell(layers.Layer):
    """A recurrent cell of the user's own."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = units
        self.mix = layers.Dense(units, name="mix")

    def build(self, shape):
        self.mix.build((None, shape[-1] + self.units))

    def call(self, x, states):
        new = tf.math.atan(self.mix(tf.concat([x, states[0]], -1)))
        return new, [new]


class TestRecurrent:
    STEPS = 3

    def model(self, layer):
        x = keras.Input((self.STEPS, 5), name="x")
        return keras.Model({"x": x}, layers.Dense(1, name="head")(layer(x)))

    @pytest.mark.parametrize(
        ("layer", "inside"),
        [
            (layers.LSTM(4, name="rnn"), {"rnn/lstm_cell"}),
            (layers.GRU(4, name="rnn"), {"rnn/gru_cell"}),
            (layers.SimpleRNN(4, name="rnn", unroll=True), {"rnn/simple_rnn_cell"}),
        ],
    )
    def test_cells_run_step_by_step(self, layer, inside):
        seen = recorded(self.model(layer), {"x": normal(2, self.STEPS, 5)})
        found = {op.layer for op in seen.ops if op.layer.startswith("rnn/")}
        assert found == inside
        assert len([op for op in seen.ops if op.type == "MatMul" and op.layer in inside]) >= self.STEPS
        assert set(states(seen).values()) == {"finite"}

    def test_cell_of_the_users_own(self):
        seen = recorded(self.model(layers.RNN(Cell(4, name="cell"), name="rnn")), {"x": normal(2, self.STEPS, 5)})
        # Keras runs one more step before the loop, to see what the cell gives.
        assert layers_of(seen, "Atan") == ["rnn/cell"] * (self.STEPS + 1)
        assert {op.layer for op in ops(seen, "MatMul")} >= {"rnn/cell/mix", "head"}
        assert all(is_at(op, __file__, line_of("new = tf.math.atan")) for op in ops(seen, "Atan"))
        assert set(states(seen).values()) == {"finite"}

    def test_bidirectional(self):
        layer = layers.Bidirectional(layers.LSTM(4, name="rnn"), name="both")
        seen = recorded(self.model(layer), {"x": normal(2, self.STEPS, 5)})
        found = {op.layer.split("/")[1] for op in seen.ops if op.layer.startswith("both/")}
        assert found == {"forward_rnn", "backward_rnn"}
        assert len([v for v in seen.variables if v.layer.startswith("both/")]) == 6
        assert set(states(seen).values()) == {"finite"}


def test_a_layer_that_is_never_called():
    class Forgetful(keras.Model):
        def __init__(self):
            super().__init__()
            self.used = layers.Dense(3, name="used")
            self.idle = layers.Dense(3, name="idle")

        def call(self, x):
            return self.used(x)

    model = Forgetful()
    model.idle.build((None, 5))
    model(normal(1, 5))
    record = variable(recorded(model, {"x": normal(4, 5)}), "idle/kernel")
    assert not record.owner_called
    assert record.blamed == ""
    assert record.file == __file__
    assert record.line == line_of('self.idle = layers.Dense(3, name="idle")')
