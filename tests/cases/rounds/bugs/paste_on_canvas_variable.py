"""Layer that draws on a canvas kept in a non-trainable weight by assign and returns the weight."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='paste_on_canvas_variable')


@reg
class PasteBox(L.Layer):
    def __init__(self, size=24, **kw):
        super().__init__(**kw)
        self.size = size

    def get_config(self):
        return {**super().get_config(), 'size': self.size}

    def build(self, box_shape, shade_shape):
        self.canvas = self.add_weight(shape=(box_shape[0], self.size), initializer='ones', trainable=False, name='canvas')

    def draw(self, box, shade):
        ramp = tf.linspace(0.0, 1.0, self.size)
        inside = tf.sigmoid(8.0 * (ramp - box[:, :1])) * tf.sigmoid(8.0 * (box[:, 1:] - ramp))
        return 1.0 - inside * shade

    def call(self, box, shade):
        self.canvas.assign(self.draw(box, shade))
        return tf.convert_to_tensor(self.canvas)


@reg
class PasteBoxDirect(PasteBox):
    def call(self, box, shade):
        return self.draw(box, shade)


def net(paste):
    keras.utils.set_random_seed(4)
    code, style = keras.Input(batch_shape=(8, 5), name='code'), keras.Input(batch_shape=(8, 2), name='style')
    h = L.Dense(12, activation='tanh', name='gen')(code)
    box = L.Dense(2, activation='sigmoid', name='corners')(h)
    shade = L.Dense(1, activation='sigmoid', name='shade')(style)
    canvas = paste(name='paste')(box, shade)
    m = keras.Model({'code': code, 'style': style}, L.Dense(1, name='critic')(L.Dense(8, activation='tanh', name='see')(canvas)))
    m.compile(optimizer='adam', loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return m


def build():
    return net(PasteBox)


def fixed():
    return net(PasteBoxDirect)


def sample():
    r = np.random.default_rng(0)
    return {'code': r.normal(size=(8, 5)).astype('float32'), 'style': r.normal(size=(8, 2)).astype('float32'),
            'y': r.integers(0, 2, (8, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/42244',
    'title': 'Using custom, non-trainable layers in the middle of Keras model yields gradient error',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': 'code', 'variable': 'corners/kernel', 'layer': 'paste', 'op': 'AssignVariableOp', 'line': 'self.canvas.assign(self.draw(box, shade))'},
    'why': 'assign has no gradient: the value read back from the variable is not connected to the generator.',
    'fix': 'Return the drawn tensor itself.',
    'also': [{'input': 'style', 'variable': 'shade/kernel', 'layer': 'paste', 'op': 'ReadVariableOp', 'line': 'return tf.convert_to_tensor(self.canvas)'},
             {'input': None, 'variable': 'gen', 'layer': 'paste', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': 'paste', 'op': None, 'line': 'return tf.convert_to_tensor(self.canvas)'}],
}
