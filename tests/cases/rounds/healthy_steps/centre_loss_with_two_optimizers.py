"""Face features with the centre loss: the centres are a table with an optimizer of its own, its gradient rescaled by the loss weight."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(5)
    image = keras.Input((8, 8, 1))
    h = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, activation='elu', name='c1')(image))
    code = keras.layers.Dense(2, name='code')(h)
    net = keras.Model(image, [code, keras.layers.Dense(4, name='logits')(code)], name='face')
    centres = keras.Sequential([keras.Input((), dtype='int32'), keras.layers.Embedding(4, 2, name='centres')], name='centre_table')
    return {'net': net, 'centres': centres, 'optimizer': keras.optimizers.Adam(1e-3), 'centre_optimizer': keras.optimizers.SGD(0.5)}


def sample():
    r = np.random.default_rng(0)
    return {'image': r.normal(size=(8, 8, 8, 1)).astype('float32'), 'y': np.array([0, 1, 2, 3, 0, 1, 2, 3], 'int32')}


def models(built):
    return [built['net'], built['centres']]


def step(built, sample, weight=0.01):
    net_vars, centre_vars = built['net'].trainable_variables, built['centres'].trainable_variables
    with tf.GradientTape() as tape:
        code, logits = built['net'](sample['image'], training=True)
        ce = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=sample['y'], logits=logits))
        pull = tf.reduce_mean(tf.reduce_sum(tf.square(code - built['centres'](sample['y'])), axis=1))
        loss = ce + weight * pull
    net_grads, centre_grads = tape.gradient(loss, [net_vars, centre_vars])
    built['optimizer'].apply_gradients(zip(net_grads, net_vars))
    built['centre_optimizer'].apply_gradients([(tf.convert_to_tensor(g) / weight, v) for g, v in zip(centre_grads, centre_vars)])
    return {'ce': ce, 'pull': pull}
