"""MAML on sine waves: the inner step updates a copy that got its weights by set_weights; the outer gradient is asked for the meta model."""
import numpy as np
import tensorflow as tf
import keras


def mlp(name):
    x = keras.Input((1,), name='x')
    h = keras.layers.Dense(20, activation='relu', name=f'{name}_hidden')(x)
    return keras.Model(x, keras.layers.Dense(1, name=f'{name}_out')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    return {'meta': mlp('meta'), 'copy': mlp('copy'), 'outer': keras.optimizers.Adam(1e-3), 'inner_lr': 0.01}


def sample():
    r = np.random.default_rng(0)
    phase, amp = r.uniform(0, np.pi, (4, 1, 1)), r.uniform(.5, 5, (4, 1, 1))
    xs, xq = r.uniform(-5, 5, (2, 4, 10, 1))
    return {k: v.astype('float32') for k, v in dict(xs=xs, ys=amp * np.sin(xs + phase), xq=xq, yq=amp * np.sin(xq + phase)).items()}


def models(built):
    return [built['meta']]


def mse(y, p):
    return tf.reduce_mean(tf.square(y - p))


def step(built, sample):
    meta, model_copy = built['meta'], built['copy']
    total = 0.0
    with tf.GradientTape() as test_tape:
        for xs, ys, xq, yq in zip(sample['xs'], sample['ys'], sample['xq'], sample['yq']):
            model_copy.set_weights(meta.get_weights())
            with tf.GradientTape() as train_tape:
                train_loss = mse(ys, model_copy(xs))
            grads = train_tape.gradient(train_loss, model_copy.trainable_variables)
            keras.optimizers.SGD(built['inner_lr']).apply_gradients(zip(grads, model_copy.trainable_variables))
            total += mse(yq, model_copy(xq))
    gradients = test_tape.gradient(total, meta.trainable_variables)
    built['outer'].apply_gradients(zip(gradients, meta.trainable_variables))
    return total


def fixed_step(built, sample):
    meta = built['meta']
    total = 0.0
    with tf.GradientTape() as outer:
        for xs, ys, xq, yq in zip(sample['xs'], sample['ys'], sample['xq'], sample['yq']):
            slow = [tf.convert_to_tensor(v) for v in meta.trainable_variables]
            with tf.GradientTape() as inner:
                inner.watch(slow)
                loss = mse(ys, meta.stateless_call(slow, [], xs)[0])
            fast = [w - built['inner_lr'] * g for w, g in zip(slow, inner.gradient(loss, slow))]
            total += mse(yq, meta.stateless_call(fast, [], xq)[0])
    built['outer'].apply_gradients(zip(outer.gradient(total, meta.trainable_variables), meta.trainable_variables))
    return total


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/34335',
    'title': '[TF 2.0] Nested Gradient Tape - unconnected graphs', 'source_kind': 'report', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'meta_hidden/kernel', 'layer': None, 'op': None, 'line': 'model_copy.set_weights(meta.get_weights())'},
    'why': "The copy's variables hold NumPy values of the meta model's; no recorded operation leads from the query loss to the meta model.",
    'fix': 'Build the adapted weights as tensors of the meta weights and call the model statelessly with them.',
    'also': [{'line': 'keras.optimizers.SGD(built[\'inner_lr\']).apply_gradients(zip(grads, model_copy.trainable_variables))', 'variable': None},
             {'line': 'gradients = test_tape.gradient(total, meta.trainable_variables)', 'variable': None},
             {'line': 'total += mse(yq, model_copy(xq))', 'variable': None},
             {'line': "built['outer'].apply_gradients(zip(gradients, meta.trainable_variables))", 'variable': 'meta_'}],
}
