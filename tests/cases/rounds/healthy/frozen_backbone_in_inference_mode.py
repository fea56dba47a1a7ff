"""Transfer learning: a frozen backbone called with training=False, two trainable heads."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

def backbone():
    x = inp = keras.Input((16, 16, 3))
    for i, f in enumerate((6, 8)):
        x = L.Conv2D(f, 3, strides=2, use_bias=False, padding='same', name=f'c{i}')(x)
        x = L.BatchNormalization(name=f'bn{i}')(x)
        x = L.ReLU(name=f'r{i}')(x)
    return keras.Model(inp, x, name='backbone')


def build():
    keras.utils.set_random_seed(7)
    base = backbone()
    base.trainable = False
    image = keras.Input((16, 16, 3), name='image')
    x = base(L.Rescaling(1 / 127.5, offset=-1, name='scale')(image), training=False)
    x = L.Dropout(0.2, seed=1)(L.GlobalAveragePooling2D()(x))
    breed = L.Dense(5, activation='softmax', name='breed')(x)
    age = L.Dense(1, activation='softplus', name='age')(x)
    m = keras.Model(image, {'breed': breed, 'age': age})
    m.compile('adam', {'breed': 'sparse_categorical_crossentropy', 'age': 'mae'}, loss_weights={'breed': 1.0, 'age': 0.1})
    return m


def sample():
    r = np.random.default_rng(6)
    return {'image': r.integers(0, 256, (6, 16, 16, 3)).astype('float32'), 'y:breed': r.integers(0, 5, 6), 'y:age': r.gamma(2, 2, (6, 1)).astype('float32')}


NOTES = dict(family='vision', why_hard='most weights are frozen on purpose', legit_nongradient=[dict(what='backbone', kind='frozen', category='frozen', reason='frozen on purpose')])
