"""The callback: what it sees of a training, when, and that it changes nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 6)).astype("float32")
Y = (2 * X[:, :1] + 0.1).astype("float32")


def network(**compiled: Any) -> Any:
    keras.utils.set_random_seed(1)
    layers = [keras.Input((6,)), keras.layers.Dense(16, "relu", name="hidden"), keras.layers.Dense(1, name="out")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.01), "mse", **compiled)
    return model


class Set(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives the hidden layer another bias at the start of an epoch."""

    def __init__(self, epoch: int, value: float) -> None:
        super().__init__()
        self.epoch, self.value = epoch, value

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.epoch:
            bias = self.model.get_layer("hidden").bias
            bias.assign(np.full(bias.shape, self.value))


class Pieces(keras.utils.PyDataset):  # type: ignore[misc]
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        return X[16 * index : 16 * index + 16], Y[16 * index : 16 * index + 16]


FEEDS = {
    "arrays": (lambda: (X, Y), {}, {"batch_size": 10}),
    "weights": (lambda: (X, Y), {}, {"batch_size": 16, "sample_weight": np.linspace(0, 1, 48)}),
    "dataset": (lambda: (tf.data.Dataset.from_tensor_slices((X, Y)).batch(16),), {"jit_compile": True}, {}),
    "PyDataset": (lambda: (Pieces(),), {"run_eagerly": True}, {}),
    "several steps per call": (
        lambda: (tf.data.Dataset.from_tensor_slices((X, Y)).batch(8),),
        {"steps_per_execution": 4},
        {},
    ),
}


@pytest.mark.parametrize("feed", FEEDS, ids=str)
def test_a_healthy_training_is_the_same_with_it(feed: str, tmp_path: Path) -> None:
    data, compiled, options = FEEDS[feed]
    alone, watched = network(**compiled), network(**compiled)
    keras.utils.set_random_seed(3)
    bare = alone.fit(*data(), epochs=2, verbose=0, **options)
    callback = gradlint.GradientCheck(every="epoch", hold=True, folder=str(tmp_path))
    keras.utils.set_random_seed(3)
    seen = watched.fit(*data(), epochs=2, verbose=0, callbacks=[callback], **options)
    assert callback.reports == ()
    assert callback.unseen == ()
    assert not list(tmp_path.iterdir())
    assert seen.history["loss"] == bare.history["loss"]
    assert all(np.array_equal(one, two) for one, two in zip(alone.get_weights(), watched.get_weights(), strict=True))
    assert alone.optimizer.iterations.numpy() == watched.optimizer.iterations.numpy()
    assert len(seen.history["gradient_norm"]) == 2
    assert seen.history["gradient_norm"][-1] > 0
    assert 0 < seen.history["update_ratio"][-1] < 1
    assert any(name.endswith("/hidden") and name.startswith("dead_units/") for name in seen.history)
    assert watched.train_function.__name__ == alone.train_function.__name__


def test_the_first_batch_is_checked_before_a_step_is_made() -> None:
    model = network()
    before = model.get_weights()
    with pytest.raises(gradlint.GradientsDoNotFlow) as caught:
        model.fit(X, Y[:, 0][:, None].repeat(3, 1)[:, :2], verbose=0, callbacks=[gradlint.GradientCheck()])
    assert caught.value.result.findings[0].code == "GL405"
    assert all(np.array_equal(one, two) for one, two in zip(before, model.get_weights(), strict=True))
    model.fit(X, Y, verbose=0)  # and the model trains as if nothing had been


@pytest.mark.parametrize("action", ["stop", "warn"])
def test_a_rectifier_that_dies_is_found_in_its_epoch(action: str, tmp_path: Path) -> None:
    callback = gradlint.GradientCheck(every="epoch", action=action, fail_on="warning", folder=str(tmp_path))
    model = network()
    history = model.fit(X, Y, batch_size=16, epochs=5, verbose=0, callbacks=[callback, Set(2, -1e3)])
    (report,) = callback.reports
    assert (report.step, report.epoch, report.since) == (9, 3, 6)
    assert "GL202" in [finding.code for finding in report.result.findings]
    assert len(history.history["loss"]) == (3 if action == "stop" else 5)
    assert history.history["dead_units"][2] == 1.0 > history.history["dead_units"][1]
    assert report.sample is not None
    again = gradlint.check(model, dict(np.load(report.sample)))  # what is saved can be looked at
    assert "GL202" in [finding.code for finding in again.findings]


class Norm(keras.layers.Layer):  # type: ignore[misc]
    def call(self, x: Any) -> Any:
        return keras.ops.sqrt(keras.ops.sum(keras.ops.square(x), -1, keepdims=True))


