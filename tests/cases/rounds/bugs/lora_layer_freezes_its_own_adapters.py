"""A LoRA layer sets trainable on itself instead of on its base, so the adapters are frozen too."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(13)
reg = keras.saving.register_keras_serializable(package='m5_lora')


@reg
class LoraDense(L.Layer):
    def __init__(self, units, rank=2, **kw):
        super().__init__(**kw)
        self.units, self.rank = units, rank
        self.base = L.Dense(units, name='base')

    def get_config(self):
        return {**super().get_config(), 'units': self.units, 'rank': self.rank}

    def build(self, shape):
        self.base.build(shape)
        self.lora_a = self.add_weight(name='lora_a', shape=(shape[-1], self.rank), initializer='he_normal')
        self.lora_b = self.add_weight(name='lora_b', shape=(self.rank, self.units), initializer='random_normal')
        self.freeze()

    def freeze(self):
        self.trainable = False

    def call(self, x):
        return self.base(x) + tf.matmul(tf.matmul(x, self.lora_a), self.lora_b)


@reg
class LoraDenseOk(LoraDense):
    def freeze(self):
        self.base.trainable = False


def net(dense):
    vec, lang = keras.Input((16,), name='sentence'), keras.Input((3,), name='language')
    h = ops.gelu(dense(12, name='block_0')(vec))
    h = ops.gelu(dense(12, name='block_1')(h))
    h = L.Concatenate()([h, lang])
    m = keras.Model([vec, lang], L.Dense(2, activation='softmax', name='toxic')(h))
    m.compile(keras.optimizers.Adam(1e-4), loss='sparse_categorical_crossentropy')
    return m


def build():
    return net(LoraDense)


def fixed():
    return net(LoraDenseOk)


def sample():
    r = np.random.default_rng(0)
    return {'sentence': r.normal(size=(8, 16)).astype('float32'), 'language': np.eye(3, dtype='float32')[r.integers(0, 3, 8)], 'y': r.integers(0, 2, 8).astype('int32')}


EXPECT = {
    'source': 'own', 'title': 'LoRA wrapper: only the head of the fine-tuned model moves', 'source_kind': 'own', 'category': 'frozen',
    'culprit': {'input': None, 'variable': 'lora_a', 'layer': 'block_0', 'op': None, 'line': 'self.trainable = False'},
    'why': 'trainable=False of a layer holds for all its weights, those of lora_a and lora_b too.',
    'fix': 'self.base.trainable = False',
    'also': [{'variable': 'lora_b', 'op': None, 'layer': None, 'line': None}, {'op': None, 'layer': 'block_1', 'line': None}, {'op': None, 'layer': None, 'line': 'self.freeze()'},
             {'op': None, 'layer': None, 'line': "dense(12, name='block_0')"}, {'op': None, 'layer': None, 'line': "self.add_weight(name='lora_a'"}],
}
