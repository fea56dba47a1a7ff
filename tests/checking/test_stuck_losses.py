"""Losses that clip all that they compare, and labels that hold a table of all rows."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from tests.checking.steps.broken import data, dense_net

X, Y = data(outputs=3)


def stepping(loss_of):
    def step(net):
        with tf.GradientTape() as tape:
            loss = loss_of(net(X, training=True))
        gradients = tape.gradient(loss, net.trainable_variables)
        keras.optimizers.SGD(0.1).apply_gradients(zip(gradients, net.trainable_variables, strict=True))

    net = dense_net(outputs=3)
    return gradlint.check_step(step, net, models=[net]).findings


@pytest.mark.parametrize(("squash", "told"), [(tf.nn.log_softmax, ["GL201"]), (tf.nn.softmax, [])])
def test_a_loss_that_clips_all_predictions_and_is_not_zero(squash, told):
    soft = tf.nn.softmax(Y)
    found = stepping(lambda logits: keras.losses.KLDivergence()(soft, squash(logits)))
    assert [f.code for f in found if f.severity.value != "info"] == told


def test_a_margin_that_is_satisfied_is_zero():
    found = stepping(lambda logits: tf.reduce_mean(tf.maximum(tf.square(logits - Y) - 1e6, 0.0)))
    assert {f.severity.value for f in found} == {"info"}


@pytest.mark.parametrize(("shape", "told"), [((-1, 1, 1, 1), ["GL405"]), ((-1, 1), [])])
def test_labels_that_hold_all_rows_for_each(shape, told):
    weight = tf.reshape(tf.linspace(0.0, 1.0, len(Y)), shape)
    mixed = weight * tf.nn.softmax(Y) + (1.0 - weight) * tf.nn.softmax(Y[::-1])
    found = stepping(lambda logits: -tf.reduce_mean(tf.reduce_sum(mixed * tf.nn.log_softmax(logits), -1)))
    assert [f.code for f in found if f.severity.value != "info"] == told


@pytest.mark.parametrize(("rows", "severity"), [(8, "warning"), (1, "info")])
def test_rows_that_a_step_takes_one_by_one(rows, severity):
    """Of a sample of one row nobody knows whether there will be more; of several the step takes one."""

    def step(net, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(net(x[:1], training=True) - y[:1]))
        gradients = tape.gradient(loss, net.trainable_variables)
        keras.optimizers.SGD(0.1).apply_gradients(zip(gradients, net.trainable_variables, strict=True))

    inputs = keras.Input((4,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(3, use_bias=False)(inputs))
    net = keras.Model(inputs, keras.layers.Dense(3)(hidden))
    found = gradlint.check_step(step, net, X[:rows], Y[:rows], models=[net]).findings
    assert [(f.code, f.severity.value) for f in found] == [("GL204", severity)]


def test_two_ways_that_cancel_out_on_whatever_rows():
    def step(users, items, rows):
        variables = users.trainable_variables + items.trainable_variables
        with tf.GradientTape() as tape:
            user, good, bad = users(rows), items(rows), items(rows)
            margin = tf.reduce_sum(user * good, 1) - tf.reduce_sum(user * bad, 1)
            loss = -tf.reduce_mean(tf.math.log_sigmoid(margin))
        gradients = tape.gradient(loss, variables)
        keras.optimizers.SGD(0.1).apply_gradients(zip(gradients, variables, strict=True))

    tables = [keras.Sequential([keras.Input((), dtype="int32"), keras.layers.Embedding(9, 4)]) for _ in range(2)]
    found = gradlint.check_step(step, *tables, np.arange(8, dtype="int32"), models=tables).findings
    assert ("GL201", "error", "Sub") in [(f.code, f.severity.value, f.cause.op) for f in found]
