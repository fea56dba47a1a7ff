"""What a user would write without gradlint: one eager step, and the variables whose gradient is None.

`python bare.py MODEL SAMPLE [FILE]`: the file registers what the model is made of.
"""

import importlib.util
import sys

import keras
import numpy as np
import tensorflow as tf

sys.setrecursionlimit(20_000)  # Keras loads long chains by recursion
for file in sys.argv[3:]:
    spec = importlib.util.spec_from_file_location("registering", file)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
model = keras.models.load_model(sys.argv[1], safe_mode=False)
sample = dict(np.load(sys.argv[2]))
labels = sample.pop("y")
inputs = sample if isinstance(model._inputs_struct, dict) else next(iter(sample.values()))
with tf.GradientTape() as tape:
    loss = model.compute_loss(inputs, labels, model(inputs, training=True))
gradients = tape.gradient(loss, model.trainable_variables)
print([v.path for v, gradient in zip(model.trainable_variables, gradients, strict=True) if gradient is None])
