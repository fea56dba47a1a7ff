"""Patch scorer whose scores are only used as top-k indices of a gather."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='patch_pruner_topk_indices')


@reg
class PatchPruner(L.Layer):
    def __init__(self, keep=4, **kw):
        super().__init__(**kw)
        self.keep = keep

    def get_config(self):
        return {**super().get_config(), 'keep': self.keep}

    def build(self, shape):
        self.score = self.add_weight(shape=(shape[-1],), initializer='random_normal', name='score')

    def call(self, patches):
        scores = tf.tensordot(patches, self.score, 1)
        _, idx = tf.math.top_k(scores, k=self.keep)
        return tf.gather(patches, idx, batch_dims=1)


@reg
class WeightedPatchPruner(PatchPruner):
    def call(self, patches):
        scores = tf.tensordot(patches, self.score, 1)
        top, idx = tf.math.top_k(scores, k=self.keep)
        return tf.gather(patches, idx, batch_dims=1) * tf.sigmoid(top)[..., None]


def net(pruner):
    keras.utils.set_random_seed(3)
    x = keras.Input((16, 16, 3), name='slide')
    p = L.Reshape((16, 8))(L.Conv2D(8, 4, strides=4, name='patchify')(x))
    p = L.Add()([p, L.MultiHeadAttention(2, 4, name='mix')(p, p)])
    kept = pruner(name='pruner')(p)
    h = L.Dense(16, activation='gelu', name='mlp')(kept)
    m = keras.Model({'slide': x}, L.Dense(3, name='logits')(L.GlobalAveragePooling1D()(h)))
    m.compile(optimizer='adam', loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def build():
    return net(PatchPruner)


def fixed():
    return net(WeightedPatchPruner)


def sample():
    r = np.random.default_rng(0)
    return {'slide': r.normal(size=(6, 16, 16, 3)).astype('float32'), 'y': r.integers(0, 3, (6,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/teddykoker/torchsort/issues/24',
    'title': 'differentiable top k indices',
    'source_kind': 'variant',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'pruner/score', 'layer': 'pruner', 'op': 'TopKV2', 'line': '_, idx = tf.math.top_k(scores, k=self.keep)'},
    'why': 'Only the integer indices of top_k are used; the scoring vector never gets a gradient.',
    'fix': 'Multiply the gathered patches by (a squashed form of) their scores.',
    'also': [{'variable': 'pruner/score', 'layer': 'pruner', 'op': None, 'line': 'return tf.gather(patches, idx, batch_dims=1)'},
             {'variable': 'pruner/score', 'layer': 'pruner', 'op': 'GatherV2', 'line': None}],
}
