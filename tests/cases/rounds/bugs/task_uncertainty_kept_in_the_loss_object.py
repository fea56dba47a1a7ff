"""Learned task uncertainties live in the loss objects: the optimizer never gets to know them."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='task_uncertainty_kept_in_the_loss_object')


@reg
class UncertainMSE(keras.losses.Loss):
    def __init__(self, task='task', **kw):
        kw.setdefault('name', f'uncertain_{task}')
        super().__init__(**kw)
        self.task = task
        self.log_var = tf.Variable(0.0, trainable=True, name=f'log_var_{task}')

    def call(self, y, p):
        return tf.exp(-self.log_var) * tf.reduce_mean(tf.square(y - p), axis=-1) + self.log_var

    def get_config(self):
        return {**super().get_config(), 'task': self.task}


@reg
class UncertainModel(keras.Model):
    def __init__(self, inputs, outputs, name=None, **kw):
        super().__init__(inputs, outputs, name=name, **kw)
        self.log_var = self.add_weight(name='log_var', shape=(2,), initializer='zeros')

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        a = ops.mean(ops.square(y['depth'] - y_pred['depth']))
        b = ops.mean(ops.square(y['normal'] - y_pred['normal']))
        return ops.exp(-self.log_var[0]) * a + ops.exp(-self.log_var[1]) * b + ops.sum(self.log_var)


def net(cls):
    keras.utils.set_random_seed(28)
    x = keras.Input((12, 12, 3), name='image')
    g = keras.Input((3,), name='gravity')
    h = L.Conv2D(8, 3, strides=2, activation='relu', name='trunk')(x)
    h = L.Concatenate()([L.GlobalAveragePooling2D()(h), g])
    return cls({'image': x, 'gravity': g}, {'depth': L.Dense(4, name='depth')(h), 'normal': L.Dense(3, name='normal')(h)})


def build():
    m = net(keras.Model)
    m.compile('adam', loss={'depth': UncertainMSE('depth'), 'normal': UncertainMSE('normal')})
    return m


def fixed():
    m = net(UncertainModel)
    m.compile('adam')
    return m


def sample():
    r = np.random.default_rng(17)
    return {'image': r.random((8, 12, 12, 3)).astype('float32'), 'gravity': r.normal(size=(8, 3)).astype('float32'),
            'y:depth': (5 + r.normal(size=(8, 4))).astype('float32'), 'y:normal': r.normal(size=(8, 3)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/12503', 'title': 'Trainable variable defined inside loss function is not getting trained in keras', 'source_kind': 'variant', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'log_var', 'layer': None, 'op': None, 'line': "self.log_var = tf.Variable(0.0, trainable=True, name=f'log_var_{task}')"},
    'why': 'Variables of a loss are not among model.trainable_variables, so the weights of the tasks stay at 1.', 'fix': 'Keep them in the model (add_weight) or a layer.',
    'also': [{'variable': 'log_var', 'line': None}, {'variable': None, 'line': 'm.compile('}, {'variable': None, 'line': 'return tf.exp(-self.log_var)'}, {'variable': 'Variable', 'line': None}],
}
