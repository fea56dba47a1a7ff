"""The codebook loss of a VQ-VAE is computed on the straight-through output, so the codebook never moves."""
import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package='motion_vq')
class VectorQuantizer(layers.Layer):
    def __init__(self, codes, dim, beta=0.25, early=False, **kw):
        super().__init__(**kw)
        self.codes, self.dim, self.beta, self.early = codes, dim, beta, early

    def build(self, shape):
        self.codebook = self.add_weight(shape=(self.codes, self.dim), initializer='random_normal', name='codebook')
        super().build(shape)

    def call(self, z_e):
        flat = ops.reshape(z_e, (-1, self.dim))
        dist = ops.sum(flat ** 2, 1, keepdims=True) - 2 * flat @ ops.transpose(self.codebook) + ops.sum(self.codebook ** 2, 1)
        index = ops.argmin(dist, axis=1)
        code = ops.reshape(ops.take(self.codebook, index, axis=0), ops.shape(z_e))
        z_q = z_e + ops.stop_gradient(code - z_e)
        target = code if self.early else z_q
        self.add_loss(ops.mean((target - ops.stop_gradient(z_e)) ** 2))
        self.add_loss(self.beta * ops.mean((ops.stop_gradient(code) - z_e) ** 2))
        return z_q

    def compute_output_shape(self, s):
        return s

    def get_config(self):
        return {**super().get_config(), 'codes': self.codes, 'dim': self.dim, 'beta': self.beta, 'early': self.early}


def make(early):
    keras.utils.set_random_seed(29)
    pose = keras.Input((16, 9), name='pose')
    x = layers.Conv1D(12, 4, strides=2, padding='same', activation='gelu', name='enc_a')(pose)
    x = layers.Conv1D(6, 3, padding='same', name='enc_b')(x)
    x = VectorQuantizer(8, 6, early=early, name='vq')(x)
    x = layers.Conv1DTranspose(12, 4, strides=2, padding='same', activation='gelu', name='dec_a')(x)
    recon = layers.Conv1D(9, 3, padding='same', name='recon')(x)
    model = keras.Model(pose, recon)
    model.compile('adam', 'mse')
    return model


def build():
    return make(False)


def fixed():
    return make(True)


def sample():
    r = np.random.default_rng(8)
    x = r.normal(size=(6, 16, 9)).astype('float32')
    return {'pose': x, 'y': x.copy()}


EXPECT = {
    'source': 'https://github.com/showlab/Olaf-World/issues/8',
    'title': 'VQLAM: codebook never receives gradients (codebook loss uses the straight-through output)',
    'source_kind': 'report',
    'category': 'stop_gradient',
    'culprit': {'input': None, 'variable': 'codebook', 'layer': 'vq', 'op': None, 'line': 'target = code if self.early else z_q'},
    'why': 'In z_q the code stands inside stop_gradient only, so the codebook loss has no path to the codebook: its gradient is None.',
    'fix': 'Compute the codebook loss on the looked-up code, before the straight-through sum.',
    'also': [{'input': None, 'variable': 'codebook', 'layer': None, 'op': None, 'line': 'z_q = z_e + ops.stop_gradient(code - z_e)'},
             {'input': None, 'variable': 'codebook', 'layer': None, 'op': None, 'line': 'self.add_loss(ops.mean((target - ops.stop_gradient(z_e)) ** 2))'},
             {'input': None, 'variable': 'codebook', 'layer': 'vq', 'op': None, 'line': None},
             {'input': None, 'variable': 'codebook', 'layer': None, 'op': None, 'line': "x = VectorQuantizer(8, 6, early=early, name='vq')(x)"}],
}
