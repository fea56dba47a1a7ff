"""Recurrent-attention style classifier: the glimpse is cut by extract_glimpse, so the location network cannot be trained by its gradient."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='glimpse_location_network')


@reg
class Retina(L.Layer):
    def call(self, scene, where):
        return tf.image.extract_glimpse(scene, (8, 8), where)

    def compute_output_shape(self, scene_shape, where_shape=None):
        return (scene_shape[0], 8, 8, scene_shape[-1])


@reg
class BilinearRetina(Retina):
    def call(self, scene, where):
        c = (where + 1.0) / 2.0
        boxes = tf.concat([c - 1 / 6, c + 1 / 6], -1)
        return tf.image.crop_and_resize(scene, boxes, tf.range(tf.shape(scene)[0]), (8, 8))


def net(layer):
    keras.utils.set_random_seed(26)
    s, h0 = keras.Input((24, 24, 1), name='scene'), keras.Input((4,), name='hint')
    c = L.Flatten()(L.Conv2D(4, 5, strides=4, activation='relu', name='context')(s))
    where = L.Dense(2, activation='tanh', name='where')(L.Concatenate()([c, h0]))
    g = layer(name='retina')(s, where)
    g = L.Dense(16, activation='relu', name='glimpse_net')(L.Flatten()(g))
    m = keras.Model({'scene': s, 'hint': h0}, L.Dense(10, activation='softmax', name='digit')(g))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def build():
    return net(Retina)


def fixed():
    return net(BilinearRetina)


def sample():
    r = np.random.default_rng(15)
    return {'scene': r.random((8, 24, 24, 1)).astype('float32'), 'hint': r.normal(size=(8, 4)).astype('float32'), 'y': r.integers(0, 10, (8,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/zhongwen/RAM/issues/2', 'title': 'how tensorflow deals with the problem of not differentiable ops (glimpse and LocNet)', 'source_kind': 'variant', 'category': 'nondifferentiable_op',
    'culprit': {'input': 'hint', 'variable': 'where', 'layer': 'retina', 'op': 'ExtractGlimpse', 'line': 'return tf.image.extract_glimpse(scene, (8, 8), where)'},
    'why': 'ExtractGlimpse has no gradient (TensorFlow raises or stops there), so neither the location network nor the context convolution learns.', 'fix': 'crop_and_resize with boxes, or REINFORCE.',
    'also': [{'op': 'ExtractGlimpseV2'}, {'op': None, 'line': "g = layer(name='retina')(s, where)"}, {'variable': 'context', 'input': None, 'op': None}, {'op': None}],
}
