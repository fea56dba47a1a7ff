"""Speech GAN with gradient penalty: the critic ignores silent frames, so an empty clip has a gradient of norm 0, and sqrt has no slope there."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(3)
    mel, voiced = keras.Input((16, 6), name='mel'), keras.Input((16, 1), name='voiced')
    h = keras.layers.Multiply(name='mute')([mel, voiced])
    h = keras.layers.Conv1D(10, 3, padding='same', activation='tanh', name='critic_a')(h)
    h = keras.layers.Multiply(name='mute_again')([h, voiced])
    critic = keras.Model({'mel': mel, 'voiced': voiced}, keras.layers.Dense(1, use_bias=False, name='critic_out')(keras.layers.Flatten(name='flat')(h)), name='critic')
    z = keras.Input((16, 4), name='noise')
    generator = keras.Model(z, keras.layers.Dense(6, name='gen_out')(keras.layers.Conv1D(8, 3, padding='same', activation='relu', name='gen_a')(z)), name='generator')
    return {'critic': critic, 'generator': generator, 'optimizer': keras.optimizers.Adam(1e-4, beta_1=0.0)}


def sample():
    r = np.random.default_rng(3)
    frames = np.array([16, 12, 9, 16, 0, 14])
    voiced = (np.arange(16)[None] < frames[:, None]).astype('float32')[..., None]
    return {'mel': (voiced * r.normal(size=(6, 16, 6))).astype('float32'), 'voiced': voiced, 'noise': r.normal(size=(6, 16, 4)).astype('float32'),
            'mix': r.random((6, 1, 1)).astype('float32')}


def models(built):
    return [built['critic']]


def norm(slopes):
    return tf.sqrt(tf.reduce_sum(tf.square(slopes), axis=[1, 2]))


def fixed_norm(slopes):
    return tf.sqrt(tf.reduce_sum(tf.square(slopes), axis=[1, 2]) + 1e-8)


def train(built, sample, length):
    critic, generator = built['critic'], built['generator']
    sample = {k: tf.constant(v) for k, v in sample.items()}
    fake = generator(sample['noise'], training=False)
    with tf.GradientTape() as tape:
        real_score = critic({'mel': sample['mel'], 'voiced': sample['voiced']}, training=True)
        fake_score = critic({'mel': fake, 'voiced': sample['voiced']}, training=True)
        between = sample['mix'] * sample['mel'] + (1.0 - sample['mix']) * fake
        with tf.GradientTape() as gp_tape:
            gp_tape.watch(between)
            score = critic({'mel': between, 'voiced': sample['voiced']}, training=True)
        slopes = gp_tape.gradient(score, between)
        penalty = tf.reduce_mean(tf.square(length(slopes) - 1.0))
        loss = tf.reduce_mean(fake_score) - tf.reduce_mean(real_score) + 10.0 * penalty
    grads = tape.gradient(loss, critic.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, critic.trainable_variables))
    return {'loss': loss, 'penalty': penalty}


def step(built, sample):
    return train(built, sample, norm)


def fixed_step(built, sample):
    return train(built, sample, fixed_norm)


EXPECT = {
    'source': 'https://github.com/keras-team/keras-io/issues/910', 'title': 'A bug causing gradient to NaN in WGAN-GP example: tf.sqrt at 0', 'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'critic_a/kernel', 'layer': None, 'op': 'Sqrt', 'line': 'return tf.sqrt(tf.reduce_sum(tf.square(slopes), axis=[1, 2]))'},
    'why': 'One clip has no voiced frame: its slopes are all 0, the derivative of sqrt is infinite and inf * 0 is NaN.',
    'fix': 'Add a small number below the root.',
}
EXPECT['also'] = [{'op': None}, {'variable': 'critic'}, {'variable': None}, {'line': 'penalty = tf.reduce_mean(tf.square(length(slopes) - 1.0))', 'op': None},
                  {'line': 'return train(built, sample, norm)', 'op': None}, {'line': 'penalty = tf.reduce_mean(tf.square(length(slopes) - 1.0))'}, {'op': 'SqrtGrad'}]
