"""A multi-task model keeps its heads in an ordinary Python object, so the model does not know their weights."""
import numpy as np
import tensorflow as tf
import keras


class HeadBank:
    def __init__(self, names):
        self.heads = {n: keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, 'relu', name=f'{n}_hidden'), keras.layers.Dense(1, name=f'{n}_out')],
                                          name=f'{n}_head') for n in names}

    def __call__(self, h):
        return {n: head(h) for n, head in self.heads.items()}


@keras.saving.register_keras_serializable('fresh_s7')
class MultiTask(keras.Model):
    def __init__(self, tasks=('price', 'demand'), **kwargs):
        super().__init__(**kwargs)
        self.trunk = keras.layers.Dense(8, 'elu', name='trunk')
        self.bank = HeadBank(tasks)

    def call(self, x):
        return self.bank(self.trunk(x))


def build():
    keras.utils.set_random_seed(0)
    net = MultiTask(name='multitask')
    net(tf.zeros((1, 5)))
    net.optimizer = keras.optimizers.Adam(1e-3)
    return net


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(6, 5)).astype('float32'), 'y:price': r.normal(size=(6, 1)).astype('float32'),
            'y:demand': r.normal(size=(6, 1)).astype('float32')}


def models(built):
    return [built, *built.bank.heads.values()]


def step(built, sample):
    with tf.GradientTape() as tape:
        outs = built(sample['x'], training=True)
        loss = sum(tf.reduce_mean(tf.square(out - sample['y:' + n])) for n, out in outs.items())
    gradients = tape.gradient(loss, built.trainable_variables)
    built.optimizer.apply_gradients(zip(gradients, built.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    everything = list(built.trainable_variables)
    for head in built.bank.heads.values():
        everything += head.trainable_variables
    with tf.GradientTape() as tape:
        answers = built(sample['x'], training=True)
        loss = tf.add_n([tf.reduce_mean(tf.square(answers[n] - sample['y:' + n])) for n in answers])
    built.optimizer.apply_gradients(zip(tape.gradient(loss, everything), everything))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/16797',
    'title': 'Unpredictable behaviour of tracked variables in subclassing layers and models',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'price_out', 'layer': None, 'op': None, 'line': 'self.bank = HeadBank(tasks)'},
    'why': 'Keras looks for layers in attributes, lists, tuples and dictionaries, not in other objects; the heads keep their first weights.',
    'fix': 'Make the bank a keras.Layer, or hold the heads in a dictionary of the model, or add their variables to the list.',
}
EXPECT['also'] = [
    {'variable': None, 'layer': 'price_head', 'line': None},
    {'variable': 'price_hidden', 'line': None}, {'variable': 'demand_hidden', 'line': None}, {'variable': 'demand_out', 'line': None},
    {'variable': 'price_out', 'line': None},
    {'variable': None, 'line': 'gradients = tape.gradient(loss, built.trainable_variables)'},
    {'variable': None, 'line': 'self.heads = {n: keras.Sequential('},
    {'variable': None, 'line': 'class HeadBank:'},
    {'variable': None, 'line': 'self.bank = HeadBank(tasks)'},
]
