"""Key-value memory whose log-temperature starts at 1/0.07 instead of its log: the softmax is one-hot."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='memory_lookup_temperature_not_in_log')


@reg
class Memory(L.Layer):
    def __init__(self, slots, width, start, **kw):
        super().__init__(**kw)
        self.slots, self.width, self.start = slots, width, start

    def build(self, shape):
        self.keys = self.add_weight(name='keys', shape=(self.slots, shape[-1]), initializer=keras.initializers.RandomNormal(seed=2))
        self.values = self.add_weight(name='values', shape=(self.slots, self.width), initializer=keras.initializers.RandomNormal(seed=3))
        self.log_scale = self.add_weight(name='log_scale', shape=(), initializer=keras.initializers.Constant(self.start))

    def call(self, q):
        q = ops.normalize(q, axis=-1)
        k = ops.normalize(self.keys, axis=-1)
        scores = ops.exp(self.log_scale) * ops.matmul(q, ops.transpose(k))
        return ops.matmul(ops.softmax(scores, axis=-1), self.values)

    def get_config(self):
        return {**super().get_config(), 'slots': self.slots, 'width': self.width, 'start': self.start}


def net(start):
    keras.utils.set_random_seed(30)
    t, u = keras.Input((6,), dtype='int32', name='question'), keras.Input((3,), name='user')
    h = L.GlobalAveragePooling1D()(L.Embedding(50, 10, name='word_table')(t))
    q = L.Dense(8, name='query')(L.Concatenate()([h, u]))
    r = Memory(16, 8, start, name='memory')(q)
    m = keras.Model({'question': t, 'user': u}, L.Dense(5, activation='softmax', name='answer')(r))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def build():
    return net(1 / 0.07)


def fixed():
    return net(float(np.log(1 / 0.07)))


def sample():
    r = np.random.default_rng(19)
    return {'question': r.integers(0, 50, (12, 6)).astype('int32'), 'user': r.normal(size=(12, 3)).astype('float32'), 'y': r.integers(0, 5, (12,)).astype('int32')}


EXPECT = {
    'source': None, 'title': 'learned temperature initialised without the log', 'source_kind': 'own', 'category': 'saturation',
    'culprit': {'input': 'user', 'variable': 'query', 'layer': 'memory', 'op': 'Softmax', 'line': 'return net(1 / 0.07)'},
    'why': 'exp(14.3) = 1.6 million times a cosine: the softmax is one-hot, and no gradient reaches the query encoder, the keys and the temperature.', 'fix': 'Start at log(1/0.07).',
    'also': [{'variable': 'keys'}, {'variable': 'log_scale'}, {'line': 'ops.softmax(scores, axis=-1)'}, {'op': None, 'line': 'scores = ops.exp(self.log_scale)'}, {'variable': 'word_table', 'input': None}, {'op': None, 'line': "Memory(16, 8, start, name='memory')"}, {'op': None, 'line': 'self.log_scale = self.add_weight('}],
}
