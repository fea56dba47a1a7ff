"""Self-training: pseudo-labels of an averaged teacher above a confidence, strong view through the student, ramped weight."""
import numpy as np
import tensorflow as tf
import keras


def network(name):
    x = keras.Input((8,), name='features')
    h = keras.layers.Dense(16, activation='relu', name=f'{name}_hidden')(x)
    return keras.Model(x, keras.layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(stddev=1.5, seed=2), name=f'{name}_logits')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    student, teacher = network('student'), network('teacher')
    teacher.set_weights(student.get_weights())
    teacher.trainable = False
    return {'student': student, 'teacher': teacher, 'optimizer': keras.optimizers.Adam(1e-3), 'count': tf.Variable(40, dtype=tf.int64, trainable=False)}


def sample():
    r = np.random.default_rng(0)
    weak = r.normal(size=(24, 8)).astype('float32')
    return {'labelled': r.normal(size=(12, 8)).astype('float32'), 'y': r.integers(0, 4, 12).astype('int32'),
            'weak': weak, 'strong': (weak + 0.5 * r.normal(size=weak.shape)).astype('float32')}


def models(built):
    return [built['student']]


def step(built, sample):
    student, teacher, count = built['student'], built['teacher'], built['count']
    probs = tf.nn.softmax(teacher(sample['weak'], training=False))
    confident = tf.cast(tf.reduce_max(probs, axis=-1) >= 0.7, tf.float32)
    pseudo = tf.argmax(probs, axis=-1, output_type=tf.int32)
    ramp = tf.exp(-5.0 * (1.0 - tf.minimum(tf.cast(count, tf.float32) / 100.0, 1.0)) ** 2)
    both = tf.concat([sample['labelled'], sample['strong']], axis=0)
    with tf.GradientTape() as tape:
        logits = student(both, training=True)
        xent = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.concat([sample['y'], pseudo], 0), logits)
        supervised = tf.reduce_mean(xent[:12])
        consistency = tf.reduce_mean(confident * xent[12:])
        loss = supervised + ramp * consistency
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, student.trainable_variables), student.trainable_variables))
    count.assign_add(1)
    decay = tf.minimum(0.999, 1.0 - 1.0 / tf.cast(count + 1, tf.float32))
    for slow, fast in zip(teacher.weights, student.weights):
        slow.assign(decay * slow + (1.0 - decay) * fast)
    return {'supervised': supervised, 'consistency': consistency}
