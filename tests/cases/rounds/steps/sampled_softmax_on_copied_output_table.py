"""Next-item recommender trained with sampled softmax on the weights of its output layer."""
import numpy as np
import tensorflow as tf
import keras


ITEMS = 30


def build():
    keras.utils.set_random_seed(5)
    history, hour = keras.Input((6,), dtype='int32', name='history'), keras.Input((1,), name='hour')
    x = keras.layers.Embedding(ITEMS, 8, name='items')(history)
    x = keras.layers.GRU(10, name='session')(x)
    user = keras.layers.Dense(8, activation='relu', name='user')(keras.layers.Concatenate()([x, hour]))
    scores = keras.layers.Dense(ITEMS, name='item_scores')(user)
    inputs = {'history': history, 'hour': hour}
    return {'ranker': keras.Model(inputs, scores, name='ranker'), 'user_tower': keras.Model(inputs, user, name='user_tower'),
            'optimizer': keras.optimizers.Adagrad(0.05)}


def sample():
    r = np.random.default_rng(5)
    return {'history': r.integers(0, ITEMS, (8, 6)).astype('int32'), 'hour': r.uniform(size=(8, 1)).astype('float32'),
            'y': r.integers(0, ITEMS, (8, 1)).astype('int64')}


def models(built):
    return [built['ranker']]


def step(built, sample):
    ranker = built['ranker']
    variables = ranker.trainable_variables
    with tf.GradientTape() as tape:
        user = built['user_tower']({'history': sample['history'], 'hour': sample['hour']}, training=True)
        kernel, bias = ranker.get_layer('item_scores').get_weights()
        loss = tf.reduce_mean(tf.nn.sampled_softmax_loss(
            weights=tf.transpose(kernel), biases=bias, labels=sample['y'], inputs=user, num_sampled=10, num_classes=ITEMS, seed=1))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


def fixed_step(built, sample):
    ranker = built['ranker']
    variables = ranker.trainable_variables
    with tf.GradientTape() as tape:
        user = built['user_tower']({'history': sample['history'], 'hour': sample['hour']}, training=True)
        scores = ranker.get_layer('item_scores')
        loss = tf.reduce_mean(tf.nn.sampled_softmax_loss(
            weights=tf.transpose(scores.kernel), biases=tf.convert_to_tensor(scores.bias), labels=sample['y'], inputs=user,
            num_sampled=10, num_classes=ITEMS, seed=1))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/41792',
    'title': "sampled_softmax_loss weights and logits don't get gradients",
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'item_scores', 'layer': None, 'op': None,
                'line': "kernel, bias = ranker.get_layer('item_scores').get_weights()"},
    'why': 'get_weights() copies the output table to NumPy arrays, so the loss does not depend on the variables of the layer.',
    'fix': 'Hand the variables kernel and bias of the layer to the loss.',
    'also': [{'input': None, 'variable': 'item_scores', 'layer': 'item_scores', 'op': None, 'line': None},
             {'input': None, 'variable': 'item_scores', 'layer': None, 'op': None, 'line': 'weights=tf.transpose(kernel), biases=bias'},
             {'input': None, 'variable': 'item_scores', 'layer': None, 'op': None, 'line': "if g is not None])"}],
    'symptom': [('grad', 'item_scores/kernel', 'none'), ('grad', 'item_scores/bias', 'none')],
}
