"""Mean teacher: supervised loss on the labelled half, consistency with an EMA teacher on all; the teacher follows by assignment."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='semi-supervised', why_hard='a second network in the loss that gets no gradient; a mask over unlabelled rows', legit_nongradient=[])


def net(name):
    x = keras.Input((8, 8, 1), name='image')
    h = keras.layers.Conv2D(6, 3, activation='relu', name=f'{name}_conv')(x)
    h = keras.layers.BatchNormalization(name=f'{name}_bn')(h)
    h = keras.layers.GlobalAveragePooling2D(name=f'{name}_pool')(h)
    return keras.Model(x, keras.layers.Dense(3, name=f'{name}_logits')(h), name=name)


def build():
    keras.utils.set_random_seed(10)
    student, teacher = net('student'), net('teacher')
    teacher.set_weights(student.get_weights())
    teacher.trainable = False
    return {'student': student, 'teacher': teacher, 'optimizer': keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)}


def sample():
    r = np.random.default_rng(10)
    x = r.random((12, 8, 8, 1))
    label = np.where(np.arange(12) < 6, r.integers(0, 3, 12), -1)
    return {'weak': x.astype('float32'), 'strong': (x + 0.3 * r.normal(size=x.shape)).astype('float32'), 'label': label.astype('int32')}


def models(built):
    return [built['student']]


def step(built, sample, decay=0.99):
    student, teacher = built['student'], built['teacher']
    target = tf.nn.softmax(teacher(sample['weak'], training=False))
    labelled = tf.cast(sample['label'] >= 0, tf.float32)
    with tf.GradientTape() as tape:
        logits = student(sample['strong'], training=True)
        ce = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.maximum(sample['label'], 0), logits=logits)
        supervised = tf.reduce_sum(labelled * ce) / tf.maximum(tf.reduce_sum(labelled), 1.0)
        consistency = tf.reduce_mean(tf.square(tf.nn.softmax(logits) - target))
        loss = supervised + 10.0 * consistency
    grads = tape.gradient(loss, student.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, student.trainable_variables))
    for slow, fast in zip(teacher.weights, student.weights):
        slow.assign(decay * slow + (1.0 - decay) * fast)
    return loss
