"""SimCLR in a tf.function: both views in one batch, the diagonal masked with -1e9, weight decay by model.losses."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='contrastive', why_hard='rows of the batch mix in the loss on purpose; huge negative constants before a softmax', legit_nongradient=[])


def build():
    keras.utils.set_random_seed(11)
    l2 = keras.regularizers.L2(1e-4)
    x = keras.Input((12, 3), name='window')
    h = keras.layers.Conv1D(8, 3, 2, activation='relu', kernel_regularizer=l2, name='conv')(x)
    h = keras.layers.GlobalMaxPooling1D(name='pool')(h)
    h = keras.layers.Dense(16, activation='relu', kernel_regularizer=l2, name='proj1')(h)
    model = keras.Model(x, keras.layers.Dense(8, use_bias=False, kernel_regularizer=l2, name='proj2')(h), name='simclr')
    optimizer = keras.optimizers.Lion(1e-4)
    optimizer.build(model.trainable_variables)
    return {'model': model, 'optimizer': optimizer}


def sample():
    r = np.random.default_rng(11)
    x = r.normal(size=(10, 12, 3))
    return {'jitter': (x + 0.1 * r.normal(size=x.shape)).astype('float32'), 'scaled': (x * r.uniform(0.7, 1.3, (10, 1, 3))).astype('float32')}


def models(built):
    return [built['model']]


def step(built, sample, temperature=0.2):
    model, optimizer = built['model'], built['optimizer']

    @tf.function
    def train(a, b):
        n = tf.shape(a)[0]
        with tf.GradientTape() as tape:
            z = tf.math.l2_normalize(model(tf.concat([a, b], 0), training=True), axis=1)
            logits = tf.matmul(z, z, transpose_b=True) / temperature - 1e9 * tf.eye(2 * n)
            partner = tf.concat([tf.range(n, 2 * n), tf.range(n)], 0)
            nt_xent = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=partner, logits=logits))
            loss = nt_xent + tf.add_n(model.losses)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        return loss

    return train(tf.constant(sample['jitter']), tf.constant(sample['scaled']))
