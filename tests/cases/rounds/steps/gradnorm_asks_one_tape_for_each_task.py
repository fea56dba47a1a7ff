"""Multi-task driving net with GradNorm: a tape that is not persistent is asked once for each of the tasks."""
import numpy as np
import tensorflow as tf
import keras

TASKS = ('depth', 'steering', 'sign')


def build():
    keras.utils.set_random_seed(13)
    x = keras.Input((16, 16, 3), name='road')
    h = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='shared_a')(x)
    h = keras.layers.Conv2D(10, 3, strides=2, activation='relu', name='shared_b')(h)
    flat = keras.layers.GlobalAveragePooling2D(name='shared_pool')(h)
    outputs = {'depth': keras.layers.Conv2D(1, 1, name='depth')(h), 'steering': keras.layers.Dense(1, name='steering')(flat), 'sign': keras.layers.Dense(4, name='sign')(flat)}
    return {'model': keras.Model(x, outputs), 'optimizer': keras.optimizers.Adam(1e-3), 'balance': {t: tf.Variable(1.0, trainable=False) for t in TASKS}}


def sample():
    r = np.random.default_rng(13)
    return {'road': r.random((6, 16, 16, 3)).astype('float32'), 'depth': r.random((6, 3, 3, 1)).astype('float32'), 'steering': r.normal(size=(6, 1)).astype('float32'),
            'sign': r.integers(0, 4, 6).astype('int32')}


def models(built):
    return [built['model']]


def task_losses(built, sample):
    out = built['model'](sample['road'], training=True)
    losses = {'depth': tf.reduce_mean(tf.abs(out['depth'] - sample['depth'])), 'steering': tf.reduce_mean(tf.square(out['steering'] - sample['steering'])),
              'sign': tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['sign'], out['sign']))}
    return losses, tf.add_n([built['balance'][t] * losses[t] for t in TASKS])


def rebalance(built, norms):
    mean = sum(norms.values()) / len(norms)
    for t in TASKS:
        built['balance'][t].assign(0.9 * built['balance'][t] + 0.1 * mean / (norms[t] + 1e-6))


def step(built, sample):
    model = built['model']
    with tf.GradientTape() as tape:
        losses, total = task_losses(built, sample)
    shared = model.get_layer('shared_b').kernel
    norms = {t: tf.norm(tape.gradient(losses[t], shared)) for t in TASKS}
    grads = tape.gradient(total, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    rebalance(built, norms)
    return {'loss': total}


def fixed_step(built, sample):
    model = built['model']
    with tf.GradientTape(persistent=True) as tape:
        losses, total = task_losses(built, sample)
    shared = model.get_layer('shared_b').kernel
    norms = {t: tf.norm(tape.gradient(losses[t], shared)) for t in TASKS}
    grads = tape.gradient(total, model.trainable_variables)
    del tape
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    rebalance(built, norms)
    return {'loss': total}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/31265', 'title': 'Two intertwined losses need a persistent tape, which can only be asked once otherwise', 'source_kind': 'variant',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'with tf.GradientTape() as tape:'},
    'why': 'The second call of gradient raises a RuntimeError; nothing is trained.',
    'fix': 'tf.GradientTape(persistent=True).',
}
EXPECT['also'] = [{'line': 'norms = {t: tf.norm(tape.gradient(losses[t], shared)) for t in TASKS}'}, {'line': 'grads = tape.gradient(total, model.trainable_variables)'}, {'variable': 'shared_b'},
                  {'variable': 'shared_b', 'line': 'norms = {t: tf.norm(tape.gradient(losses[t], shared)) for t in TASKS}'}]
