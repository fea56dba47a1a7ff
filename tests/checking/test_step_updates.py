"""Updates that repeat others, go the wrong way, or are taken back; and those that only look so."""

# ruff: noqa: RUF059 - as users write their steps

from __future__ import annotations

import keras
import pytest
import tensorflow as tf

import gradlint
from tests.checking.steps.broken import data, dense_net


def found(step, *models):
    """Code and offset of the line in the step of everything that is more than a remark."""
    first = step.__code__.co_firstlineno
    result = gradlint.check_step(step, *data(), models=list(models))
    return [(f.code, f.cause.line - first) for f in result.findings if f.severity.value != "info"]


def asked(model, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
    return tape.gradient(loss, model.trainable_variables)


def sums_of(model):
    return [tf.Variable(tf.zeros_like(weight), trainable=False) for weight in model.trainable_variables]


def pairs(gradients, model):
    return zip(gradients, model.trainable_variables, strict=True)


# -- sums ------------------------------------------------------------------------------------------------


def test_sums_of_gradients_that_nothing_empties():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)
    sums = sums_of(model)

    def step(x, y):
        for part in range(4):
            for total, gradient in zip(sums, asked(model, x[part::4], y[part::4]), strict=True):
                total.assign_add(gradient / 4.0)
        optimizer.apply_gradients(pairs(sums, model))

    def written_out(x, y):
        for total, gradient in zip(sums, asked(model, x, y), strict=True):
            total.assign(total + gradient)
        optimizer.apply_gradients([(total / 4.0, weight) for total, weight in pairs(sums, model)])

    assert found(step, model) == [("GL624", 3)]
    assert found(written_out, model) == [("GL624", 2)]


def test_a_momentum_of_ones_own():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)
    sums = sums_of(model)

    def step(x, y):
        for total, gradient in zip(sums, asked(model, x, y), strict=True):
            total.assign(0.9 * total + gradient)
        optimizer.apply_gradients(pairs(sums, model))

    assert found(step, model) == []


def test_sums_that_are_lost_before_the_update_or_overwritten():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)
    sums = sums_of(model)

    def too_early(x, y):
        for total, gradient in zip(sums, asked(model, x, y), strict=True):
            total.assign_add(gradient)
        for total in sums:
            total.assign(total * 0.0)
        optimizer.apply_gradients(pairs(sums, model))

    def overwritten(x, y):
        for part in range(2):
            gradients = asked(model, x[part::2], y[part::2])
            for total, gradient in zip(sums, gradients, strict=True):
                total.assign(gradient / 2.0)
        optimizer.apply_gradients(pairs(sums, model))

    assert found(too_early, model) == [("GL622", 5)]
    assert [code for code, _ in found(overwritten, model)] == ["GL619"]


def test_gradients_that_are_applied_twice():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        gradients = asked(model, x, y)
        optimizer.apply_gradients(pairs(gradients, model))
        optimizer.apply_gradients(pairs(gradients, model))

    def anew(x, y):
        for _ in range(2):
            optimizer.apply_gradients(pairs(asked(model, x, y), model))

    assert found(step, model) == [("GL624", 3)]
    assert found(anew, model) == []


# -- the way ---------------------------------------------------------------------------------------------


def test_a_step_that_climbs_its_loss_by_hand():
    model = dense_net()

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - y) ** 2)
        for gradient, weight in pairs(tape.gradient(loss, model.trainable_variables), model):
            weight.assign_add(0.1 * gradient)

    def down(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - y) ** 2)
        for gradient, weight in pairs(tape.gradient(loss, model.trainable_variables), model):
            weight.assign_sub(0.1 * gradient)

    def of_a_reward(x, y):
        with tf.GradientTape() as tape:
            reward = -tf.reduce_mean((model(x) - y) ** 2)
        for gradient, weight in pairs(tape.gradient(reward, model.trainable_variables), model):
            weight.assign_add(0.1 * gradient)

    assert found(step, model) == [("GL625", 4)]
    assert found(down, model) == found(of_a_reward, model) == []


