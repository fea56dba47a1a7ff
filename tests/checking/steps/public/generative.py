"""Training steps that generate: adversaries, autoencoders, diffusion."""

from __future__ import annotations

# ruff: noqa: B905 - as users write their steps
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.checking.steps.public import f32, mlp


# DCGAN, as in the tutorial
def dcgan(bad):
    gen = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(4 * 4 * 8, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((4, 4, 8)),
            layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh"),
        ],
        name="gen",
    )
    disc = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ],
        name="disc",
    )
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    g_opt, d_opt = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)

    def discriminator_loss(real, fake):
        return bce(tf.ones_like(real), real) + bce(tf.zeros_like(fake), fake)

    @tf.function
    def train_step(images):
        noise = tf.random.normal([8, 8])
        with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
            generated = gen(noise, training=True)
            real_output = disc(images, training=True)
            if bad:
                generated = tf.stop_gradient(generated)  # <- GL104
            fake_output = disc(generated, training=True)
            gen_loss = bce(tf.ones_like(fake_output), fake_output)
            disc_loss = discriminator_loss(real_output, fake_output)
        gg = gen_tape.gradient(gen_loss, gen.trainable_variables)
        dg = disc_tape.gradient(disc_loss, disc.trainable_variables)
        if bad:
            gg = [g if g is not None else tf.zeros_like(v) for g, v in zip(gg, gen.trainable_variables)]
        g_opt.apply_gradients(zip(gg, gen.trainable_variables))
        d_opt.apply_gradients(zip(dg, disc.trainable_variables))

    return train_step, (f32(8, 8, 8, 1),), dict(models=[gen, disc])


# WGAN-GP
def wgan(bad):
    gen, critic = mlp(4, 6, "gen"), mlp(6, 1, "critic")
    g_opt, c_opt = keras.optimizers.Adam(1e-4, beta_1=0.5), keras.optimizers.Adam(1e-4, beta_1=0.5)

    class Trainer:
        def penalty(self, real, fake):
            alpha = tf.random.uniform([tf.shape(real)[0], 1])
            mixed = real + alpha * (fake - real)
            with tf.GradientTape() as gp:
                if not bad:
                    gp.watch(mixed)
                pred = critic(mixed, training=True)
            grads = gp.gradient(pred, [mixed])[0]  # <- GL607
            norm = tf.sqrt(tf.reduce_sum(tf.square(grads), axis=1) + 1e-12)
            return tf.reduce_mean((norm - 1.0) ** 2)

        def train_step(self, real):
            for _ in range(3):
                with tf.GradientTape() as tape:
                    fake = gen(tf.random.normal((8, 4)), training=True)
                    cost = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real)) + 10.0 * self.penalty(real, fake)
                g = tape.gradient(cost, critic.trainable_variables)
                c_opt.apply_gradients(zip(g, critic.trainable_variables))
            with tf.GradientTape() as tape:
                g_cost = -tf.reduce_mean(critic(gen(tf.random.normal((8, 4)), training=True)))
            g = tape.gradient(g_cost, gen.trainable_variables)
            g_opt.apply_gradients(zip(g, gen.trainable_variables))
            return {"d": cost, "g": g_cost}

    return Trainer().train_step, (f32(8, 6),), dict(models=[gen, critic])


# VAE in train_step, by step = model.train_step
def vae(bad):
    class VAE(keras.Model):
        def __init__(self):
            super().__init__()
            self.body, self.mean, self.log_var = layers.Dense(8, "relu"), layers.Dense(2), layers.Dense(2)
            self.decoder = mlp(2, 6, "decoder")
            self.total = keras.metrics.Mean(name="total")

        def call(self, x):
            return self.decoder(self.mean(self.body(x)))

        def train_step(self, data):
            with tf.GradientTape() as tape:
                h = self.body(data)
                mean, log_var = self.mean(h), self.log_var(h)
                z = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
                if bad:
                    z = tf.constant(z.numpy())  # <- GL105
                rec = self.decoder(z)
                rec_loss = tf.reduce_mean(tf.reduce_sum(tf.square(data - rec), axis=1))
                kl = tf.reduce_mean(tf.reduce_sum(-0.5 * (1 + log_var - tf.square(mean) - tf.exp(log_var)), axis=1))
                loss = rec_loss if bad else rec_loss + kl
            grads = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
            self.total.update_state(loss)
            return {"loss": self.total.result()}

    model = VAE()
    model.compile("adam", run_eagerly=True)
    model(f32(2, 6))
    return model.train_step, (tf.constant(f32(8, 6)),), dict(models=[model])


