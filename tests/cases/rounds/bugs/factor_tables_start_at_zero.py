"""Both tables of a factorisation start at zero, so each multiplies the gradient of the other by zero."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_factor_table')


@reg
class Rating(keras.Model):
    """Biased matrix factorisation with a side tower for the age of the viewer."""

    def __init__(self, users, films, factors, start='zeros', **kw):
        super().__init__(**kw)
        self.args = dict(users=users, films=films, factors=factors, start=start)
        self.user_factors = L.Embedding(users, factors, embeddings_initializer=start, name='user_factors')
        self.film_factors = L.Embedding(films, factors, embeddings_initializer=start, name='film_factors')
        self.user_bias = L.Embedding(users, 1, embeddings_initializer='zeros', name='user_bias')
        self.film_bias = L.Embedding(films, 1, embeddings_initializer='zeros', name='film_bias')
        self.age = L.Dense(1, name='age_effect')

    def build(self, shape=None):
        for table in (self.user_factors, self.film_factors, self.user_bias, self.film_bias):
            table.build((None,))
        self.age.build((None, 1))
        self.built = True

    def call(self, x):
        taste = ops.sum(self.user_factors(x['user']) * self.film_factors(x['film']), axis=-1, keepdims=True)
        return 3.5 + taste + self.user_bias(x['user']) + self.film_bias(x['film']) + self.age(x['age'])

    def get_config(self):
        return {**super().get_config(), **self.args}


def make(start):
    keras.utils.set_random_seed(17)
    model = Rating(25, 35, 6, start, name='rating')
    model.build()
    model.compile('adam', 'mse')
    model({k: v for k, v in sample().items() if k != 'y'})
    return model


def build():
    return make('zeros')


def fixed():
    return make('normal')


def sample():
    r = np.random.default_rng(18)
    return {'user': r.integers(0, 25, 30).astype('int32'), 'film': r.integers(0, 35, 30).astype('int32'),
            'age': r.normal(size=(30, 1)).astype('float32'), 'y': r.integers(1, 6, (30, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'own',
    'title': 'Matrix factorisation learns nothing but the biases',
    'source_kind': 'own',
    'category': 'zero_gradient',
    'culprit': _at("self.user_factors = L.Embedding(users, factors, embeddings_initializer=start, name='user_factors')", 'user_factors', None, 'user_factors'),
    'why': 'The gradient of one table is the value of the other; both are zero and stay zero for ever.',
    'fix': "Start the factors at small random numbers ('normal').",
    'also': [_at(variable='film_factors'), _at(layer='film_factors'), _at(variable='user_factors'), _at("return make('zeros')"), _at(op='Mul'),
             _at("self.film_factors = L.Embedding(films, factors, embeddings_initializer=start, name='film_factors')"),
             _at("taste = ops.sum(self.user_factors(x['user']) * self.film_factors(x['film']), axis=-1, keepdims=True)"), _at(layer='rating')],
}
