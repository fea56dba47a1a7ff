"""Leaks are proven at the ends: an output moves, or does not, when the inputs of others are replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlint import Finding

RNG = np.random.default_rng(0)


class Own(keras.layers.Layer):
    """A layer of the user's own."""

    def __init__(self, function: Callable[..., object], **options: object) -> None:
        super().__init__(**options)
        self.function = function

    def call(self, x: object) -> object:
        return self.function(x)


def leaks(model: keras.Model, sample: dict[str, np.ndarray], **options: object) -> list[Finding]:
    result = gradlint.check(model, sample, select=["GL501", "GL502"], **options)
    return list(result.findings)


def sequence_model(function: Callable[..., object], steps: int = 6, *, recurrent: bool = False) -> keras.Model:
    x = keras.Input((steps, 3), name="x")
    h = keras.layers.LSTM(4, return_sequences=True)(x) if recurrent else x
    h = Own(function)(h)
    return keras.Model(x, keras.layers.Dense(2)(h))


@pytest.mark.parametrize("rows", [6, 5])
def test_a_recurrence_before_an_own_pool_is_none_though_the_batch_is_as_long_as_the_sequence(rows: int) -> None:
    model = sequence_model(lambda h: tf.reduce_mean(h * h, axis=1), recurrent=True)
    assert leaks(model, {"x": RNG.normal(size=(rows, 6, 3)).astype("float32")}) == []


def test_a_mean_over_the_batch_is_one() -> None:
    model = sequence_model(lambda h: h[:, -1] - tf.reduce_mean(h[:, -1], axis=0, keepdims=True))
    (finding,) = leaks(model, {"x": RNG.normal(size=(4, 6, 3)).astype("float32")})
    assert (finding.code, finding.cause.op) == ("GL501", "Mean")
    assert finding.evidence["change"] > 0.01


def test_a_leak_that_no_gradient_passes_is_found_where_values_differ() -> None:
    def ranked(h: tf.Tensor) -> tf.Tensor:
        order = tf.argsort(tf.argsort(h[:, -1, 0]))  # of the batch
        return h[:, -1] + tf.cast(order, tf.float32)[:, None]

    (finding,) = leaks(sequence_model(ranked), {"x": RNG.normal(size=(5, 6, 3)).astype("float32")})
    assert (finding.code, finding.cause.file) == ("GL501", __file__)
    assert finding.evidence["depends_on"] == []


def test_ids_of_another_sample_count() -> None:
    ids = keras.Input((3,), dtype="int32", name="ids")
    h = keras.layers.Embedding(10, 4)(ids)
    h = Own(lambda h: tf.reshape(tf.transpose(h, (1, 0, 2)), (-1, 12)))(h)
    model = keras.Model(ids, keras.layers.Dense(1)(h))
    (finding,) = leaks(model, {"ids": RNG.integers(0, 10, (4, 3))})
    assert (finding.code, finding.inputs) == ("GL501", ("ids",))


def test_random_draws_of_inference_are_none() -> None:
    model = sequence_model(
        lambda h: h[:, -1] + tf.random.normal(tf.shape(h[:, -1])) * tf.reduce_sum(h, axis=(1, 2))[:, None]
    )
    assert leaks(model, {"x": RNG.normal(size=(4, 6, 3)).astype("float32")}) == []


@pytest.mark.parametrize(("causal", "codes"), [(True, []), (False, ["GL502"])])
def test_attention_looks_ahead_only_without_its_mask(causal: bool, codes: list[str]) -> None:
    x = keras.Input((5, 4), name="x")
    h = keras.layers.MultiHeadAttention(1, 4)(x, x, use_causal_mask=causal)
    model = keras.Model(x, keras.layers.Dense(2)(h))
    sample = {"x": RNG.normal(size=(3, 5, 4)).astype("float32")}
    assert [finding.code for finding in leaks(model, sample, causal=["x"])] == codes


def test_sorting_the_steps_is_a_leak_from_the_future_that_gradients_show_too() -> None:
    model = sequence_model(lambda h: h + tf.cast(tf.argsort(h, axis=1), tf.float32))
    (finding,) = leaks(model, {"x": RNG.normal(size=(3, 6, 3)).astype("float32")}, causal=["x"])
    assert (finding.code, finding.cause.file) == ("GL502", __file__)


def test_a_mean_that_hardly_counts_is_one() -> None:
    model = sequence_model(lambda h: h[:, -1] + 1e-3 * tf.reduce_mean(h[:, -1], axis=0, keepdims=True))
    assert [f.code for f in leaks(model, {"x": RNG.normal(size=(4, 6, 3)).astype("float32")})] == ["GL501"]


def next_token_model(attend: dict[str, bool]) -> keras.Model:
    tokens = keras.Input((8,), dtype="int32", name="tokens")
    h = keras.layers.Embedding(12, 6)(tokens)
    h = keras.layers.MultiHeadAttention(2, 3, name="attend")(h, h, **attend)
    model = keras.Model(tokens, keras.layers.Dense(12, name="next")(h))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.parametrize("causal", [False, True])
def test_labels_that_are_the_next_token_ask_for_causal_attention(causal: bool) -> None:
    text = RNG.integers(0, 12, (5, 9))
    sample = {"tokens": text[:, :-1], "y": text[:, 1:]}
    found = leaks(next_token_model({"use_causal_mask": causal}), sample)
    assert [f.code for f in found] == ([] if causal else ["GL502"])
    assert causal or "labels 'y'" in found[0].message


