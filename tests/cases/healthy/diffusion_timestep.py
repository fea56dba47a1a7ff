"""Denoiser with sinusoidal embedding of an integer timestep given as float."""

import keras
import tensorflow as tf
from cases.common import integers, normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="diffusion_timestep")


@register
class SinEmb(layers.Layer):
    def call(self, t):
        f = tf.exp(-tf.range(4.0) * 2.0)
        a = t * f
        return tf.concat([tf.sin(a), tf.cos(a)], -1)

    def compute_output_shape(self, shape):
        return (shape[0], 8)


@seeded
def build():
    x, t = keras.Input((6,), name="noisy"), keras.Input((1,), name="t")
    e = layers.Dense(8, activation="silu", name="temb")(SinEmb(name="sin")(t))
    model = keras.Model(
        {"noisy": x, "t": t}, layers.Dense(6)(layers.Dense(8, activation="silu")(layers.Concatenate()([x, e])))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"noisy": normal(8, 6), "t": integers(1000, 8, 1).astype("float32"), "y": normal(8, 6, seed=2)}


NOTES = {"family": "diffusion", "why_hard": "large-valued t", "legit_nongradient": []}
