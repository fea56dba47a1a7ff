"""Segmentation step that clips its gradients into a zip and logs their norms before they are applied."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(15)
    road = keras.Input((12, 12, 3), name='road')
    d = keras.layers.Conv2D(6, 3, padding='same', activation='relu', name='down')(road)
    m = keras.layers.Conv2D(8, 3, padding='same', activation='relu', name='middle')(keras.layers.MaxPooling2D()(d))
    u = keras.layers.Concatenate()([keras.layers.UpSampling2D()(m), d])
    return {'net': keras.Model({'road': road}, keras.layers.Conv2D(1, 1, name='lane')(u), name='lanes'), 'optimizer': keras.optimizers.Adam(1e-3),
            'norms': []}


def sample():
    r = np.random.default_rng(15)
    return {'road': r.uniform(size=(4, 12, 12, 3)).astype('float32'), 'y': (r.uniform(size=(4, 12, 12, 1)) > 0.5).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        logits = net({'road': sample['road']}, training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['y'], logits))
    grads, _ = tf.clip_by_global_norm(tape.gradient(loss, net.trainable_variables), 1.0)
    pairs = zip(grads, net.trainable_variables)
    built['norms'].append({v.path: float(tf.norm(g)) for g, v in pairs})
    built['optimizer'].apply_gradients(pairs)
    return {'loss': loss}


def fixed_step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        logits = net({'road': sample['road']}, training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['y'], logits))
    grads, _ = tf.clip_by_global_norm(tape.gradient(loss, net.trainable_variables), 1.0)
    pairs = list(zip(grads, net.trainable_variables))
    built['norms'].append({v.path: float(tf.norm(g)) for g, v in pairs})
    built['optimizer'].apply_gradients(pairs)
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/MarvinTeichmann/KittiSeg/issues/42',
    'title': 'Bug in gradient clipping?',
    'source_kind': 'variant',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': '    pairs = zip(grads, net.trainable_variables)'},
    'why': 'A zip can be read once: the log uses it up and apply_gradients gets no pairs.',
    'fix': 'Make a list of the pairs.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "built['optimizer'].apply_gradients(pairs)"},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "for g, v in pairs})"}],
    'symptom': [('raises', 'ValueError')],
}
