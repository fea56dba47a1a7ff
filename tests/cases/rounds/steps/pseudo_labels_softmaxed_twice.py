"""Self-training with confident pseudo-labels: softmax is applied to probabilities, so no confidence ever reaches the threshold."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((8,), name='features')
    h = keras.layers.Dense(16, activation='relu', name='encoder_hidden')(x)
    encoder = keras.Model(x, h, name='encoder')
    z = keras.Input((16,), name='code')
    classifier = keras.Model(z, keras.layers.Dense(4, activation='softmax', kernel_initializer=keras.initializers.RandomNormal(stddev=2.0, seed=2),
                                                   name='classifier_out')(z), name='classifier')
    z = keras.Input((16,), name='code')
    adapter = keras.Model(z, keras.layers.Add(name='adapter_add')([z, keras.layers.Dense(16, name='adapter_dense')(z)]), name='adapter')
    return {'encoder': encoder, 'classifier': classifier, 'adapter': adapter, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    weak = r.normal(size=(24, 8)).astype('float32')
    return {'labelled': r.normal(size=(12, 8)).astype('float32'), 'y': r.integers(0, 4, 12).astype('int32'),
            'weak': weak, 'strong': (weak + 0.5 * r.normal(size=weak.shape)).astype('float32')}


def models(built):
    return [built['encoder'], built['classifier'], built['adapter']]


def step(built, sample):
    encoder, classifier, adapter = models(built)
    variables = [v for m in models(built) for v in m.trainable_variables]
    crossentropy = keras.losses.SparseCategoricalCrossentropy(reduction=None)
    probs = tf.nn.softmax(classifier(encoder(sample['weak'])))
    mask = tf.cast(tf.reduce_max(probs, axis=-1) >= 0.8, tf.float32)
    pseudo = tf.argmax(probs, axis=-1)
    with tf.GradientTape() as tape:
        supervised = tf.reduce_mean(crossentropy(sample['y'], classifier(encoder(sample['labelled'], training=True), training=True)))
        strong = classifier(adapter(encoder(sample['strong'], training=True), training=True), training=True)
        consistency = tf.reduce_mean(mask * crossentropy(pseudo, strong))
        loss = supervised + consistency
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'supervised': supervised, 'consistency': consistency}


def fixed_step(built, sample):
    encoder, classifier, adapter = models(built)
    variables = [v for m in models(built) for v in m.trainable_variables]
    crossentropy = keras.losses.SparseCategoricalCrossentropy(reduction=None)
    probs = classifier(encoder(sample['weak']))
    mask = tf.cast(tf.reduce_max(probs, axis=-1) >= 0.8, tf.float32)
    pseudo = tf.argmax(probs, axis=-1)
    with tf.GradientTape() as tape:
        supervised = tf.reduce_mean(crossentropy(sample['y'], classifier(encoder(sample['labelled'], training=True), training=True)))
        strong = classifier(adapter(encoder(sample['strong'], training=True), training=True), training=True)
        consistency = tf.reduce_mean(mask * crossentropy(pseudo, strong))
        loss = supervised + consistency
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'supervised': supervised, 'consistency': consistency}


LINE = "probs = tf.nn.softmax(classifier(encoder(sample['weak'])))"
EXPECT = {
    'source': 'own', 'title': 'Confidence of a twice applied softmax never reaches the threshold', 'source_kind': 'own',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'adapter_dense/kernel', 'layer': 'classifier', 'op': 'Softmax', 'line': LINE},
    'why': 'The softmax of four probabilities is at most e / (e + 3) = 0.48: the mask is zero for every example, and so is the consistency loss.',
    'fix': 'Use the probabilities of the classifier as they are.',
}
EXPECT['also'] = [{'variable': 'adapter_dense', 'line': LINE}, {'variable': 'adapter_dense', 'op': 'GreaterEqual'}, {'variable': 'adapter_dense', 'op': 'Mul'},
                  {'variable': 'adapter_dense', 'line': 'mask = tf.cast(tf.reduce_max(probs, axis=-1) >= 0.8, tf.float32)'},
                  {'variable': 'adapter_dense', 'line': 'consistency = tf.reduce_mean(mask * crossentropy(pseudo, strong))'}]
