"""The images are rolled to channels-first by the old preprocessing, the model expects channels-last."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='traffic_signs_channels_first')


def build():
    keras.utils.set_random_seed(23)
    x, b = keras.Input((24, 24, 3), name='sign'), keras.Input((4,), name='roi')
    h = L.MaxPooling2D()(L.Conv2D(8, 3, padding='same', activation='relu', name='conv1')(x))
    h = L.MaxPooling2D()(L.Conv2D(8, 3, padding='same', activation='relu', name='conv2')(h))
    h = L.Concatenate()([L.Flatten()(h), L.Dense(4, activation='relu', name='roi_net')(b)])
    m = keras.Model({'sign': x, 'roi': b}, L.Dense(7, activation='softmax', name='class')(h))
    m.compile('sgd', 'categorical_crossentropy')
    return m


fixed = build


def preprocess(img):
    img = (img - img.mean()) / img.std()
    return np.rollaxis(img, -1)


def preprocess_last(img):
    return (img - img.mean()) / img.std()


def data(prep):
    r = np.random.default_rng(12)
    raw = r.random((6, 24, 24, 3))
    return {'sign': np.stack([prep(i) for i in raw]).astype('float32'), 'roi': r.random((6, 4)).astype('float32'), 'y': np.eye(7, dtype='float32')[r.integers(0, 7, 6)]}


def sample():
    return data(preprocess)


def fixed_sample():
    return data(preprocess_last)


EXPECT = {
    'source': 'https://github.com/chsasank/Traffic-Sign-Classification.keras/issues/4', 'title': 'Convert source code from channels_first to channels_last', 'source_kind': 'report', 'category': 'shape_mismatch',
    'culprit': {'input': 'sign', 'variable': None, 'layer': 'sign', 'op': None, 'line': 'return np.rollaxis(img, -1)'},
    'why': 'The arrays are (6, 3, 24, 24), the input is (24, 24, 3).', 'fix': 'Leave out rollaxis.',
    'also': [{'input': 'sign', 'layer': None, 'line': "keras.Input((24, 24, 3), name='sign')"}, {'input': 'sign', 'layer': 'conv1', 'line': None}, {'input': 'sign', 'layer': None, 'line': None}, {'input': 'sign', 'layer': None, 'line': 'return data(preprocess)'}],
}
