"""Both factors of the low-rank adapters start at zero, so neither ever gets a gradient."""
import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package='adapt')
class LoraDense(layers.Layer):
    def __init__(self, units, rank=2, init='zeros', alpha=4.0, **kw):
        super().__init__(**kw)
        self.units, self.rank, self.init, self.alpha = units, rank, init, alpha

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer='he_normal', trainable=False, name='kernel')
        self.down = self.add_weight(shape=(shape[-1], self.rank), initializer=self.init, name='lora_down')
        self.up = self.add_weight(shape=(self.rank, self.units), initializer=self.init, name='lora_up')
        super().build(shape)

    def call(self, x):
        return x @ self.kernel + (x @ self.down) @ self.up * (self.alpha / self.rank)

    def compute_output_shape(self, s):
        return tuple(s[:-1]) + (self.units,)

    def get_config(self):
        return {**super().get_config(), 'units': self.units, 'rank': self.rank, 'init': self.init, 'alpha': self.alpha}


def make(**kw):
    keras.utils.set_random_seed(37)
    tokens = keras.Input((10, 12), name='features')
    q = LoraDense(12, name='query', **kw)(tokens)
    v = LoraDense(12, name='value', **kw)(tokens)
    x = layers.Attention(name='attend')([q, v, tokens])
    x = layers.LayerNormalization(name='norm')(layers.Add()([tokens, x]))
    label = layers.Dense(3, name='label')(layers.GlobalAveragePooling1D()(x))
    model = keras.Model(tokens, label)
    model.compile(keras.optimizers.AdamW(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def build():
    return make()


def fixed():
    return make(init='random_normal')


def sample():
    r = np.random.default_rng(10)
    return {'features': r.normal(size=(6, 10, 12)).astype('float32'), 'y': r.integers(0, 3, 6)}


EXPECT = {
    'source': 'https://github.com/Guitaricet/relora/issues/18',
    'title': 'Code bugs (A and B both zero: gradients zero all the time)',
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'lora_', 'layer': 'query', 'op': None,
                'line': "self.down = self.add_weight(shape=(shape[-1], self.rank), initializer=self.init, name='lora_down')"},
    'why': "The gradient of each factor is proportional to the other one: with both at zero it is zero for ever.",
    'fix': 'A random initialiser for at least one factor (here: small random ones for both).',
    'also': [{'input': None, 'variable': 'lora_', 'layer': 'value', 'op': None, 'line': None},
             {'input': None, 'variable': 'lora_', 'layer': None, 'op': None, 'line': "self.up = self.add_weight(shape=(self.rank, self.units), initializer=self.init, name='lora_up')"},
             {'input': None, 'variable': 'lora_', 'layer': None, 'op': None, 'line': 'return x @ self.kernel + (x @ self.down) @ self.up * (self.alpha / self.rank)'},
             {'input': None, 'variable': 'lora_', 'layer': None, 'op': None, 'line': "def __init__(self, units, rank=2, init='zeros', alpha=4.0, **kw):"},
             {'input': None, 'variable': 'lora_', 'layer': None, 'op': None, 'line': None}],
}