@pytest.mark.parametrize("labels", ["the same step", "others", "constant"])
def test_labels_that_are_no_next_token_ask_for_nothing(labels: str) -> None:
    text = RNG.integers(0, 12, (5, 9)) if labels != "constant" else np.full((5, 9), 3)
    y = {"the same step": text[:, :-1], "others": RNG.integers(0, 12, (5, 8)), "constant": text[:, 1:]}[labels]
    assert leaks(next_token_model({}), {"tokens": text[:, :-1], "y": y}) == []


@pytest.mark.parametrize(
    ("leaking", "named", "also"), [((1, 2, 3), 1, "filter_3"), ((0, 2), 0, "filter_2"), ((2,), 2, "")]
)
def test_the_first_of_several_layers_that_look_ahead_is_named(leaking: tuple[int, ...], named: int, also: str) -> None:
    """As in a WaveNet: dilated convolutions on residual paths, and skip connections."""
    h = inputs = keras.Input((16, 2), name="x")
    skips = []
    for number in range(4):
        padding = "same" if number in leaking else "causal"
        f = keras.layers.Conv1D(2, 3, dilation_rate=2**number, padding=padding, name=f"filter_{number}")(h)
        h = h + keras.layers.Activation("tanh")(f)
        skips.append(f)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Add()(skips)))
    model.compile("sgd", "mse")
    sample = {"x": RNG.normal(size=(3, 16, 2)).astype("float32")}
    found = gradlint.check(model, sample, select=["GL502"], causal=["x"], seed=1).findings
    (finding,) = found
    assert finding.cause.layer == f"filter_{named}"
    assert ("others leak, too" in finding.message) == bool(also)
    assert also in finding.message


def test_the_first_of_equal_layers_of_the_users_own_is_named_and_one_alone_is_no_several() -> None:
    def chain(depth: int) -> keras.Model:
        h = inputs = keras.Input((8, 4), name="x")
        for number in range(depth):
            h = Own(lambda x: x - tf.reduce_mean(x, axis=1, keepdims=True), name=f"norm_{number}")(
                keras.layers.Dense(4)(h)
            )
        return keras.Model(inputs, h)

    sample = {"x": RNG.normal(size=(3, 8, 4)).astype("float32")}
    (found,) = leaks(chain(3), sample, causal=["x"])
    assert found.cause.layer == "norm_0"
    assert "others leak, too, up to 'norm_2'" in found.message
    (alone,) = leaks(chain(1), sample, causal=["x"])
    assert "others" not in alone.message


def row_and_columns(function: Callable[..., object]) -> keras.Model:
    """A layer of the user's own on as many columns as the sample has rows."""
    x = keras.Input((6,), name="x")
    return keras.Model(x, Own(function)(keras.layers.Dense(6)(x)))


def test_as_many_columns_as_rows_make_no_matrix_of_pairs() -> None:
    (finding,) = leaks(
        row_and_columns(lambda h: tf.nn.l2_normalize(h, 0)), {"x": RNG.normal(size=(6, 6)).astype("float32")}
    )
    assert finding.code == "GL501"
    pairs = row_and_columns(lambda h: tf.matmul(h, h, transpose_b=True))
    assert leaks(pairs, {"x": RNG.normal(size=(6, 6)).astype("float32")}) == []


def test_the_scale_of_a_quantizer_is_meant() -> None:
    """One number of the whole batch, which no gradient passes through; a gradient through it is another matter."""

    def quantized(h: tf.Tensor) -> tf.Tensor:
        scale = tf.reduce_max(tf.abs(h)) / 8.0
        return h + tf.stop_gradient(tf.round(h / scale) * scale - h)

    sample = {"x": RNG.normal(size=(4, 6)).astype("float32")}
    assert [str(finding.severity) for finding in leaks(row_and_columns(quantized), sample)] == ["info"]
    scaled = row_and_columns(lambda h: h / tf.reduce_max(tf.abs(h)))
    assert [str(finding.severity) for finding in leaks(scaled, sample)] == ["error"]


@pytest.mark.parametrize("column", [0, 1])
def test_labels_that_repeat_one_column_ahead_ask_for_a_causal_model(column: int) -> None:
    wave = RNG.normal(size=(5, 9, 2)).astype("float32")
    sample = {"x": wave[:, :-1], "y": wave[:, 1:, column : column + 1]}

    def forecaster(padding: str) -> keras.Model:
        x = keras.Input((8, 2), name="x")
        h = keras.layers.Conv1D(4, 3, padding="causal")(x)
        model = keras.Model(x, keras.layers.Dense(1)(keras.layers.Conv1D(4, 3, padding=padding)(h)))
        model.compile("sgd", "mse")
        return model

    assert [finding.code for finding in leaks(forecaster("same"), sample)] == ["GL502"]
    assert leaks(forecaster("causal"), sample) == []


def test_rows_are_followed_where_they_are_not_the_first_axis() -> None:
    """Time comes first for a while, which mixes nothing; that it comes back by a reshape does."""

    def back(by: str) -> list[tuple[str, str | None]]:
        def layer(x: tf.Tensor) -> tf.Tensor:
            states = tf.stack([tf.cumsum(x, axis=1)[:, step] for step in range(7)])
            rows = tf.transpose(states, [1, 0, 2]) if by == "transpose" else tf.reshape(states, [-1, 7, 3])
            return tf.tanh(rows)

        x = keras.Input((7, 3), name="x")
        h = keras.layers.Lambda(layer, output_shape=(7, 3))(keras.layers.Dense(3)(x))
        model = keras.Model(x, keras.layers.Dense(1)(keras.layers.Flatten()(h)))
        model.compile("sgd", "mse")
        sample = {"x": RNG.normal(size=(5, 7, 3)).astype("float32"), "y": RNG.normal(size=(5, 1)).astype("float32")}
        return [(finding.code, finding.cause.op) for finding in leaks(model, sample)]

    assert back("reshape") == [("GL501", "Reshape")]
    assert back("transpose") == []
