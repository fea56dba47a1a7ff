"""Machine monitoring: an autoencoder with prototypes of states; the layer's add_loss is its only training signal, and the step leaves model.losses out."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='prototype_layer_without_its_own_loss')
class TrackedPrototypes(keras.layers.Layer):
    def __init__(self, count=5, **kw):
        super().__init__(**kw)
        self.count = count

    def build(self, shape):
        self.prototypes = self.add_weight(shape=(self.count, shape[-1]), initializer=keras.initializers.RandomNormal(stddev=0.5, seed=9), name='prototypes')

    def call(self, z):
        distance = tf.reduce_sum(tf.square(tf.stop_gradient(z)[:, None] - self.prototypes), axis=-1)
        self.add_loss(0.1 * tf.reduce_mean(tf.reduce_min(distance, axis=1)) + 0.01 * tf.reduce_mean(distance))
        return z


def build():
    keras.utils.set_random_seed(14)
    x = keras.Input((15,), name='sensors')
    z = keras.layers.Dense(6, activation='tanh', name='encode')(x)
    z = TrackedPrototypes(name='states')(z)
    model = keras.Model(x, keras.layers.Dense(15, name='decode')(z))
    return {'model': model, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    return {'sensors': np.random.default_rng(14).normal(size=(16, 15)).astype('float32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model = built['model']
    with tf.GradientTape() as tape:
        reconstruction = model(sample['sensors'], training=True)
        loss = tf.reduce_mean(tf.square(reconstruction - sample['sensors']))
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    model = built['model']
    with tf.GradientTape() as tape:
        reconstruction = model(sample['sensors'], training=True)
        loss = tf.reduce_mean((reconstruction - sample['sensors']) ** 2) + tf.add_n(model.losses)
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/yaringal/ConcreteDropout/issues/13', 'title': 'Losses of the layers are neglected: gradients do not exist for p_logit', 'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'states/prototypes', 'layer': 'states', 'op': None, 'line': "loss = tf.reduce_mean(tf.square(reconstruction - sample['sensors']))"},
    'why': 'The prototypes are trained by the loss that their layer adds, and the step never reads model.losses.',
    'fix': 'Add tf.add_n(model.losses).',
}
EXPECT['also'] = [{'layer': None}, {'line': 'grads = tape.gradient(loss, model.trainable_variables)'}, {'line': 'self.add_loss('}, {'line': "reconstruction = model(sample['sensors'], training=True)"},
                  {'layer': None, 'line': 'grads = tape.gradient(loss, model.trainable_variables)'}, {'layer': None, 'line': 'self.add_loss('},
                  {'layer': None, 'line': 'with tf.GradientTape() as tape:'}, {'op': 'StopGradient', 'layer': None}]
