"""A value that a layer of the user's is given and does not read is told at that layer."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

X = {
    "past": np.random.default_rng(0).normal(size=(6, 5, 3)).astype("float32"),
    "known": np.random.default_rng(1).normal(size=(6, 4, 2)).astype("float32"),
    "y": np.random.default_rng(2).normal(size=(6, 4, 1)).astype("float32"),
}


class Decoder(keras.layers.Layer):
    def __init__(self, reads, **options):
        super().__init__(**options)
        self.reads = reads
        self.gru, self.out = keras.layers.GRU(4, return_sequences=True), keras.layers.Dense(1)

    def call(self, inputs):
        known, state = inputs
        hidden = self.gru(known, initial_state=state) if self.reads else self.gru(known)
        return self.out(hidden)


def model(reads: bool) -> keras.Model:
    keras.utils.set_random_seed(0)
    past, known = keras.Input((5, 3), name="past"), keras.Input((4, 2), name="known")
    _, state = keras.layers.GRU(4, return_state=True, name="encoder")(past)
    built = keras.Model({"past": past, "known": known}, Decoder(reads, name="decoder")([known, state]))
    built.compile("sgd", "mse")
    return built


def test_is_told_at_the_layer_that_does_not_read_it() -> None:
    (finding,) = gradlint.check(model(reads=False), X).findings
    lines, first = inspect.getsourcelines(Decoder.call)
    assert (finding.code, finding.inputs, len(finding.variables)) == ("GL101", ("past",), 3)
    assert (finding.cause.layer, finding.cause.op) == ("decoder", None)
    assert "return self.out(hidden)" in lines[finding.cause.line - first]
    assert "handed to 'decoder', which does not read it" in finding.message


def test_one_that_reads_it_is_quiet() -> None:
    assert gradlint.check(model(reads=True), X).findings == ()


@pytest.mark.parametrize("reads", [True, False])
def test_so_it_is_with_the_variables_of_a_step(reads: bool) -> None:
    encoder, decoder, optimizer = (
        keras.layers.Dense(4, name="encoder"),
        Decoder(reads, name="late"),
        keras.optimizers.SGD(),
    )
    encoder.build((None, 3))
    decoder([X["known"], np.zeros((6, 4), "float32")])

    def step(past, known):
        variables = encoder.trainable_variables + decoder.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(decoder([tf.constant(known), encoder(past[:, -1])]) ** 2)
        pairs = zip(tape.gradient(loss, variables), variables, strict=True)
        optimizer.apply_gradients((g, v) for g, v in pairs if g is not None)

    found = [f for f in gradlint.check_step(step, X["past"], X["known"]).findings if f.code == "GL102"]
    assert bool(found) is not reads
    if found:
        assert "'late' gets what is made of them, and does not read it" in found[0].message
