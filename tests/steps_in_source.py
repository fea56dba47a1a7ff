"""A training step as source, with one mistake: what tests of files, hooks and configurations check."""

BAD = """\
import tensorflow as tf

def step(model, x, y):
    with tf.GradientTape() as tape:
        p = model.predict(x)
        loss = tf.reduce_mean(p - y)
    return tape.gradient(loss, model.trainable_variables)
"""
