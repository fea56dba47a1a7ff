"""MAML with two inner steps: the adapted weights are tensors that go through stateless_call, second order included."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='meta-learning', why_hard='gradients of gradients; the sources of the second inner step are tensors that have to be watched', legit_nongradient=[])


def build():
    keras.utils.set_random_seed(4)
    x = keras.Input((6,), name='x')
    h = keras.layers.Dense(12, activation='tanh', name='h1')(x)
    h = keras.layers.Dense(12, activation='tanh', name='h2')(h)
    return {'model': keras.Model(x, keras.layers.Dense(3, name='logits')(h), name='few_shot'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(4)
    return {'support_x': r.normal(size=(2, 9, 6)).astype('float32'), 'support_y': np.tile(np.arange(3), (2, 3)).astype('int32'),
            'query_x': r.normal(size=(2, 6, 6)).astype('float32'), 'query_y': np.tile(np.arange(3), (2, 2)).astype('int32')}


def models(built):
    return [built['model']]


def task_loss(model, weights, x, y):
    logits, _ = model.stateless_call(weights, [], x, training=True)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))


def adapt(model, weights, x, y, lr=0.1, steps=2):
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = task_loss(model, weights, x, y)
        weights = [w - lr * g for w, g in zip(weights, tape.gradient(loss, weights))]
    return weights


def step(built, sample):
    model = built['model']
    with tf.GradientTape() as outer:
        losses = []
        for i in range(2):
            start = [tf.convert_to_tensor(v) for v in model.trainable_variables]
            fast = adapt(model, start, sample['support_x'][i], sample['support_y'][i])
            losses.append(task_loss(model, fast, sample['query_x'][i], sample['query_y'][i]))
        loss = tf.add_n(losses) / 2.0
    grads = outer.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return loss
