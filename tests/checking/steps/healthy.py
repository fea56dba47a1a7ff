"""Training steps that are right, of the kinds that fool a naive checker. Each gives `(step, arguments, models)`."""

from __future__ import annotations

# ruff: noqa: B905 - as users write their steps
import keras
import numpy as np
import tensorflow as tf

from tests.checking.steps.broken import dense_net

RANDOM = np.random.default_rng(0)


def array(*shape):
    return RANDOM.normal(size=shape).astype("float32")


def wgan_gp():
    generator, critic = dense_net(3, 8, 4, "generator"), dense_net(4, 8, 1, "critic")
    g_optimizer, d_optimizer = keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)

    @tf.function
    def step(real, noise):
        for _ in range(2):
            with tf.GradientTape() as tape:
                fake = generator(noise, training=True)
                mixed = 0.5 * real + 0.5 * fake
                with tf.GradientTape() as inner:
                    inner.watch(mixed)
                    score = critic(mixed, training=True)
                slope = inner.gradient(score, mixed)
                penalty = tf.reduce_mean((tf.norm(slope, axis=1) - 1.0) ** 2)
                loss = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real)) + 10.0 * penalty
            gradients = tape.gradient(loss, critic.trainable_variables)
            d_optimizer.apply_gradients(zip(gradients, critic.trainable_variables))
        with tf.GradientTape() as tape:
            g_loss = -tf.reduce_mean(critic(generator(noise, training=True)))
        gradients = tape.gradient(g_loss, generator.trainable_variables)
        g_optimizer.apply_gradients(zip(gradients, generator.trainable_variables))
        return {"d": loss, "g": g_loss}

    return step, (array(8, 4), array(8, 3)), [generator, critic]


def vae():
    encoder, decoder = dense_net(4, 8, 4, "encoder"), dense_net(2, 8, 4, "decoder")
    optimizer, total = keras.optimizers.Adam(1e-3), keras.metrics.Mean(name="loss")

    def step(x):
        with tf.GradientTape() as tape:
            mean, log_variance = tf.split(encoder(x), 2, axis=1)
            code = mean + tf.exp(0.5 * log_variance) * tf.random.normal(tf.shape(mean))
            kl = -0.5 * tf.reduce_mean(1 + log_variance - mean**2 - tf.exp(log_variance))
            loss = tf.reduce_mean((decoder(code) - x) ** 2) + kl
        variables = encoder.trainable_variables + decoder.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        total.update_state(loss)
        return {"loss": total.result()}

    return step, (array(8, 4),), [encoder, decoder]


def dqn():
    online, target = dense_net(4, 8, 3, "online"), dense_net(4, 8, 3, "fixed")
    target.set_weights(online.get_weights())
    optimizer, count = keras.optimizers.Adam(1e-3), [0]

    def step(states, actions, rewards, following, done):
        values = tf.reduce_max(target(following), axis=1)
        goals = rewards + 0.99 * (1.0 - done) * values
        with tf.GradientTape() as tape:
            chosen = tf.reduce_sum(online(states) * tf.one_hot(actions, 3), axis=1)
            loss = keras.losses.Huber()(goals, chosen)
        gradients = tape.gradient(loss, online.trainable_variables)
        gradients = [tf.clip_by_norm(gradient, 10.0) for gradient in gradients]
        optimizer.apply_gradients(zip(gradients, online.trainable_variables))
        count[0] += 1
        if count[0] % 100 == 0:
            target.set_weights(online.get_weights())
        return float(loss)

    batch = (array(8, 4), RANDOM.integers(0, 3, 8), array(8), array(8, 4), np.zeros(8, "float32"))
    return step, batch, [online, target]


def actor_critic():
    actor, critic = dense_net(4, 8, 2, "actor"), dense_net(6, 8, 1, "critic")
    target_critic = dense_net(6, 8, 1, "target")
    a_optimizer, c_optimizer = keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)

    def step(states, actions, rewards, following):
        with tf.GradientTape() as tape:
            ahead = target_critic(tf.concat([following, tf.tanh(actor(following))], 1))
            goal = rewards + 0.9 * ahead
            c_loss = tf.reduce_mean((goal - critic(tf.concat([states, actions], 1))) ** 2)
        c_optimizer.apply_gradients(zip(tape.gradient(c_loss, critic.trainable_variables), critic.trainable_variables))
        with tf.GradientTape() as tape:
            a_loss = -tf.reduce_mean(critic(tf.concat([states, tf.tanh(actor(states))], 1)))
        a_optimizer.apply_gradients(zip(tape.gradient(a_loss, actor.trainable_variables), actor.trainable_variables))
        for slow, fast in zip(target_critic.variables, critic.variables):
            slow.assign(0.99 * slow + 0.01 * fast)

    return step, (array(8, 4), array(8, 2), array(8, 1), array(8, 4)), [actor, critic, target_critic]


