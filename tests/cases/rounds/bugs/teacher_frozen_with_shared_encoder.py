"""Freezing the teacher also freezes the encoder that the student shares with it."""
import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package='distil')
class DistillationLoss(layers.Layer):
    def __init__(self, temperature=2.0, **kw):
        super().__init__(**kw)
        self.temperature = temperature

    def call(self, inputs):
        student, teacher = inputs
        p = ops.softmax(ops.stop_gradient(teacher) / self.temperature)
        self.add_loss(-ops.mean(ops.sum(p * ops.log_softmax(student / self.temperature), axis=-1)))
        return student

    def compute_output_shape(self, shapes):
        return shapes[0]

    def get_config(self):
        return {**super().get_config(), 'temperature': self.temperature}


def make_encoder(name):
    return keras.Sequential([keras.Input((12, 12, 1)), layers.Conv2D(6, 3, strides=2, activation='relu', name='conv_a'),
                             layers.Conv2D(8, 3, activation='relu', name='conv_b'), layers.GlobalAveragePooling2D(name='gap')], name=name)


def make(share):
    keras.utils.set_random_seed(53)
    encoder = make_encoder('encoder')
    image = keras.Input((12, 12, 1), name='image')
    teacher_encoder = encoder if share else make_encoder('teacher_encoder')
    h = layers.Dense(32, activation='relu', name='teacher_fc')(teacher_encoder(image))
    teacher = keras.Model(image, layers.Dense(10, name='teacher_logits')(h), name='teacher')
    teacher.trainable = False
    student = layers.Dense(10, name='student_logits')(encoder(image))
    logits = DistillationLoss(name='distil')([student, teacher(image)])
    model = keras.Model(image, logits, name='student')
    model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def build():
    return make(True)


def fixed():
    return make(False)


def sample():
    r = np.random.default_rng(14)
    return {'image': r.uniform(size=(8, 12, 12, 1)).astype('float32'), 'y': r.integers(0, 10, 8)}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/7965',
    'title': 'freezing weights of a model (shared with another one)',
    'source_kind': 'variant',
    'category': 'frozen',
    'culprit': {'input': None, 'variable': 'conv_a', 'layer': 'encoder', 'op': None, 'line': 'teacher.trainable = False'},
    'why': "trainable = False is passed on to every layer of the teacher, the shared encoder included: the student trains its last layer only.",
    'fix': 'Give the teacher its own copy of the encoder.',
    'also': [{'input': None, 'variable': 'conv_b', 'layer': None, 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': 'encoder', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': 'conv_a', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "teacher_encoder = encoder if share else make_encoder('teacher_encoder')"},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "encoder = make_encoder('encoder')"}],
}