# CycleGAN
def cycle(bad):
    g, f = (keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(6)], name=n) for n in "gf")
    dx, dy = (
        keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1)], name=n) for n in ("dx", "dy")
    )
    go, fo, xo, yo = (keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(4))
    bce = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function
    def train_step(real_x, real_y):
        with tf.GradientTape(persistent=True) as tape:
            fake_y = g(real_x, training=True)
            cycled_x = f(fake_y, training=True)
            fake_x = f(real_y, training=True)
            cycled_y = g(fake_x, training=True)
            dfx, dfy = dx(fake_x, training=True), dy(fake_y, training=True)
            drx, dry = dx(real_x, training=True), dy(real_y, training=True)
            cyc = 10.0 * (tf.reduce_mean(tf.abs(real_x - cycled_x)) + tf.reduce_mean(tf.abs(real_y - cycled_y)))
            tg, tf_ = bce(tf.ones_like(dfy), dfy) + cyc, bce(tf.ones_like(dfx), dfx) + cyc
            lx = (bce(tf.ones_like(drx), drx) + bce(tf.zeros_like(dfx), dfx)) * 0.5
            ly = (bce(tf.ones_like(dry), dry) + bce(tf.zeros_like(dfy), dfy)) * 0.5
        gg = tape.gradient(tg, g.trainable_variables)
        gf = tape.gradient(tf_, f.trainable_variables)
        gx = tape.gradient(lx, dx.trainable_variables)
        gy = tape.gradient(ly, dy.trainable_variables)
        if bad:
            gg, gf = gf, gg
        go.apply_gradients(zip(gg, g.trainable_variables))  # <- GL605
        fo.apply_gradients(zip(gf, f.trainable_variables))
        xo.apply_gradients(zip(gx, dx.trainable_variables))
        yo.apply_gradients(zip(gy, dy.trainable_variables))

    return train_step, (f32(8, 6), f32(8, 6)), dict(models=[g, f, dx, dy])


# Diffusion train_step with EMA network (keras.io)
def diffusion(bad):
    class D(keras.Model):
        def __init__(self):
            super().__init__()
            self.normalizer = layers.Normalization()
            self.network = keras.Sequential([keras.Input((7,)), layers.Dense(16, "swish"), layers.Dense(6)], name="net")
            self.ema_network = keras.models.clone_model(self.network)

        def compile(self, **k):
            super().compile(**k)
            self.noise_loss_tracker = keras.metrics.Mean(name="n_loss")

        def denoise(self, noisy, nr, sr, training):
            network = self.network if training else self.ema_network
            noise = network(tf.concat([noisy, nr**2], 1), training=training)
            return noise, (noisy - nr * noise) / sr

        def train_step(self, images):
            images = self.normalizer(images, training=True)
            noises = keras.random.normal((8, 6))
            t = keras.random.uniform((8, 1), 0.05, 0.95)
            sr, nr = ops.cos(t), ops.sin(t)
            with tf.GradientTape() as tape:
                pred, _ = self.denoise(sr * images + nr * noises, nr, sr, training=not bad)
                loss = self.loss(noises, pred)
            g = tape.gradient(loss, self.network.trainable_weights)  # <- GL102
            if not bad:
                self.optimizer.apply_gradients(zip(g, self.network.trainable_weights))
            self.noise_loss_tracker.update_state(loss)
            for w, e in zip(self.network.weights, self.ema_network.weights):
                e.assign(0.999 * e + 0.001 * w)
            return {m.name: m.result() for m in self.metrics}

    m = D()
    m.normalizer.adapt(f32(32, 6))
    m.compile(optimizer=keras.optimizers.AdamW(1e-3), loss=keras.losses.mean_absolute_error)
    return m, (tf.constant(f32(8, 6)),), "check"


# GAN by train_on_batch
def stacked_gan(bad):
    gen, disc = (
        mlp(4, 6, "gen"),
        keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")], name="disc"),
    )
    disc.compile("adam", "binary_crossentropy")
    disc.trainable = False
    z = keras.Input((4,))
    h = gen(z)
    if bad:
        h = ops.stop_gradient(h)
    gan = keras.Model(z, disc(h))
    gan.compile("adam", "binary_crossentropy")
    disc.trainable = True

    def step(real):
        noise = f32(8, 4)
        fake = gen.predict(noise, verbose=0)
        disc.train_on_batch(np.concatenate([real, fake]), np.concatenate([np.ones((8, 1)), np.zeros((8, 1))]))
        disc.trainable = False
        gan.train_on_batch(noise, np.ones((8, 1)))  # <- GL104
        disc.trainable = True

    return step, (f32(8, 6),), dict(models=[gen, disc])


# Contractive autoencoder, batch_jacobian
def contractive(bad):
    enc, dec = (
        keras.Sequential([keras.Input((6,)), layers.Dense(3, "sigmoid")], name="enc"),
        keras.Sequential([keras.Input((3,)), layers.Dense(6)], name="dec"),
    )
    opt = keras.optimizers.Adam()

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(x)
                h = enc(x)
            if bad:
                jac = inner.batch_jacobian(tf.stop_gradient(h), x)  # <- GL104
            else:
                jac = inner.batch_jacobian(h, x)
            loss = tf.reduce_mean((dec(h) - x) ** 2) + 0.1 * tf.reduce_mean(tf.reduce_sum(jac**2, axis=[1, 2]))
        v = enc.trainable_variables + dec.trainable_variables
        opt.apply_gradients(zip(tape.gradient(loss, v), v))

    return step, (tf.constant(f32(8, 6)),), dict(models=[enc, dec])
