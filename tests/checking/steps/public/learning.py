"""Training steps of sequences, pairs and several networks that learn from each other."""

from __future__ import annotations

# ruff: noqa: B905 - as users write their steps
import keras
import tensorflow as tf
from keras import layers

from tests.checking.steps.public import RANDOM, f32, mlp


# Seq2seq, attention, teacher forcing step by step
def nmt(bad):
    V, U = 12, 8

    class Encoder(keras.Model):
        def __init__(self):
            super().__init__()
            self.emb, self.gru = layers.Embedding(V, U), layers.GRU(U, return_sequences=True, return_state=True)

        def call(self, x):
            return self.gru(self.emb(x))

    class Attention(layers.Layer):
        def __init__(self):
            super().__init__()
            self.w1, self.w2, self.v = layers.Dense(U), layers.Dense(U), layers.Dense(1)

        def call(self, query, values):
            score = self.v(tf.nn.tanh(self.w1(tf.expand_dims(query, 1)) + self.w2(values)))
            w = tf.nn.softmax(score, axis=1)
            return tf.reduce_sum(w * values, axis=1), w

    class Decoder(keras.Model):
        def __init__(self):
            super().__init__()
            self.emb, self.gru, self.fc, self.att = (
                layers.Embedding(V, U),
                layers.GRU(U, return_sequences=True, return_state=True),
                layers.Dense(V),
                Attention(),
            )

        def call(self, x, hidden, enc):
            ctx, w = self.att(hidden, enc)
            x = tf.concat([tf.expand_dims(ctx, 1), self.emb(x)], axis=-1)
            out, state = self.gru(x)
            return self.fc(tf.reshape(out, (-1, U))), state, w

    enc, dec = Encoder(), Decoder()

    class Both:
        trainable_variables = property(lambda self: enc.trainable_variables + ([] if bad else dec.trainable_variables))

    asked = Both()
    opt = keras.optimizers.Adam()
    loss_obj = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")

    def loss_function(real, pred):
        mask = tf.math.logical_not(tf.math.equal(real, 0))
        losses = loss_obj(real, pred)
        return tf.reduce_mean(losses * tf.cast(mask, losses.dtype))

    def train_step(inp, targ):
        loss = 0
        with tf.GradientTape() as tape:
            enc_out, hidden = enc(inp)
            dec_input = tf.expand_dims([1] * 6, 1)
            for t in range(1, targ.shape[1]):
                pred, hidden, _ = dec(dec_input, hidden, enc_out)
                loss += loss_function(targ[:, t], pred)
                dec_input = tf.expand_dims(targ[:, t], 1)
        batch_loss = loss / int(targ.shape[1])
        variables = asked.trainable_variables
        gradients = tape.gradient(loss, variables)  # <- GL102
        opt.apply_gradients(zip(gradients, variables))
        return batch_loss

    return (
        train_step,
        (RANDOM.integers(1, V, (6, 5)), tf.constant(RANDOM.integers(1, V, (6, 4)))),
        dict(models=[enc, dec]),
    )


# SimCLR with probe
def simclr(bad):
    class Contrastive(keras.Model):
        def __init__(self):
            super().__init__()
            self.encoder, self.projection = mlp(6, 8, "encoder"), mlp(8, 4, "projection")
            self.probe = keras.Sequential([keras.Input((8,)), layers.Dense(3)], name="probe")

        def compile(self, c, p):
            super().compile()
            self.c_opt, self.p_opt = c, p
            self.probe_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            self.acc = keras.metrics.SparseCategoricalAccuracy(name="p_acc")

        def contrastive_loss(self, a, b):
            a, b = tf.math.l2_normalize(a, axis=1), tf.math.l2_normalize(b, axis=1)
            sim = tf.matmul(a, b, transpose_b=True) / 0.1
            labels = tf.range(tf.shape(a)[0])
            l1 = keras.losses.sparse_categorical_crossentropy(labels, sim, from_logits=True)
            l2 = keras.losses.sparse_categorical_crossentropy(labels, tf.transpose(sim), from_logits=True)
            return tf.reduce_mean((l1 + l2) / 2)

        def train_step(self, data):
            (unlabeled, _), (images, labels) = data
            both = tf.concat((unlabeled, images), axis=0)
            v1, v2 = both + tf.random.normal(tf.shape(both)) * 0.1, both + tf.random.normal(tf.shape(both)) * 0.1
            with tf.GradientTape() as tape:
                p1 = self.projection(self.encoder(v1, training=True), training=True)
                p2 = self.projection(self.encoder(v2, training=True), training=True)
                loss = self.contrastive_loss(p1, p2)
            gradients = tape.gradient(loss, self.encoder.trainable_weights + self.projection.trainable_weights)
            trained = self.encoder.trainable_weights + ([] if bad else self.projection.trainable_weights)
            self.c_opt.apply_gradients(zip(gradients, trained))  # <- GL619
            with tf.GradientTape() as tape:
                logits = self.probe(self.encoder(images, training=False), training=True)
                ploss = self.probe_loss(labels, logits)
            gradients = tape.gradient(ploss, self.probe.trainable_weights)
            self.p_opt.apply_gradients(zip(gradients, self.probe.trainable_weights))
            self.acc.update_state(labels, logits)
            return {"c": loss, "p": ploss, "acc": self.acc.result()}

    m = Contrastive()
    m.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    u = f32(8, 6)
    return m, (((u, RANDOM.integers(0, 3, 8)), (f32(4, 6), RANDOM.integers(0, 3, 4))),), "check"


