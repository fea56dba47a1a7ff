"""Two optimizers with schedules by path, a soft self-paced curriculum, gradient clipping per group and averaged weights."""
import numpy as np
import tensorflow as tf
import keras


class Pace(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.threshold = self.add_weight(name='pace_threshold', shape=(), initializer=keras.initializers.Constant(1.1))
        self.built = True

    def call(self, losses):
        return tf.sigmoid((self.threshold - losses) / 0.2)


def network(name):
    x = keras.Input((12, 3), name='series')
    h = keras.layers.GRU(12, name='encoder_gru')(x)
    h = keras.layers.LayerNormalization(name='encoder_norm')(h)
    return keras.Model(x, keras.layers.Dense(3, name='head_classes')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    net, average = network('net'), network('average')
    average.set_weights(net.get_weights())
    average.trainable = False
    return {'net': net, 'average': average, 'pace': Pace(name='pace'), 'slow': keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, 100)),
            'fast': keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), momentum=0.9), 'pace_opt': keras.optimizers.SGD(0.05)}


def sample():
    r = np.random.default_rng(0)
    return {'series': r.normal(size=(20, 12, 3)).astype('float32'), 'y': r.integers(0, 3, 20).astype('int32')}


def models(built):
    return [built['net'], built['pace']]


def step(built, sample):
    net, pace = models(built)
    groups = {'slow': [v for v in net.trainable_variables if '_gru' in v.path or '_norm' in v.path],
              'fast': [v for v in net.trainable_variables if 'head_' in v.path], 'pace_opt': pace.trainable_variables}
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], net(sample['series'], training=True))
        keep = pace(tf.stop_gradient(losses))
        loss = tf.reduce_mean(keep * losses) + 0.5 * tf.square(tf.reduce_mean(keep) - 0.8)
    grads = tape.gradient(loss, groups)
    for name, variables in groups.items():
        clipped, _ = tf.clip_by_global_norm(grads[name], 1.0)
        built[name].apply_gradients(zip(clipped, variables))
    for slow, fast in zip(built['average'].weights, net.weights):
        slow.assign_sub(0.01 * (slow - fast))
    return {'loss': loss, 'kept': tf.reduce_mean(keep)}
