"""Image-text contrast with a learned, clipped log temperature, symmetric over rows and columns."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('fresh_s7')
class Temperature(keras.layers.Layer):
    def build(self, shape):
        self.log_scale = self.add_weight(name='log_scale', shape=(), initializer=keras.initializers.Constant(np.log(1 / 0.07)))

    def call(self, similarity):
        return similarity * keras.ops.exp(self.log_scale)


def build():
    keras.utils.set_random_seed(6)
    image = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(8, 3, strides=2, activation='gelu', name='patch'), keras.layers.GlobalAveragePooling2D(),
                              keras.layers.Dense(6, use_bias=False, name='image_proj')], name='image')
    text = keras.Sequential([keras.Input((5,), dtype='int32'), keras.layers.Embedding(12, 8, mask_zero=True, name='words'), keras.layers.GRU(8, name='reader'),
                             keras.layers.Dense(6, use_bias=False, name='text_proj')], name='text')
    scale = keras.Sequential([keras.Input((6,)), Temperature(name='temperature')], name='scale')
    return {'image': image, 'text': text, 'scale': scale, 'optimizer': keras.optimizers.AdamW(1e-3)}


def sample():
    r = np.random.default_rng(0)
    words = r.integers(1, 12, (6, 5)).astype('int32')
    words[:3, 3:] = 0
    return {'image': r.normal(size=(6, 8, 8, 3)).astype('float32'), 'words': words}


def models(built):
    return [built['image'], built['text'], built['scale']]


def step(built, sample):
    weights = [v for m in models(built) for v in m.trainable_variables]
    labels = tf.range(6)
    with tf.GradientTape() as tape:
        i = tf.math.l2_normalize(built['image'](sample['image'], training=True), axis=-1)
        t = tf.math.l2_normalize(built['text'](sample['words'], training=True), axis=-1)
        logits = built['scale'](tf.matmul(i, t, transpose_b=True))
        rows = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        columns = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=tf.transpose(logits))
        loss = 0.5 * tf.reduce_mean(rows + columns)
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    scale = built['scale'].get_layer('temperature').log_scale
    scale.assign(tf.clip_by_value(scale.value, 0.0, np.log(100.0).astype('float32')))
    return {'loss': loss}
