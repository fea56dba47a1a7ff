"""CycleGAN on small images: four networks, four optimizers, one persistent tape inside of a tf.function."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='GAN', why_hard='a persistent tape asked four times; each loss touches all networks but moves only one', legit_nongradient=[])


def translator(name):
    x = keras.Input((8, 8, 3), name='image')
    h = keras.layers.Conv2D(6, 3, padding='same', activation='relu', name=f'{name}_in')(x)
    h = keras.layers.GroupNormalization(2, name=f'{name}_norm')(h)
    return keras.Model(x, keras.layers.Conv2D(3, 3, padding='same', activation='tanh', name=f'{name}_rgb')(h), name=name)


def patch_critic(name):
    x = keras.Input((8, 8, 3), name='image')
    h = keras.layers.Conv2D(6, 4, 2, padding='same', activation='leaky_relu', name=f'{name}_conv')(x)
    return keras.Model(x, keras.layers.Conv2D(1, 3, padding='same', name=f'{name}_patch')(h), name=name)


def build():
    keras.utils.set_random_seed(1)
    nets = {'G': translator('G'), 'F': translator('F'), 'DX': patch_critic('DX'), 'DY': patch_critic('DY')}
    opts = {k: keras.optimizers.Adam(2e-4, beta_1=0.5) for k in nets}
    for k, m in nets.items():
        opts[k].build(m.trainable_variables)
    return {'nets': nets, 'opts': opts}


def sample():
    r = np.random.default_rng(1)
    return {'x': r.uniform(-1, 1, (3, 8, 8, 3)).astype('float32'), 'y': r.uniform(-1, 1, (3, 8, 8, 3)).astype('float32')}


def models(built):
    return list(built['nets'].values())


def lsgan(target, score):
    return tf.reduce_mean(tf.square(score - target))


def step(built, sample):
    G, F, DX, DY = (built['nets'][k] for k in ('G', 'F', 'DX', 'DY'))

    @tf.function
    def train(x, y):
        with tf.GradientTape(persistent=True) as tape:
            fake_y, fake_x = G(x, training=True), F(y, training=True)
            cycle = tf.reduce_mean(tf.abs(F(fake_y, training=True) - x)) + tf.reduce_mean(tf.abs(G(fake_x, training=True) - y))
            same = tf.reduce_mean(tf.abs(G(y, training=True) - y)) + tf.reduce_mean(tf.abs(F(x, training=True) - x))
            score_x, score_y = DX(x, training=True), DY(y, training=True)
            score_fake_x, score_fake_y = DX(fake_x, training=True), DY(fake_y, training=True)
            losses = {'G': lsgan(1.0, score_fake_y) + 10.0 * cycle + 5.0 * same,
                      'F': lsgan(1.0, score_fake_x) + 10.0 * cycle + 5.0 * same,
                      'DX': 0.5 * (lsgan(1.0, score_x) + lsgan(0.0, score_fake_x)),
                      'DY': 0.5 * (lsgan(1.0, score_y) + lsgan(0.0, score_fake_y))}
        grads = {k: tape.gradient(losses[k], built['nets'][k].trainable_variables) for k in losses}
        del tape
        for k, g in grads.items():
            built['opts'][k].apply_gradients(zip(g, built['nets'][k].trainable_variables))
        return losses

    return train(tf.constant(sample['x']), tf.constant(sample['y']))
