"""A source file that causes in the shared result point at; it is quoted, never run."""


def head(tf, x, y):
    hard = tf.round(x)
    return tf.math.log(y - hard)