def test_nan_is_traced_to_its_step_and_operation(tmp_path: Path) -> None:
    inputs = keras.Input((6,))
    model = keras.Model(inputs, Norm(name="norm")(keras.layers.Dense(3, use_bias=False)(inputs)))
    model.compile("sgd", "mse")
    x = np.concatenate([X, X])
    x[8 * 6 + 3] = 0.0  # the norm of zero: finite, with a gradient that is not
    callback = gradlint.GradientCheck(every=4, hold=True, folder=str(tmp_path), action="stop")
    model.fit(x, np.abs(np.concatenate([Y, Y])), batch_size=8, shuffle=False, verbose=0, callbacks=[callback])
    (report,) = callback.reports
    assert (report.step, report.since) == (7, 4)
    (finding,) = (finding for finding in report.result.findings if finding.code == "GL301")
    assert finding.cause.op == "Sqrt"
    assert report.sample is not None
    assert np.array_equal(np.load(report.sample)["0"], x[48:56])


def test_a_step_of_its_own_with_two_optimizers_is_looked_at() -> None:
    class Pair(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.maker = keras.Sequential([keras.Input((2,)), keras.layers.Dense(6)])
            self.judge = keras.Sequential(
                [keras.Input((6,)), keras.layers.Dense(8, "leaky_relu"), keras.layers.Dense(1)]
            )

        def compile(self, first: Any, second: Any) -> None:
            super().compile(optimizer=first, loss="mse")
            self.second = second

        def train_step(self, data: Any) -> Any:
            real = data[0] if isinstance(data, tuple) else data
            noise = keras.random.normal((keras.ops.shape(real)[0], 2))
            with tf.GradientTape() as tape:
                loss = keras.ops.mean(
                    keras.ops.square(self.judge(real) - 1) + keras.ops.square(self.judge(self.maker(noise)))
                )
            weights = self.judge.trainable_weights
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            with tf.GradientTape() as tape:
                other = keras.ops.mean(keras.ops.square(self.judge(self.maker(noise)) - 1))
            weights = self.maker.trainable_weights
            self.second.apply_gradients(zip(tape.gradient(other, weights), weights, strict=True))
            return {"loss": loss, "other": other}

    keras.utils.set_random_seed(0)
    model = Pair()
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    callback = gradlint.GradientCheck(every=2)
    model.fit(X, batch_size=16, epochs=2, verbose=0, callbacks=[callback])
    assert callback.reports == ()
    assert callback.unseen == ()
    frozen = Pair()
    frozen.compile(keras.optimizers.Adam(), keras.optimizers.Adam(0.0))
    with pytest.raises(gradlint.GradientsDoNotFlow) as caught:
        frozen.fit(X, batch_size=16, verbose=0, callbacks=[gradlint.GradientCheck(fail_on="warning")])
    assert "GL622" in [finding.code for finding in caught.value.result.findings]


def test_what_cannot_be_checked_does_not_end_a_training() -> None:
    class Odd(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x: Any) -> Any:
            if not tf.inside_function():
                raise RuntimeError("only in graphs")
            return self.dense(x)

    model = Odd()
    model.compile("sgd", "mse")
    callback = gradlint.GradientCheck()
    history = model.fit(X, Y, verbose=0, epochs=2, callbacks=[callback])
    assert len(history.history["loss"]) == 2
    assert callback.unseen
    assert "only in graphs" in callback.unseen[0]


def test_tensorboard_gets_the_numbers_of_all_layers(tmp_path: Path) -> None:
    callback = gradlint.GradientCheck(tensorboard=str(tmp_path / "board"), every=1)
    network().fit(X, Y, verbose=0, callbacks=[callback])
    (file,) = (tmp_path / "board").iterdir()
    assert b"gradlint/gradient_norm/" in file.read_bytes()


@pytest.mark.parametrize("breaks", [False, True])
def test_batches_that_were_not_held_are_no_news_of_a_healthy_training(
    breaks: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gradlint.record.feeding._HOLDING", 1e9)  # no step is long enough
    y = Y.copy()
    y[-1] = np.nan if breaks else 0.0
    callback = gradlint.GradientCheck(fail_on="never", folder=str(tmp_path))
    network().fit(X, y, batch_size=2, shuffle=False, verbose=0, callbacks=[callback])
    assert ["so short" in line for line in callback.unseen] == [True] * breaks


@pytest.mark.parametrize("wrong", [{"action": "shout"}, {"every": 0}, {"every": "week"}, {"fail_on": "always"}])
def test_arguments_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(gradlint.UsageError):
        gradlint.GradientCheck(**wrong)


@pytest.mark.parametrize(("seconds", "looks"), [(10.0, 1), (200.0, 4)])
def test_looks_take_a_small_share_of_the_time(seconds: float, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is played: each epoch takes `seconds`, each look one."""
    from gradlint.checking import fitting
    from gradlint.record import look as looking

    now, seen = [0.0], []
    real = looking.look

    def look(*given: Any) -> Any:
        now[0] += 1.0
        seen.append(now[0])
        return real(*given)

    monkeypatch.setattr(looking, "look", look)
    monkeypatch.setattr(fitting, "time", type("Clock", (), {"perf_counter": staticmethod(lambda: now[0])}))
    passing = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: now.__setitem__(0, now[0] + seconds))
    network().fit(
        X, Y, verbose=0, epochs=4, batch_size=24, callbacks=[gradlint.GradientCheck(fail_on="never"), passing]
    )
    assert len(seen) == looks
