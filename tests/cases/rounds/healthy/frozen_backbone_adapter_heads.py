"""Healthy model: frozen_backbone_adapter_heads (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_frozen_backbone_adapter_heads')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


def build():
    keras.utils.set_random_seed(10)
    b = keras.Sequential([keras.Input((24, 24, 3)), L.Conv2D(8, 3, 2, activation='relu', name='b1'), L.BatchNormalization(name='bbn'), L.Conv2D(8, 3, 2, activation='relu', name='b2')], name='backbone'); b.trainable = False
    x = keras.Input((24, 24, 3), name='image'); h = b(x, training=False); a = L.Conv2D(4, 1, activation='gelu', name='down')(h); h = h + L.Conv2D(8, 1, name='up')(a)
    p = L.GlobalAveragePooling2D()(h); m = keras.Model({'image': x}, {'kind': L.Dense(3, activation='softmax', name='kind')(p), 'age': L.Dense(1, activation='softplus', name='age')(p)})
    m.compile('adam', loss={'kind': 'sparse_categorical_crossentropy', 'age': 'mae'}, loss_weights={'kind': 1., 'age': .1}); return m
def sample(): return {'image': F(8, 24, 24, 3), 'y:kind': I(3, 8), 'y:age': np.abs(F(8, 1, seed=1)) * 10}
NOTES = dict(family='transfer learning', why_hard='the backbone is frozen by design and its normalization runs in inference mode', legit_nongradient=[])
