"""Style transfer: after each update the canvas is set to the clipped start image."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='S5')
class Canvas(keras.Model):
    def __init__(self, side=8, **kw):
        super().__init__(**kw)
        self.side = side
        self.image = self.add_weight(shape=(1, side, side, 3), initializer='zeros', name='image')

    def call(self, inputs=None):
        return tf.convert_to_tensor(self.image)


def build():
    keras.utils.set_random_seed(8)
    x = keras.Input((8, 8, 3), name='x')
    a = keras.layers.Conv2D(6, 3, padding='same', activation='relu', name='block1')(x)
    b = keras.layers.Conv2D(8, 3, strides=2, padding='same', activation='relu', name='block2')(a)
    extractor = keras.Model(x, [a, b], name='extractor')
    extractor.trainable = False
    canvas = Canvas(name='canvas')
    canvas.image.assign(sample()['content'])
    return {'canvas': canvas, 'extractor': extractor, 'optimizer': keras.optimizers.Adam(0.02)}


def sample():
    r = np.random.default_rng(8)
    return {'content': r.uniform(0.1, 0.9, (1, 8, 8, 3)).astype('float32'), 'style': r.uniform(0.1, 0.9, (1, 8, 8, 3)).astype('float32')}


def models(built):
    return [built['canvas']]


def gram(features):
    n = tf.cast(tf.reduce_prod(tf.shape(features)[1:3]), tf.float32)
    return tf.einsum('bijc,bijd->bcd', features, features) / n


def style_content_loss(extractor, image, content, style):
    (c1, c2), (s1, s2), (x1, x2) = extractor(content), extractor(style), extractor(image)
    style_term = tf.reduce_mean(tf.square(gram(x1) - gram(s1))) + tf.reduce_mean(tf.square(gram(x2) - gram(s2)))
    return 1e-1 * tf.reduce_mean(tf.square(x2 - c2)) + style_term


def step(built, sample, iterations=3):
    canvas, optimizer = built['canvas'], built['optimizer']
    start = tf.convert_to_tensor(sample['content'])
    best = float('inf')
    for _ in range(iterations):
        with tf.GradientTape() as tape:
            loss = style_content_loss(built['extractor'], canvas(None), sample['content'], sample['style'])
        gradients = tape.gradient(loss, canvas.trainable_variables)
        optimizer.apply_gradients(zip(gradients, canvas.trainable_variables))
        canvas.image.assign(tf.clip_by_value(start, 0., 1.))
        best = min(best, float(loss))
    return best


def fixed_step(built, sample, iterations=3):
    canvas, optimizer = built['canvas'], built['optimizer']
    start = tf.convert_to_tensor(sample['content'])
    best = float('inf')
    for _ in range(iterations):
        with tf.GradientTape() as tape:
            loss = style_content_loss(built['extractor'], canvas(None), sample['content'], sample['style'])
        changes = tape.gradient(loss, canvas.trainable_variables)
        optimizer.apply_gradients(zip(changes, canvas.trainable_variables))
        canvas.image.assign(tf.clip_by_value(canvas.image, 0., 1.))
        best = min(best, float(loss))
    return best


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/39589',
    'title': 'Style transfer that assigns the clip of another image after each update',
    'source_kind': 'variant', 'category': 'other',
    'culprit': {'input': None, 'variable': 'image', 'layer': None, 'op': None, 'line': 'canvas.image.assign(tf.clip_by_value(start, 0., 1.))'},
    'why': 'Each update is undone: the canvas is the start image again.',
    'fix': 'Clip the canvas itself.',
    'also': [{'input': None, 'variable': 'image', 'layer': 'canvas', 'op': None, 'line': 'tf.clip_by_value(start'},
             {'input': None, 'variable': 'image', 'layer': None, 'op': None, 'line': 'optimizer.apply_gradients(zip(gradients, canvas.trainable_variables))'}],
}