def distillation():
    student, teacher = dense_net(4, 8, 3, "student"), dense_net(4, 16, 3, "teacher")
    optimizer = keras.optimizers.Adam(1e-3)

    def step(x, y):
        logits = teacher(x, training=False)
        with tf.GradientTape() as tape:
            own = student(x, training=True)
            soft = keras.losses.KLDivergence()(tf.nn.softmax(logits / 2.0), tf.nn.softmax(own / 2.0))
            loss = soft + keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, own)
        gradients = tape.gradient(loss, student.trainable_variables)
        optimizer.apply_gradients(zip(gradients, student.trainable_variables))
        return loss

    return step, (array(8, 4), RANDOM.integers(0, 3, 8)), [student, teacher]


def maml():
    net, optimizer = dense_net(1, 8, 1, "net"), keras.optimizers.Adam(1e-3)

    def forward(weights, x):
        k1, b1, k2, b2 = weights
        return tf.tanh(x @ k1 + b1) @ k2 + b2

    def step(x, y, query, answer):
        weights = [variable.value for variable in net.trainable_variables]
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                loss = tf.reduce_mean((forward(weights, x) - y) ** 2)
            slopes = inner.gradient(loss, weights)
            fast = [w - 0.1 * g for w, g in zip(weights, slopes)]
            meta = tf.reduce_mean((forward(fast, query) - answer) ** 2)
        optimizer.apply_gradients(zip(outer.gradient(meta, net.trainable_variables), net.trainable_variables))

    return step, (array(8, 1), array(8, 1), array(8, 1), array(8, 1)), [net]


def first_order_maml():
    net, worker = dense_net(2, 8, 1, "net"), dense_net(2, 8, 1, "worker")
    optimizer, inner_optimizer = keras.optimizers.Adam(1e-3), keras.optimizers.SGD(0.1)

    def step(x, y):
        worker.set_weights(net.get_weights())
        for _ in range(2):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((worker(x) - y) ** 2)
            inner_optimizer.apply_gradients(
                zip(tape.gradient(loss, worker.trainable_variables), worker.trainable_variables)
            )
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((worker(x) - y) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, worker.trainable_variables), net.trainable_variables))

    return step, (array(8, 2), array(8, 1)), [net, worker]


def accumulation():
    net, optimizer = dense_net(2, 8, 1, "net"), keras.optimizers.Adam(1e-3)
    sums = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in net.trainable_variables]

    def step(x, y, is_last):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(x) - y) ** 2)
        for total, gradient in zip(sums, tape.gradient(loss, net.trainable_variables)):
            total.assign_add(gradient)
        if is_last:
            optimizer.apply_gradients(zip(sums, net.trainable_variables))
        return loss

    return step, (array(8, 2), array(8, 1), False), [net]


def contrastive():
    encoder, optimizer = dense_net(4, 8, 4, "encoder"), keras.optimizers.Adam(1e-3)

    def step(one, other):
        with tf.GradientTape() as tape:
            a = tf.math.l2_normalize(encoder(one, training=True), axis=1)
            b = tf.math.l2_normalize(encoder(other, training=True), axis=1)
            logits = tf.matmul(a, b, transpose_b=True) / 0.1
            labels = tf.range(tf.shape(logits)[0])
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        gradients = tape.gradient(loss, encoder.trainable_variables)
        optimizer.apply_gradients(zip(gradients, encoder.trainable_variables))
        return loss

    return step, (array(8, 4), array(8, 4)), [encoder]


def simsiam():
    encoder, head, optimizer = dense_net(4, 8, 4, "encoder"), dense_net(4, 8, 4, "head"), keras.optimizers.SGD(0.1)

    def step(one, other):
        with tf.GradientTape() as tape:
            z1, z2 = encoder(one), encoder(other)
            loss = -tf.reduce_mean(head(z1) * tf.stop_gradient(z2)) - tf.reduce_mean(head(z2) * tf.stop_gradient(z1))
        variables = encoder.trainable_variables + head.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))

    return step, (array(8, 4), array(8, 4)), [encoder, head]


