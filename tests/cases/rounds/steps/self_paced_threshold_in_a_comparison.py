"""Self-paced curriculum: the pace is a trainable threshold that only meets the losses in a comparison."""
import numpy as np
import tensorflow as tf
import keras


class Pace(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.threshold = self.add_weight(name='pace_threshold', shape=(), initializer=keras.initializers.Constant(1.1))
        self.built = True

    def call(self, losses):
        return tf.cast(losses < self.threshold, tf.float32)


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((12, 3), name='series')
    h = keras.layers.GRU(12, name='encoder_gru')(x)
    net = keras.Model(x, keras.layers.Dense(3, name='classes')(h), name='classifier')
    return {'net': net, 'pace': Pace(name='pace'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'series': r.normal(size=(20, 12, 3)).astype('float32'), 'y': r.integers(0, 3, 20).astype('int32')}


def models(built):
    return [built['net'], built['pace']]


def step(built, sample):
    variables = built['net'].trainable_variables + built['pace'].trainable_variables
    with tf.GradientTape() as tape:
        logits = built['net'](sample['series'], training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits)
        keep = built['pace'](losses)
        share = tf.reduce_mean(keep)
        loss = tf.reduce_mean(keep * losses) + 0.5 * tf.square(share - 0.8)
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss, 'share': share}


def fixed_step(built, sample):
    variables = built['net'].trainable_variables + built['pace'].trainable_variables
    with tf.GradientTape() as tape:
        logits = built['net'](sample['series'], training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits)
        keep = tf.sigmoid((built['pace'].threshold - tf.stop_gradient(losses)) / 0.1)
        share = tf.reduce_mean(keep)
        loss = tf.reduce_mean(keep * losses) + 0.5 * tf.square(share - 0.8)
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss, 'share': share}


LINE = 'return tf.cast(losses < self.threshold, tf.float32)'
EXPECT = {
    'source': 'https://discuss.pytorch.org/t/if-a-parameter-is-trainable-in-the-following-case/149907/2',
    'title': 'A threshold that only stands in a comparison is not trainable',
    'source_kind': 'variant',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'pace_threshold', 'layer': 'pace', 'op': 'Less', 'line': LINE},
    'why': 'The comparison has no gradient; neither the mask nor the share of kept examples tells the threshold where to go.',
    'fix': 'A soft mask: sigmoid((threshold - losses) / temperature).',
}
EXPECT['also'] = [{'variable': 'pace_threshold', 'op': 'Less'}, {'variable': 'pace_threshold', 'op': 'Cast'}, {'variable': 'pace_threshold', 'line': 'losses < self.threshold'},
                  {'variable': 'pace_threshold', 'line': "keep = built['pace'](losses)"}]
