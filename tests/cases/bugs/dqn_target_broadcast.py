"""Q targets (B,) against Q values (B, 1) inside compute_loss."""

import keras
import tensorflow as tf
from cases.common import integers, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="dqn_target_broadcast")


@register
class DQN(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        q = tf.reduce_sum(y_pred * tf.one_hot(tf.cast(y["action"], tf.int32), 3), axis=-1, keepdims=True)
        target = y["target"][:, None] if self.name == "dqn_ok" else y["target"]
        return tf.reduce_mean(tf.square(target - q))


def net(repaired):
    x = keras.Input((4,), name="obs")
    model = DQN(
        {"obs": x},
        layers.Dense(3, name="q")(layers.Dense(8, activation="relu", name="h")(x)),
        name="dqn_ok" if repaired else "dqn",
    )
    model.compile("adam")
    return model


def sample():
    return {"obs": normal(8, 4), "y:action": integers(3, 8), "y:target": normal(8)}


build, fixed = twins(net)

EXPECT = {
    "category": "label_shape_broadcast",
    "culprit": {"op": "Sub", "line": "return tf.reduce_mean(tf.square(target - q))"},
    "why": "(8,) - (8, 1) is an (8, 8) matrix: every Q value is pulled to the mean target.",
}
