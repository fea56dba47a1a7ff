"""WGAN-GP critic with ReLUs: the norm of the input gradient is taken with sqrt, and blank patches have a zero gradient."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(1)
    z = keras.Input((4,), name='noise')
    h = keras.layers.Dense(16, activation='relu', name='g_hidden')(z)
    generator = keras.Model(z, keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16, activation='relu', name='g_out')(h)), name='generator')
    x = keras.Input((4, 4, 1), name='image')
    h = keras.layers.Conv2D(4, 3, activation='relu', name='c_conv')(x)
    h = keras.layers.Dense(4, activation='relu', bias_initializer=keras.initializers.Constant(-0.2), name='c_hidden')(keras.layers.Flatten()(h))
    critic = keras.Model(x, keras.layers.Dense(1, use_bias=False, name='c_out')(h), name='critic')
    return {'generator': generator, 'critic': critic, 'c_opt': keras.optimizers.Adam(1e-4, beta_1=0.5), 'g_opt': keras.optimizers.Adam(1e-4, beta_1=0.5)}


def sample():
    r = np.random.default_rng(0)
    image = r.uniform(size=(24, 4, 4, 1)).astype('float32') * (r.uniform(size=(24, 1, 1, 1)) > 0.3)
    return {'noise': r.normal(size=(24, 4)).astype('float32'), 'image': image.astype('float32'), 'mix': r.uniform(size=(24, 1, 1, 1)).astype('float32')}


def models(built):
    return [built['critic'], built['generator']]


def penalty(critic, real, fake, mix, eps):
    interpolated = real + mix * (fake - real)
    with tf.GradientTape() as gp_tape:
        gp_tape.watch(interpolated)
        pred = critic(interpolated, training=True)
    grads = gp_tape.gradient(pred, [interpolated])[0]
    if eps is None:
        norm = tf.sqrt(tf.reduce_sum(tf.square(grads), axis=[1, 2, 3]))
    else:
        norm = tf.sqrt(eps + tf.reduce_sum(tf.square(grads), axis=[1, 2, 3]))
    return tf.reduce_mean((norm - 1.0) ** 2)


def train(built, sample, eps=None):
    critic, generator = built['critic'], built['generator']
    with tf.GradientTape() as tape:
        fake = generator(sample['noise'], training=True)
        cost = tf.reduce_mean(critic(fake, training=True)) - tf.reduce_mean(critic(sample['image'], training=True))
        d_loss = cost + 10.0 * penalty(critic, sample['image'], fake, sample['mix'], eps)
    d_gradient = tape.gradient(d_loss, critic.trainable_variables)
    built['c_opt'].apply_gradients(zip(d_gradient, critic.trainable_variables))
    with tf.GradientTape() as tape:
        g_loss = -tf.reduce_mean(critic(generator(sample['noise'], training=True), training=True))
    built['g_opt'].apply_gradients(zip(tape.gradient(g_loss, generator.trainable_variables), generator.trainable_variables))
    return d_loss


def step(built, sample):
    return train(built, sample)


def fixed_step(built, sample):
    return train(built, sample, 1e-8)


EXPECT = {
    'source': 'https://github.com/keras-team/keras-io/issues/910',
    'title': 'A bug causing gradient to NaN in WGAN-gp example', 'source_kind': 'report', 'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'c_hidden/kernel', 'layer': None, 'op': 'Sqrt', 'line': 'norm = tf.sqrt(tf.reduce_sum(tf.square(grads), axis=[1, 2, 3]))'},
    'why': 'Some interpolates have a zero input gradient; the derivative of sqrt at zero is infinite and 0 * inf makes every critic gradient NaN.',
    'fix': 'Add a small number under the root.',
    'also': [{'op': 'SqrtGrad', 'variable': 'c_', 'line': 'norm = tf.sqrt(tf.reduce_sum('}, {'op': None, 'variable': 'c_', 'line': 'norm = tf.sqrt(tf.reduce_sum('},
             {'op': None, 'variable': None, 'line': 'd_loss = cost + 10.0 * penalty('}, {'op': 'Sqrt', 'variable': None, 'line': None}],
}
