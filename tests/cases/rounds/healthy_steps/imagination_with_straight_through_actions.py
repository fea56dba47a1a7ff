"""Model-based RL: world model fitted on replay, actor trained through an imagined rollout with straight-through actions, critic on lambda returns."""
import numpy as np
import tensorflow as tf
import keras


def mlp(name, inputs, outputs):
    x = keras.Input((inputs,), name=f'{name}_in')
    h = keras.layers.Dense(16, activation='elu', name=f'{name}_hidden')(x)
    return keras.Model(x, keras.layers.Dense(outputs, name=f'{name}_out')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    built = {'world': mlp('world', 10, 7), 'actor': mlp('actor', 6, 4), 'critic': mlp('critic', 6, 1)}
    built.update({f'{k}_opt': keras.optimizers.Adam(1e-3) for k in ('world', 'actor', 'critic')})
    return built


def sample():
    r = np.random.default_rng(0)
    s = r.normal(size=(10, 6)).astype('float32')
    return {'state': s, 'action': np.eye(4, dtype='float32')[r.integers(0, 4, 10)],
            'outcome': np.concatenate([0.9 * s, r.normal(size=(10, 1))], 1).astype('float32')}


def models(built):
    return [built['world'], built['actor'], built['critic']]


def apply(built, name, tape, loss):
    variables = built[name].trainable_variables
    grads, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), 100.0)
    built[f'{name}_opt'].apply_gradients(zip(grads, variables))


def step(built, sample):
    world, actor, critic = models(built)
    with tf.GradientTape() as tape:
        model_loss = tf.reduce_mean((world(tf.concat([sample['state'], sample['action']], -1), training=True) - sample['outcome']) ** 2)
    apply(built, 'world', tape, model_loss)
    with tf.GradientTape() as tape:
        states, rewards, entropy = [tf.constant(sample['state'])], [], 0.0
        for _ in range(4):
            logits = actor(states[-1], training=True)
            probs = tf.nn.softmax(logits)
            draw = tf.one_hot(tf.random.categorical(logits, 1)[:, 0], 4)
            action = tf.stop_gradient(draw - probs) + probs
            out = world(tf.concat([states[-1], action], -1))
            states.append(out[:, :6])
            rewards.append(out[:, 6])
            entropy -= tf.reduce_mean(tf.reduce_sum(probs * tf.nn.log_softmax(logits), -1))
        values = [critic(s)[:, 0] for s in states]
        returns, last = [], values[-1]
        for reward, value in zip(rewards[::-1], values[:0:-1]):
            last = reward + 0.97 * (0.05 * value + 0.95 * last)
            returns.insert(0, last)
        actor_loss = -tf.reduce_mean(tf.stack(returns)) - 1e-3 * entropy
    apply(built, 'actor', tape, actor_loss)
    with tf.GradientTape() as tape:
        loss = 0.0
        for s, target in zip(states, returns):
            loss += tf.reduce_mean((critic(tf.stop_gradient(s), training=True)[:, 0] - tf.stop_gradient(target)) ** 2)
    apply(built, 'critic', tape, loss)
    return {'model': model_loss, 'actor': actor_loss, 'critic': loss}
