"""Matrix factorisation that clips the raw score into 1..5 stars although it starts near 0."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='rating_clipped_to_stars')


@reg
class Stars(L.Layer):
    def call(self, score):
        return tf.clip_by_value(score, 1.0, 5.0)


@reg
class SmoothStars(L.Layer):
    def call(self, score):
        return 1.0 + 4.0 * tf.sigmoid(score)


def net(stars):
    keras.utils.set_random_seed(12)
    user, movie = keras.Input((1,), dtype='int32', name='user'), keras.Input((1,), dtype='int32', name='movie')
    genre = keras.Input((5,), name='genre')
    u = L.Flatten()(L.Embedding(20, 6, name='user_embed')(user))
    v = L.Flatten()(L.Embedding(30, 6, name='movie_embed')(movie))
    v = L.Add()([v, L.Dense(6, use_bias=False, name='genre_fc', kernel_initializer=keras.initializers.RandomNormal(stddev=0.05))(genre)])
    bias = L.Flatten()(L.Embedding(20, 1, name='user_bias')(user))
    score = L.Add()([L.Dot(1)([u, v]), bias])
    m = keras.Model({'user': user, 'movie': movie, 'genre': genre}, stars(name='stars')(score))
    m.compile(optimizer='adam', loss='mse')
    return m


def build():
    return net(Stars)


def fixed():
    return net(SmoothStars)


def sample():
    r = np.random.default_rng(0)
    return {'user': r.integers(0, 20, (16, 1)).astype('int32'), 'movie': r.integers(0, 30, (16, 1)).astype('int32'),
            'genre': r.integers(0, 2, (16, 5)).astype('float32'), 'y': r.integers(1, 6, (16, 1)).astype('float32')}


EXPECT = {
    'source': 'own',
    'title': 'Ratings clipped to 1..5 inside the model',
    'source_kind': 'own',
    'category': 'zero_gradient',
    'culprit': {'input': 'genre', 'variable': 'user_embed/embeddings', 'layer': 'stars', 'op': 'ClipByValue', 'line': 'return tf.clip_by_value(score, 1.0, 5.0)'},
    'why': 'All scores start near 0, below the lower bound of the clip, where its gradient is zero: nothing ever moves.',
    'fix': '1 + 4 * sigmoid(score), or clip only for prediction.',
    'also': [{'input': None, 'variable': 'movie_embed', 'layer': 'stars', 'op': 'Maximum', 'line': None},
             {'input': None, 'variable': 'user_bias', 'layer': 'stars', 'op': None, 'line': None},
             {'input': None, 'variable': 'genre_fc/kernel', 'layer': 'stars', 'op': None, 'line': None}],
}