def test_negative_gradients_for_an_optimizer_and_a_game_of_two_sides():
    model, other, optimizer = dense_net(), dense_net(name="other"), keras.optimizers.SGD(0.1)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients([(-gradient, weight) for gradient, weight in pairs(gradients, model)])

    def game(x, y):
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean((model(x) - y + other(x)) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        against = tape.gradient(loss, other.trainable_variables)
        both = [*pairs(gradients, model), *((-gradient, weight) for gradient, weight in pairs(against, other))]
        optimizer.apply_gradients(both)

    assert found(step, model) == [("GL625", 4)]
    assert found(game, model, other) == []


@pytest.mark.parametrize("back", ["never", "wrong", "before", "after", "too late"])
def test_a_perturbation_of_the_weights_is_taken_back(back):
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        norm, before = tf.linalg.global_norm(gradients), model.get_weights()
        moves = [0.05 * gradient / norm for gradient in gradients]
        for move, weight in pairs(moves, model):
            weight.assign_add(move)  # moved
        sharp = asked(model, x, y)
        for move, weight in pairs(moves, model):
            if back == "before":
                weight.assign_sub(move)
            elif back == "wrong":
                weight.assign_add(move)
        optimizer.apply_gradients(pairs(sharp, model))
        if back == "too late":
            model.set_weights(before)
        for move, weight in pairs(moves, model):
            if back == "after":
                weight.assign_sub(move)

    expected = {"never": [("GL625", 7)], "wrong": [("GL625", 13)], "too late": [("GL622", 16)]}
    assert found(step, model) == expected.get(back, [])


def test_a_perturbation_that_is_there_when_nothing_reads_the_weights():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        gradients = asked(model, x, y)
        norm = tf.linalg.global_norm(gradients)
        with tf.GradientTape() as tape:
            sharp = tf.reduce_mean((model(x) - y) ** 2)
        for gradient, weight in pairs(gradients, model):
            weight.assign_add(0.05 * gradient / norm)
        again = tape.gradient(sharp, model.trainable_variables)
        for gradient, weight in pairs(gradients, model):
            weight.assign_sub(0.05 * gradient / norm)
        optimizer.apply_gradients(pairs(again, model))

    assert found(step, model) == [("GL625", 6)]


# -- optimizers ------------------------------------------------------------------------------------------


def test_an_optimizer_that_each_step_creates():
    model, kept = dense_net(), {}

    def step(x, y):
        optimizer = keras.optimizers.Adam(0.01)
        optimizer.apply_gradients(pairs(asked(model, x, y), model))

    def once(x, y):
        optimizer = kept.setdefault("optimizer", None) or keras.optimizers.Adam(0.01)
        kept["optimizer"] = optimizer
        optimizer.apply_gradients(pairs(asked(model, x, y), model))

    def without_moments(x, y):
        keras.optimizers.SGD(0.01).apply_gradients(pairs(asked(model, x, y), model))

    def of_a_loop(x, y):
        optimizer = keras.optimizers.Adam(0.01)
        for _ in range(3):
            optimizer.apply_gradients(pairs(asked(model, x, y), model))

    assert found(step, model) == [("GL617", 1)]
    assert found(of_a_loop, model) == []
    assert found(once, model) == found(without_moments, model) == []


# -- clipped gradients -----------------------------------------------------------------------------------


def by_norm(gradients):
    return [tf.clip_by_norm(gradient, 1.0) for gradient in gradients]


def by_value(gradients):
    return [tf.clip_by_value(gradient, -1.0, 1.0) for gradient in gradients]


def by_global_norm(gradients):
    return tf.clip_by_global_norm(gradients, 1.0)[0]


def to_length_one(gradients):
    norm = tf.linalg.global_norm(gradients)
    return [gradient / (norm + 1e-6) for gradient in gradients]


@pytest.mark.parametrize("clip", [by_norm, by_value, by_global_norm, to_length_one])
def test_clipped_gradients_of_which_only_the_norm_is_returned(clip):
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        gradients = asked(model, x, y)
        clipped = clip(gradients)
        optimizer.apply_gradients(pairs(gradients, model))
        return tf.linalg.global_norm(clipped)

    def right(x, y):
        gradients = asked(model, x, y)
        clipped = clip(gradients)
        optimizer.apply_gradients(pairs(clipped, model))
        return tf.linalg.global_norm(gradients), tf.linalg.global_norm(clipped)

    assert [code for code, _ in found(step, model)] == ["GL619"]
    assert found(right, model) == []


def test_clipped_gradients_that_have_a_name_which_nothing_reads():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        gradients = asked(model, x, y)
        clipped, norm = tf.clip_by_global_norm(gradients, 1.0)
        optimizer.apply_gradients(pairs(gradients, model))
        return norm

    def for_the_norm(x, y):
        gradients = asked(model, x, y)
        _, norm = tf.clip_by_global_norm(gradients, 1.0)
        optimizer.apply_gradients(pairs(gradients, model))
        return norm

    assert found(step, model) == [("GL619", 2)]
    assert found(for_the_norm, model) == []


def test_gradients_that_are_only_measured():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        gradients = asked(model, x, y)
        others = asked(model, x, y + 1.0)
        optimizer.apply_gradients(pairs(gradients, model))
        cosine = [tf.reduce_sum(a / tf.norm(a) * b / tf.norm(b)) for a, b in zip(gradients, others, strict=True)]
        sizes = [tf.reduce_mean(tf.abs(gradient)) for gradient in gradients]
        return sizes, cosine, tf.linalg.global_norm([gradient / 16.0 for gradient in gradients])

    assert found(step, model) == []
