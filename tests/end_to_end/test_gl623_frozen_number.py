"""A Python counter in a method that TensorFlow traces, and one that is handed over."""

import keras
import numpy as np
import tensorflow as tf

import gradlint


class Training:
    def __init__(self):
        self.model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        self.optimizer, self.count = keras.optimizers.SGD(0.1), 0

    def apply(self, x, weight):
        with tf.GradientTape() as tape:
            loss = weight * tf.reduce_mean(tf.square(self.model(x)))
        variables = self.model.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    @tf.function
    def step(self, x):
        self.count += 1
        self.apply(x, min(1.0, self.count / 10))

    @tf.function
    def weighted(self, x, weight):
        self.apply(x, weight)

    def handing_over(self, x):
        self.count += 1
        self.weighted(x, tf.constant(min(1.0, self.count / 10)))


def found(name):
    training = Training()
    result = gradlint.check_step(getattr(training, name), np.ones((4, 3), "float32"), models=[training.model])
    return [(f.code, f.cause.line) for f in result.findings if f.severity.value != "info"]


def test_a_counter_that_is_traced_once():
    first = Training.step.python_function.__code__.co_firstlineno
    assert found("step") == [("GL623", first + 3)]
    assert found("handing_over") == []
