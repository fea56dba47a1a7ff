"""Training steps of reinforcement and of learning to learn."""

from __future__ import annotations

# ruff: noqa: B905 - as users write their steps
import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.checking.steps.public import RANDOM, f32, mlp


# DQN, as on keras.io
def dqn(bad):
    model, target = mlp(4, 3, "q"), mlp(4, 3, "q_target")
    opt = keras.optimizers.Adam(2.5e-4, clipnorm=1.0)
    huber = keras.losses.Huber()

    def update(states, actions, rewards, next_states, done):
        future = target.predict(next_states, verbose=0)
        updated = rewards + 0.99 * tf.reduce_max(future, axis=1)
        updated = updated * (1 - done) - done
        masks = tf.one_hot(actions, 3)
        with tf.GradientTape() as tape:
            q_values = model(states)
            if bad:
                q_action = tf.cast(tf.argmax(q_values, axis=1), tf.float32)  # <- GL610
            else:
                q_action = tf.reduce_sum(tf.multiply(q_values, masks), axis=1)
            loss = huber(updated, q_action)
        grads = tape.gradient(loss, model.trainable_variables)
        opt.apply_gradients(zip(grads, model.trainable_variables))
        target.set_weights(model.get_weights())

    return (
        update,
        (f32(8, 4), RANDOM.integers(0, 3, 8), f32(8), f32(8, 4), (RANDOM.random(8) > 0.8).astype("float32")),
        dict(models=[model, target]),
    )


# PPO, as on keras.io
def ppo(bad):
    actor, critic = mlp(4, 2, "actor", "tanh"), mlp(4, 1, "critic", "tanh")
    p_opt, v_opt = keras.optimizers.Adam(3e-4), keras.optimizers.Adam(1e-3)

    def logprobabilities(logits, a):
        return tf.reduce_sum(tf.one_hot(a, 2) * tf.nn.log_softmax(logits), axis=1)

    @tf.function
    def train_policy(obs, act, logp, adv):
        with tf.GradientTape() as tape:
            ratio = tf.exp(logprobabilities(actor(obs), act) - logp)
            min_adv = tf.where(adv > 0, 1.2 * adv, 0.8 * adv)
            policy_loss = -tf.reduce_mean(tf.minimum(ratio * adv, min_adv))
        grads = tape.gradient(policy_loss, actor.trainable_variables)
        p_opt.apply_gradients(zip(grads, actor.trainable_variables))
        return tf.reduce_mean(logp - logprobabilities(actor(obs), act))

    @tf.function
    def train_value(obs, ret):
        with tf.GradientTape() as tape:
            value = critic(obs)
            if not bad:
                value = tf.squeeze(value, axis=1)
            value_loss = tf.reduce_mean((ret - value) ** 2)  # <- GL405
        grads = tape.gradient(value_loss, critic.trainable_variables)
        v_opt.apply_gradients(zip(grads, critic.trainable_variables))

    def update(obs, act, adv, ret, logp):
        for _ in range(3):
            kl = train_policy(obs, act, logp, adv)
            if kl > 1.5 * 0.01:
                break
        for _ in range(3):
            train_value(obs, ret)

    obs, act = f32(16, 4), RANDOM.integers(0, 2, 16)
    logp = logprobabilities(actor(obs), act).numpy()
    return (
        update,
        (tf.constant(obs), tf.constant(act), tf.constant(f32(16)), tf.constant(f32(16)), tf.constant(logp)),
        dict(models=[actor, critic]),
    )


# Actor-critic over an episode in the graph (TF tutorial)
def episode(bad):
    class AC(keras.Model):
        def __init__(self):
            super().__init__()
            self.common, self.actor, self.critic = layers.Dense(16, "relu"), layers.Dense(2), layers.Dense(1)

        def call(self, x):
            h = self.common(x)
            return self.actor(h), self.critic(h)

    model, opt = AC(), keras.optimizers.Adam(0.01)
    model(f32(1, 4))
    huber = keras.losses.Huber(reduction="sum")

    def env(action):
        return np.float32(RANDOM.normal(size=4)), np.float32(1.0), np.int32(RANDOM.random() > 0.9)

    def tf_env(action):
        return tf.numpy_function(env, [action], [tf.float32, tf.float32, tf.int32])

    def run_episode(state, steps):
        probs, values, rewards = (tf.TensorArray(tf.float32, 0, dynamic_size=True) for _ in range(3))
        for t in tf.range(steps):
            s = tf.expand_dims(state, 0)
            logits, value = model(s)
            action = tf.random.categorical(logits, 1)[0, 0]
            p = tf.nn.softmax(logits)
            values = values.write(t, tf.squeeze(value))
            probs = probs.write(t, p[0, action])
            state, reward, _ = tf_env(action)
            state.set_shape((4,))
            rewards = rewards.write(t, reward)
        return probs.stack(), values.stack(), rewards.stack()

    def expected_return(rewards):
        n = tf.shape(rewards)[0]
        returns = tf.TensorArray(tf.float32, n)
        rewards = rewards[::-1]
        total = tf.constant(0.0)
        for i in tf.range(n):
            total = rewards[i] + 0.99 * total
            total.set_shape(())
            returns = returns.write(i, total)
        r = returns.stack()[::-1]
        return (r - tf.reduce_mean(r)) / (tf.math.reduce_std(r) + 1e-8)

    @tf.function
    def train_step(state):
        with tf.GradientTape() as tape:
            probs, values, rewards = run_episode(state, 6)
            returns = expected_return(rewards)
            probs, values, returns = [tf.expand_dims(v, 1) for v in [probs, values, returns]]
            adv = returns - values
            if bad:
                loss = huber(tf.round(values), returns)  # <- GL610
            else:
                loss = -tf.reduce_sum(tf.math.log(probs) * adv) + huber(values, returns)
        grads = tape.gradient(loss, model.trainable_variables)
        opt.apply_gradients(zip(grads, model.trainable_variables))
        return tf.reduce_sum(rewards)

    return train_step, (tf.constant(f32(4)),), dict(models=[model])


# MAML with functional weights
def maml(bad):
    w = [
        tf.Variable(f32(4, 8) * 0.3, name="w1"),
        tf.Variable(tf.zeros(8), name="b1"),
        tf.Variable(f32(8, 1) * 0.3, name="w2"),
        tf.Variable(tf.zeros(1), name="b2"),
    ]
    opt = keras.optimizers.Adam(1e-3)

    def forward(x, w):
        return tf.matmul(tf.nn.relu(tf.matmul(x, w[0]) + w[1]), w[2]) + w[3]

    def mse(a, b):
        return tf.reduce_mean(tf.square(a - b))

    def meta_step(xs, ys, xq, yq):
        with tf.GradientTape() as outer:
            total = 0.0
            for t in range(2):
                with tf.GradientTape() as inner:
                    inner.watch(w)
                    support = mse(forward(xs[t], w), ys[t])
                grads = inner.gradient(support, w)
                fast = [v - 0.1 * g for v, g in zip(w, grads)]
                if bad:
                    fast = [tf.Variable(f) for f in fast]  # <- GL609
                total += mse(forward(xq[t], fast), yq[t])
        g = outer.gradient(total, w)
        opt.apply_gradients(zip(g, w))
        return total

    return meta_step, tuple(tf.constant(f32(2, 5, n)) for n in (4, 1, 4, 1)), dict(variables=w)
