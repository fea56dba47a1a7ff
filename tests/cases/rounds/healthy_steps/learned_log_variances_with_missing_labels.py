"""Uncertainty weighted tasks: log-variances live in a layer of their own and are trained by a second optimizer; one label is missing in places."""
import numpy as np
import tensorflow as tf
import keras


class LogVariances(keras.Model):
    def __init__(self, tasks, **kwargs):
        super().__init__(**kwargs)
        self.log_var = self.add_weight(name='log_var', shape=(tasks,), initializer=keras.initializers.Constant(-0.5))
        self.built = True

    def call(self, losses):
        s = tf.convert_to_tensor(self.log_var)
        return tf.reduce_sum(0.5 * tf.exp(-s) * losses + 0.5 * s)


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((16, 16, 3), name='image')
    h = keras.layers.Conv2D(8, 3, strides=2, activation='swish', name='trunk_conv')(x)
    h = keras.layers.GlobalAveragePooling2D(name='trunk_pool')(h)
    net = keras.Model(x, {'depth': keras.layers.Dense(1, name='depth_head')(h), 'scene': keras.layers.Dense(4, name='scene_head')(h)}, name='net')
    return {'net': net, 'weights': LogVariances(2, name='log_variances'), 'optimizer': keras.optimizers.Adam(1e-3), 's_opt': keras.optimizers.SGD(1e-2)}


def sample():
    r = np.random.default_rng(0)
    depth = r.normal(size=(8, 1)).astype('float32')
    depth[[1, 4]] = np.nan
    return {'image': r.normal(size=(8, 16, 16, 3)).astype('float32'), 'y:depth': depth, 'y:scene': r.integers(0, 4, 8).astype('int32')}


def models(built):
    return [built['net'], built['weights']]


def step(built, sample):
    net, weights = models(built)
    known = ~tf.math.is_nan(sample['y:depth'])
    depth = tf.where(known, sample['y:depth'], 0.0)
    with tf.GradientTape() as tape:
        out = net(sample['image'], training=True)
        error = tf.cast(known, tf.float32) * (out['depth'] - depth) ** 2
        losses = tf.stack([tf.reduce_sum(error) / tf.reduce_sum(tf.cast(known, tf.float32)),
                           tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y:scene'], out['scene']))])
        total = weights(losses)
    grads, s_grads = tape.gradient(total, [net.trainable_variables, weights.trainable_variables])
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    built['s_opt'].apply_gradients(zip(s_grads, weights.trainable_variables))
    return {'total': total}