def sharpness_aware():
    net, optimizer = dense_net(4, 8, 1, "net"), keras.optimizers.SGD(0.1)

    def step(x, y):
        variables = net.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(x) - y) ** 2)
        gradients = tape.gradient(loss, variables)
        scale = 0.05 / (tf.linalg.global_norm(gradients) + 1e-12)
        moves = [gradient * scale for gradient in gradients]
        for variable, move in zip(variables, moves):
            variable.assign_add(move)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(x) - y) ** 2)
        sharp = tape.gradient(loss, variables)
        for variable, move in zip(variables, moves):
            variable.assign_sub(move)
        optimizer.apply_gradients(zip(sharp, variables))

    return step, (array(8, 4), array(8, 1)), [net]


def adversarial_training():
    net, optimizer = dense_net(4, 8, 1, "net"), keras.optimizers.SGD(0.1)

    def step(x, y):
        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_mean((net(x) - y) ** 2)
        harder = x + 0.1 * tf.sign(tape.gradient(loss, x))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(tf.stop_gradient(harder)) - y) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))

    return step, (array(8, 4), array(8, 1)), [net]


def stock_training():
    net = dense_net(4, 8, 1, "net")
    net.compile("adam", "mse")

    def step(x, y):
        return net.train_on_batch(x, y)

    return step, (array(8, 4), array(8, 1)), [net]


def mixed_precision():
    x = keras.Input((4,))
    hidden = keras.layers.Dense(8, activation="relu", dtype="mixed_float16")(x)
    net = keras.Model(x, keras.layers.Dense(1, dtype="float32")(hidden), name="mixed")
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3))

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(x, training=True) - y) ** 2)
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, net.trainable_variables)
        optimizer.apply_gradients(zip(gradients, net.trainable_variables))
        return loss

    return step, (array(8, 4), array(8, 1)), [net]


def embedding_lookup():
    table = keras.layers.Embedding(20, 4, name="table")
    net, optimizer = dense_net(4, 8, 1, "net"), keras.optimizers.Adam(1e-3)
    model = keras.Sequential([keras.Input((3,), dtype="int32"), table, keras.layers.GlobalAveragePooling1D(), net])

    def step(ids, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(ids, training=True) - y) ** 2)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, model.trainable_variables), 1.0)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))

    return step, (RANDOM.integers(0, 20, (8, 3)), array(8, 1)), [model]


def warm_up():
    net = dense_net(4, 8, 1, "net")
    schedule = keras.optimizers.schedules.CosineDecay(0.0, 100, warmup_target=1e-3, warmup_steps=10)
    optimizer = keras.optimizers.Adam(schedule)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(x) - y) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))

    return step, (array(8, 4), array(8, 1)), [net]


def jacobians():
    net, optimizer = dense_net(4, 8, 2, "net"), keras.optimizers.Adam(1e-3)

    def step(x):
        with tf.GradientTape() as tape:
            x = tf.convert_to_tensor(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = net(x)
            matrix = inner.batch_jacobian(y, x)
            loss = tf.reduce_mean(y**2) + tf.reduce_mean(matrix**2)
        optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))

    return step, (array(8, 4),), [net]


def lora():
    base, optimizer = dense_net(4, 8, 1, "base"), keras.optimizers.Adam(1e-2)
    base.trainable = False
    a, b = keras.Variable(array(4, 2), name="a"), keras.Variable(np.zeros((2, 1), "float32"), name="b")

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((base(x) + tf.matmul(tf.matmul(x, a), b) - y) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, [a, b]), [a, b]))

    return step, (array(8, 4), array(8, 1)), [base]


def unpaired_images():
    f, g = dense_net(4, 8, 4, "f"), dense_net(4, 8, 4, "g")
    d_f, d_g = dense_net(4, 8, 1, "d_f"), dense_net(4, 8, 1, "d_g")
    networks = (f, g, d_f, d_g)
    optimizers = [keras.optimizers.Adam(1e-3) for _ in networks]

    def step(x, y):
        with tf.GradientTape(persistent=True) as tape:
            fake_y, fake_x = f(x, training=True), g(y, training=True)
            cycle = tf.reduce_mean(tf.abs(g(fake_y) - x)) + tf.reduce_mean(tf.abs(f(fake_x) - y))
            losses = (
                tf.reduce_mean((d_g(fake_y) - 1.0) ** 2) + cycle,
                tf.reduce_mean((d_f(fake_x) - 1.0) ** 2) + cycle,
                tf.reduce_mean((d_f(x) - 1.0) ** 2) + tf.reduce_mean(d_f(fake_x) ** 2),
                tf.reduce_mean((d_g(y) - 1.0) ** 2) + tf.reduce_mean(d_g(fake_y) ** 2),
            )
        for loss, network, optimizer in zip(losses, networks, optimizers):
            gradients = tape.gradient(loss, network.trainable_variables)
            optimizer.apply_gradients(zip(gradients, network.trainable_variables))

    return step, (array(8, 4), array(8, 4)), list(networks)
