"""The item tower concatenates the style vector with itself and never looks at the table of shapes."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_item_tower_j')


@reg
class ItemTower(L.Layer):
    """Joins the vectors of a fashion item's style and of its high-level shape."""

    def __init__(self, styles, shapes, width=8, **kw):
        super().__init__(**kw)
        self.args = dict(styles=styles, shapes=shapes, width=width)
        self.style_table = L.Embedding(styles, width, name='style_table')
        self.shape_table = L.Embedding(shapes, width, name='shape_table')
        self.project = L.Dense(width, name='project')

    def build(self, shape):
        self.style_table.build((None,))
        self.shape_table.build((None,))
        self.project.build((None, 2 * self.args['width']))

    def joined(self, style, shape):
        return ops.concatenate([style, style], axis=-1)

    def call(self, item):
        style = self.style_table(item['style'])
        shape = self.shape_table(item['high_level_shape'])
        return self.project(self.joined(style, shape))

    def compute_output_shape(self, shape):
        return (shape['style'][0], self.args['width'])

    def get_config(self):
        return {**super().get_config(), **self.args}


@reg
class RepairedItemTower(ItemTower):
    def joined(self, style, shape):
        return ops.concatenate([style, shape], axis=-1)


def make(tower):
    keras.utils.set_random_seed(21)
    ids = {k: keras.Input((), dtype='int32', name=k) for k in ('user', 'style', 'high_level_shape')}
    item = tower(60, 9, name='item_tower')({k: ids[k] for k in ('style', 'high_level_shape')})
    user = L.Dense(8, name='user_project')(L.Embedding(20, 8, name='user_table')(ids['user']))
    liked = L.Activation('sigmoid', name='liked')(L.Dot(1, name='match')([user, item]))
    model = keras.Model(ids, liked)
    model.compile('adagrad', 'binary_crossentropy')
    return model


def build():
    return make(ItemTower)


def fixed():
    return make(RepairedItemTower)


def sample():
    r = np.random.default_rng(22)
    return {k: r.integers(0, n, 16).astype('int32') for k, n in (('user', 20), ('style', 60), ('high_level_shape', 9))} | {
        'y': r.integers(0, 2, (16, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/tensorflow/recommenders/issues/104',
    'title': 'Gradients do not exist for variables',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': _at('return ops.concatenate([style, style], axis=-1)', 'item_tower', None, 'shape_table', 'high_level_shape'),
    'why': 'The looked up vector of the shape is dropped: its table has no gradient and the input has no effect.',
    'fix': 'Concatenate the style and the shape.',
    'also': [_at(variable='shape_table'), _at(input='high_level_shape'), _at(layer='shape_table'), _at("shape = self.shape_table(item['high_level_shape'])"),
             _at('return self.project(self.joined(style, shape))'), _at(layer='item_tower')],
}
