"""SAM: the weights are moved uphill by assign_add, differentiated there by a second tape, and moved back before the update."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='optimisation', why_hard='variables are assigned between two tapes; the gradients of the first tape never reach the optimizer', legit_nongradient=[])


def build():
    keras.utils.set_random_seed(13)
    num, cat = keras.Input((6,), name='numeric'), keras.Input((3,), dtype='int32', name='category')
    e = keras.layers.Flatten(name='flat')(keras.layers.Embedding(10, 4, name='table')(cat))
    h = keras.layers.Concatenate(name='join')([keras.layers.Dense(8, activation='selu', kernel_initializer='lecun_normal', name='num_fc')(num), e])
    h = keras.layers.Dense(12, activation='selu', kernel_initializer='lecun_normal', name='mix')(h)
    model = keras.Model({'numeric': num, 'category': cat}, keras.layers.Dense(1, name='logit')(h), name='tabular')
    return {'model': model, 'optimizer': keras.optimizers.SGD(0.05, momentum=0.9)}


def sample():
    r = np.random.default_rng(13)
    return {'numeric': r.normal(size=(20, 6)).astype('float32'), 'category': r.integers(0, 10, (20, 3)).astype('int32'),
            'churn': r.integers(0, 2, (20, 1)).astype('float32')}


def models(built):
    return [built['model']]


def gradients(model, sample):
    with tf.GradientTape() as tape:
        logit = model({'numeric': sample['numeric'], 'category': sample['category']}, training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=sample['churn'], logits=logit))
    return loss, [tf.convert_to_tensor(g) for g in tape.gradient(loss, model.trainable_variables)]


def step(built, sample, rho=0.05):
    model = built['model']
    weights = model.trainable_variables
    loss, grads = gradients(model, sample)
    norm = tf.linalg.global_norm(grads) + 1e-12
    climb = [rho * g / norm for g in grads]
    for v, e in zip(weights, climb):
        v.assign_add(e)
    _, sharp = gradients(model, sample)
    for v, e in zip(weights, climb):
        v.assign_sub(e)
    built['optimizer'].apply_gradients(zip(sharp, weights))
    return loss
