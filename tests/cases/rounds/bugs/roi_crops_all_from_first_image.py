"""Detector head that crops its regions with a box index of zero."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_roi_crops_all_from_first_image')


@reg
class RoiCrop(L.Layer):
    def index(self, boxes):
        return tf.zeros(tf.shape(boxes)[:1], 'int32')

    def call(self, inputs):
        features, boxes = inputs
        return tf.image.crop_and_resize(features, boxes, box_indices=self.index(boxes), crop_size=(4, 4))

    def compute_output_shape(self, shapes):
        return (shapes[0][0], 4, 4, shapes[0][-1])


@reg
class RowRoiCrop(RoiCrop):
    def index(self, boxes):
        return tf.range(tf.shape(boxes)[0])


def body(layer):
    img = keras.Input((16, 16, 3), name='image')
    box = keras.Input((4,), name='box')
    f = L.Conv2D(8, 3, padding='same', activation='relu', name='conv1')(img)
    f = L.MaxPooling2D()(L.Conv2D(8, 3, padding='same', activation='relu', name='conv2')(f))
    h = L.Flatten()(layer([f, box]))
    h = L.Dense(12, activation='relu', name='fc')(L.Concatenate()([h, box]))
    m = keras.Model({'image': img, 'box': box}, L.Dense(3, activation='softmax', name='species')(h))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def build():
    keras.utils.set_random_seed(15)
    return body(RoiCrop(name='roi'))


def fixed():
    keras.utils.set_random_seed(15)
    return body(RowRoiCrop(name='roi'))


def sample():
    r = np.random.default_rng(0)
    lo = r.uniform(0, 0.4, (5, 2))
    return {'image': r.normal(size=(5, 16, 16, 3)).astype('float32'), 'box': np.concatenate([lo, lo + r.uniform(0.3, 0.55, (5, 2))], 1).astype('float32'),
            'y': r.integers(0, 3, (5,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/29672', 'source_kind': 'variant',
    'title': 'tf.image.crop_and_resize (does it mean the same boxes for every image?)',
    'category': 'batch_mixing',
    'culprit': {'input': 'image', 'variable': None, 'layer': 'roi', 'op': 'CropAndResize', 'line': "return tf.zeros(tf.shape(boxes)[:1], 'int32')"},
    'why': 'The box index names the image of each box: with zeros every box is cut from the first image, and the others are never looked at.',
    'fix': 'tf.range(batch).',
    'also': [{'layer': 'roi', 'line': 'return tf.image.crop_and_resize(features, boxes, box_indices=self.index(boxes), crop_size=(4, 4))'},
             {'layer': 'roi', 'line': 'h = L.Flatten()(layer([f, box]))'}],
}
