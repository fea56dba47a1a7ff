"""Wide and deep click model: sparse gradients to Adagrad, the dense part to Adam, from one tape."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(11)
    ad, price = keras.Input((3,), dtype='int32', name='ad'), keras.Input((4,), name='price')
    wide = keras.layers.Flatten()(keras.layers.GlobalAveragePooling1D(keepdims=True)(keras.layers.Embedding(50, 1, embeddings_initializer='zeros', name='wide')(ad)))
    deep = keras.layers.Flatten()(keras.layers.Embedding(50, 4, name='deep_table')(ad))
    deep = keras.layers.Dense(8, activation='relu', name='deep_hidden')(keras.layers.Concatenate()([deep, price]))
    out = keras.layers.Add()([wide, keras.layers.Dense(1, name='deep_out')(deep)])
    return {'net': keras.Model({'ad': ad, 'price': price}, out), 'sparse': keras.optimizers.Adagrad(0.05), 'dense': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(11)
    return {'ad': r.integers(0, 50, (16, 3)).astype('int32'), 'price': r.normal(size=(16, 4)).astype('float32'), 'y': r.integers(0, 2, (16, 1)).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    tables = [v for v in net.trainable_variables if 'embeddings' in v.path]
    rest = [v for v in net.trainable_variables if 'embeddings' not in v.path]
    with tf.GradientTape() as tape:
        logits = net({'ad': sample['ad'], 'price': sample['price']}, training=True)
        loss = tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits(sample['y'], logits, 3.0))
    grads = tape.gradient(loss, tables + rest)
    built['sparse'].apply_gradients([(g, v) for g, v in zip(grads, tables)])
    built['dense'].apply_gradients(zip(grads[len(tables):], rest))
    return {'loss': loss, 'grads': {v.path: tf.convert_to_tensor(g) for v, g in zip(tables + rest, grads)}}
