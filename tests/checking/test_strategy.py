"""Checks beside a strategy of two devices; TensorFlow must be told of them before it starts."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import tensorflow as tf
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
import keras, numpy as np, gradlint
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    layers = keras.layers.Dense(4), keras.layers.Lambda(tf.round), keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile("sgd", "mse")
    try:
        gradlint.check(model, (np.ones((4, 3)), np.ones((4, 1))))
    except gradlint.UsageError as error:
        print("inside:", error)
print("after:", [finding.code for finding in gradlint.check(model, (np.ones((4, 3)), np.ones((4, 1)))).failures])
"""


def test_inside_of_the_scope_it_says_so_and_after_it_the_model_is_checked() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120)
    assert "inside: check() was called inside strategy.scope(), where every variable has 2 values" in done.stdout
    assert "after: ['GL103'" in done.stdout, done.stderr[-2000:]