# Distillation loop
def distill(bad):
    teacher, student = mlp(6, 3, "teacher"), mlp(6, 3, "student", units=4)
    teacher.trainable = False
    opt, kl, ce = (
        keras.optimizers.Adam(),
        keras.losses.KLDivergence(),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def step(x, y):
        t = teacher(x, training=False)
        with tf.GradientTape() as tape:
            s = student(x, training=True)
            loss = 0.3 * ce(y, s) + 0.7 * kl(tf.nn.softmax(t / 3), tf.nn.softmax(s / 3)) * 9
        net = teacher if bad else student
        grads = tape.gradient(loss, net.trainable_variables)  # <- GL108
        opt.apply_gradients(zip(grads, net.trainable_variables))

    return step, (f32(8, 6), RANDOM.integers(0, 3, 8)), dict(models=[student, teacher])


# Mean teacher / EMA
def mean_teacher(bad):
    student, teacher = mlp(6, 3, "student"), mlp(6, 3, "teacher")
    teacher.set_weights(student.get_weights())
    opt = keras.optimizers.Adam()
    ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(labelled, y, unlabelled):
        with tf.GradientTape() as tape:
            logits = student(labelled, training=True)
            a, b = student(unlabelled, training=True), teacher(unlabelled, training=True)
            consistency = tf.reduce_mean((tf.nn.softmax(a) - tf.nn.softmax(b)) ** 2)
            loss = ce(y, logits) + consistency
        if bad:
            loss = loss * 0.5  # <- GL602
        g = tape.gradient(loss, student.trainable_variables)
        opt.apply_gradients(zip(g, student.trainable_variables))
        for t, s in zip(teacher.variables, student.variables):
            t.assign(0.99 * t + 0.01 * s)

    return step, (f32(4, 6), RANDOM.integers(0, 3, 4), f32(8, 6)), dict(models=[student, teacher])


# Language model, tied embedding, clip by global norm
def lm(bad):
    class LM(keras.Model):
        def __init__(self):
            super().__init__()
            self.emb, self.pos = layers.Embedding(20, 8), layers.Embedding(6, 8)
            self.att, self.norm = layers.MultiHeadAttention(2, 4), layers.LayerNormalization()
            self.ff = layers.Dense(8, "gelu")

        def call(self, ids, training=False):
            h = self.emb(ids) + self.pos(tf.range(tf.shape(ids)[1]))
            h = self.norm(h + self.att(h, h, use_causal_mask=True, training=training))
            h = h + self.ff(h)
            return tf.matmul(h, self.emb.embeddings.value, transpose_b=True)

    model = LM()
    opt = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-3, 100, warmup_target=1e-2, warmup_steps=10))
    ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(ids):
        x, y = ids[:, :-1], ids[:, 1:]
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            if bad:
                logits = tf.one_hot(tf.argmax(logits, -1), 20)  # <- GL610
            loss = ce(y, logits)
        g = tape.gradient(loss, model.trainable_variables)
        g, norm = tf.clip_by_global_norm(g, 1.0)
        pairs = [(a, b) for a, b in zip(g, model.trainable_variables) if a is not None]
        if pairs:
            opt.apply_gradients(pairs)
        return loss, norm

    return step, (RANDOM.integers(0, 20, (4, 7)),), dict(models=[model])


# Uncertainty weights beside a model, nothing named
def uncertainty(bad):
    x = keras.Input((6,))
    h = layers.Dense(8, "relu")(x)
    net = keras.Model(x, [layers.Dense(1)(h), layers.Dense(3)(h)])
    log_vars = [tf.Variable(0.0, name="s0"), tf.Variable(0.0, name="s1")]
    opt = keras.optimizers.Adam()
    ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def step(x, y, c):
        with tf.GradientTape() as tape:
            a, b = net(x, training=True)
            l0, l1 = tf.reduce_mean((a - y) ** 2), ce(c, b)
            loss = tf.exp(-log_vars[0]) * l0 + log_vars[0] + tf.exp(-log_vars[1]) * l1 + log_vars[1]
        v = net.trainable_variables + ([] if bad else log_vars)
        g = tape.gradient(loss, v)  # <- GL102
        opt.apply_gradients(zip(g, v))

    return step, (f32(8, 6), f32(8, 1), RANDOM.integers(0, 3, 8)), {}
