"""MAML: the adapted weights are assigned to a second network, so the query loss has no way back to the meta-weights."""
import numpy as np
import tensorflow as tf
import keras


def net(name):
    x = keras.Input((1,), name='x')
    h = keras.layers.Dense(16, activation='tanh', name=f'{name}_h1')(x)
    h = keras.layers.Dense(16, activation='tanh', name=f'{name}_h2')(h)
    return keras.Model(x, keras.layers.Dense(1, name=f'{name}_out')(h), name=name)


def build():
    keras.utils.set_random_seed(4)
    return {'meta': net('meta'), 'learner': net('learner'), 'optimizer': keras.optimizers.Adam(1e-3), 'inner_lr': 0.05}


def fixed():
    built = build()
    del built['learner']
    return built


def sample():
    r = np.random.default_rng(4)
    amp, phase = r.uniform(0.5, 3, (3, 1, 1)), r.uniform(0, 3, (3, 1, 1))
    x = r.uniform(-4, 4, (3, 20, 1))
    y = amp * np.sin(x + phase)
    return {'support_x': x[:, :10].astype('float32'), 'support_y': y[:, :10].astype('float32'),
            'query_x': x[:, 10:].astype('float32'), 'query_y': y[:, 10:].astype('float32')}


def models(built):
    return [built[k] for k in ('meta', 'learner') if k in built]


def mse(y, p):
    return tf.reduce_mean(tf.square(y - p))


def step(built, sample):
    meta, learner = built['meta'], built['learner']
    with tf.GradientTape() as outer:
        query_losses = []
        for task in range(len(sample['support_x'])):
            with tf.GradientTape() as inner:
                support_loss = mse(sample['support_y'][task], meta(sample['support_x'][task], training=True))
            grads = inner.gradient(support_loss, meta.trainable_variables)
            for fast, slow, grad in zip(learner.trainable_variables, meta.trainable_variables, grads):
                fast.assign(slow - built['inner_lr'] * grad)
            query_losses.append(mse(sample['query_y'][task], learner(sample['query_x'][task], training=True)))
        meta_loss = tf.add_n(query_losses) / len(query_losses)
    meta_grads = outer.gradient(meta_loss, meta.trainable_variables)
    built['optimizer'].apply_gradients(zip(meta_grads, meta.trainable_variables))
    return meta_loss


def fixed_step(built, sample):
    meta = built['meta']
    with tf.GradientTape() as outer:
        query_losses = []
        for task in range(len(sample['support_x'])):
            with tf.GradientTape() as inner:
                support_loss = mse(sample['support_y'][task], meta(sample['support_x'][task], training=True))
            grads = inner.gradient(support_loss, meta.trainable_variables)
            adapted = [slow - built['inner_lr'] * grad for slow, grad in zip(meta.trainable_variables, grads)]
            out, _ = meta.stateless_call(adapted, [], sample['query_x'][task], training=True)
            query_losses.append(mse(sample['query_y'][task], out))
        meta_loss = tf.add_n(query_losses) / len(query_losses)
    meta_grads = outer.gradient(meta_loss, meta.trainable_variables)
    built['optimizer'].apply_gradients(zip(meta_grads, meta.trainable_variables))
    return meta_loss


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/30234',
    'title': 'How to calculate gradients for meta learning loop?',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'meta_out/kernel', 'layer': None, 'op': None,
                'line': "fast.assign(slow - built['inner_lr'] * grad)"},
    'why': 'An assignment to a variable is not recorded: the learner starts anew from its own variables and the meta-weights get None.',
    'fix': 'Call the network with the adapted tensors (stateless_call) instead of assigning them.',
    'symptom': [('exception', 'No gradients'), ('unmoved', 'meta_')],
    'also': [
        {'variable': 'meta', 'line': "fast.assign(slow - built['inner_lr'] * grad)"},
        {'layer': 'learner', 'line': "fast.assign(slow - built['inner_lr'] * grad)"},
        {'variable': 'learner', 'line': "fast.assign(slow - built['inner_lr'] * grad)"},
        {'variable': 'meta', 'line': 'meta_grads = outer.gradient(meta_loss, meta.trainable_variables)', 'severity': 'warning'},
        {'variable': 'meta', 'line': "learner(sample['query_x'][task], training=True)"},
    ],
}
