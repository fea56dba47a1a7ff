"""Curvature penalty by a forward-mode Hessian-vector product: the gradient is asked for after the accumulator has closed."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((7,), name='features')
    h = keras.layers.Dense(14, activation='softplus', name='mlp_hidden')(x)
    net = keras.Model(x, keras.layers.Dense(1, name='mlp_out')(h), name='mlp')
    return {'net': net, 'optimizer': keras.optimizers.SGD(1e-2)}


def sample():
    r = np.random.default_rng(0)
    return {'features': r.normal(size=(16, 7)).astype('float32'), 'y': r.normal(size=(16, 1)).astype('float32')}


def models(built):
    return [built['net']]


def directions(variables):
    return [tf.random.stateless_normal(v.shape, [3, i]) for i, v in enumerate(variables)]


def step(built, sample):
    net = built['net']
    variables = [v.value for v in net.trainable_variables]
    vectors = directions(variables)
    with tf.GradientTape() as outer:
        with tf.autodiff.ForwardAccumulator(variables, vectors) as acc:
            with tf.GradientTape() as inner:
                mse = tf.reduce_mean((net(sample['features'], training=True) - sample['y']) ** 2)
        slopes = inner.gradient(mse, variables)
        products = acc.jvp(slopes)
        curvature = tf.add_n([tf.zeros(())] + [tf.reduce_sum(v * p) for v, p in zip(vectors, products) if p is not None])
        loss = mse + 0.01 * tf.nn.relu(curvature)
    grads = outer.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'curvature': curvature}


def fixed_step(built, sample):
    net = built['net']
    variables = [v.value for v in net.trainable_variables]
    vectors = directions(variables)
    with tf.GradientTape() as outer:
        with tf.autodiff.ForwardAccumulator(variables, vectors) as acc:
            with tf.GradientTape() as inner:
                mse = tf.reduce_mean((net(sample['features'], training=True) - sample['y']) ** 2)
            slopes = inner.gradient(mse, variables)
        products = acc.jvp(slopes)
        curvature = tf.add_n([tf.zeros(())] + [tf.reduce_sum(v * p) for v, p in zip(vectors, products) if p is not None])
        loss = mse + 0.01 * tf.nn.relu(curvature)
    grads = outer.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'curvature': curvature}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/60164',
    'title': 'JVP using tf.autodiff.ForwardAccumulator becomes None',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'slopes = inner.gradient(mse, variables)'},
    'why': 'The gradient is computed outside of the accumulator, so its tangents do not exist: every product is None, the sum of what is left is 0.',
    'fix': 'Move inner.gradient into the block of the accumulator.',
}
EXPECT['also'] = [{'line': 'products = acc.jvp(slopes)'}, {'line': 'with tf.autodiff.ForwardAccumulator(variables, vectors) as acc:'},
                  {'line': 'curvature = tf.add_n([tf.zeros(())]'}, {'variable': 'mlp', 'line': 'slopes = inner.gradient(mse, variables)'}]
