"""The gradients that gradlint reports are those of a tape that knows nothing of gradlint."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import systems
import tensorflow as tf
from keras import layers, ops
from representatives import representatives

import gradlint
from gradlint.upstream.restoring import fresh_seeds

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlint import Result

RELATIVE = 1e-5
NOISE = 1e-7
"""Below this share of the largest norm, a gradient that is zero in theory is rounding of its own."""

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "healthy"


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def whole(limit: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, limit, size=shape).astype("int32")


# -- the independent tape ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """What the independent tape says: None where it has no gradient."""

    inputs: dict[str, float | None]
    variables: list[tuple[Any, float | None]]


def norm(gradient: Any) -> float | None:
    if gradient is None:
        return None
    values = tf.convert_to_tensor(gradient).numpy().astype("float64")
    return float(np.sqrt(np.sum(values**2)))


def tensors(sample: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and labels; floats as Keras would cast them."""
    values = {}
    for key, array in sample.items():
        array = np.asarray(array)
        values[key] = tf.convert_to_tensor(array.astype("float32") if array.dtype == np.float64 else array)
    labels = {key: value for key, value in values.items() if key == "y" or key.startswith("y:")}
    return {key: value for key, value in values.items() if key not in labels}, labels


def independent(model: keras.Model, sample: dict[str, Any], loss: Any, seed: int = 0) -> Expected:
    inputs, labels = tensors(sample)
    sources = {key: value for key, value in inputs.items() if value.dtype.is_floating}
    # As documented of `seed`: it also starts the generators of the model's own random layers.
    optimizer = model.optimizer.variables if getattr(model, "optimizer", None) is not None else []
    fresh_seeds(seed, [*model.variables, *optimizer, *getattr(model, "metrics_variables", [])])
    keras.utils.set_random_seed(seed)
    variables = [variable for variable in model.variables if "float" in str(variable.dtype)]
    before = [tf.identity(variable.value) for variable in model.variables]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(list(sources.values()))
        value = loss(model, inputs, labels)
    for variable, old in zip(model.variables, before, strict=True):
        variable.assign(old)
    slopes = tape.gradient(value, list(sources.values()))
    own = tape.gradient(value, [variable.value for variable in variables])
    return Expected(
        {key: norm(slope) for key, slope in zip(sources, slopes, strict=True)},
        [(variable, norm(slope)) for variable, slope in zip(variables, own, strict=True)],
    )


def assert_equal(result: Result, expected: Expected) -> None:
    largest = max([0.0, *(n for n in expected.inputs.values() if n), *(n for _, n in expected.variables if n)])
    failed = [f"{finding.code} {finding.message}" for finding in result.findings if finding.code in ("GL403", "GL407")]
    assert not failed
    wanted_of = dict(expected.inputs)
    if len(result.inputs) == 1 and len(wanted_of) == 1:  # a single array feeds a single input of any name
        wanted_of = {result.inputs[0].key: next(iter(wanted_of.values()))}
    for status in result.inputs:
        if status.key in wanted_of:
            _same(f"input {status.key}", status, wanted_of[status.key], largest)
        else:
            assert str(status.gradient) == "n/a", status
    listed = result.variables[: len(expected.variables)]
    assert len(listed) == len(expected.variables)
    for status, (variable, wanted) in zip(listed, expected.variables, strict=True):
        assert status.shape == tuple(variable.shape)
        assert status.trainable == variable.trainable
        if variable.trainable:
            _same(status.path, status, wanted, largest)


def _same(name: str, status: Any, wanted: float | None, largest: float) -> None:
    state = str(status.gradient)
    if wanted is None:
        assert (state, status.norm) == ("absent", None), name
    elif wanted == 0.0:
        assert (state, status.norm) == ("zero", 0.0), name
    else:
        assert state == "finite", f"{name}: {state}, but the norm is {wanted}"
        assert status.norm == pytest.approx(wanted, rel=RELATIVE, abs=NOISE * largest), name


# -- losses by hand ----------------------------------------------------------------------------------


def packed(model: keras.Model, inputs: dict[str, Any]) -> Any:
    """The inputs in the nesting that the model was built with."""
    struct = getattr(model, "_inputs_struct", None)
    if isinstance(model, keras.Sequential) or (struct is None and len(inputs) == 1):
        (only,) = inputs.values()
        return only
    if struct is None or isinstance(struct, dict):
        return dict(inputs)
    if isinstance(struct, (list, tuple)):
        return [inputs[tensor.name] for tensor in struct]
    (only,) = inputs.values()
    return only


def as_compiled(training: bool) -> Any:
    """What `fit` would differentiate."""

    def loss(model: keras.Model, inputs: dict[str, Any], labels: dict[str, Any]) -> Any:
        x = packed(model, inputs)
        predictions = model(x, training=training)
        y = labels["y"] if "y" in labels else {key[2:]: value for key, value in labels.items()} or None
        if isinstance(predictions, (list, tuple)) and isinstance(y, dict):
            y = [y[name] for name in model.output_names]
        return model.compute_loss(x=x, y=y, y_pred=predictions, training=training)

    return loss


def projection(training: bool, seed: int = 0) -> Any:
    """The surrogate, as the documentation states it: a fixed random direction for each float output."""

    def loss(model: keras.Model, inputs: dict[str, Any], labels: dict[str, Any]) -> Any:
        generator = np.random.default_rng(seed)
        total = 0.0
        for output in keras.tree.flatten(model(packed(model, inputs), training=training)):
            if output.dtype.is_floating:
                direction = generator.normal(size=output.shape) / np.sqrt(max(1, np.prod(output.shape)))
                total += tf.reduce_sum(tf.cast(output, "float32") * direction.astype("float32"))
        return total

    return loss


# -- small models ------------------------------------------------------------------------------------


def dict_inputs() -> tuple[keras.Model, dict[str, Any]]:
    return systems.concat_dense(), systems.concat_dense_sample()


def three_outputs() -> tuple[keras.Model, dict[str, Any]]:
    return systems.custom_loss(), systems.custom_loss_sample()


def one_output_read() -> tuple[keras.Model, dict[str, Any]]:
    return systems.custom_loss_careless(), systems.custom_loss_sample()


def sequence_and_vector() -> tuple[keras.Model, dict[str, Any]]:
    return systems.sequence_vector(), systems.sequence_vector_sample()


def towers_never_called() -> tuple[keras.Model, dict[str, Any]]:
    return systems.concat_dense_kept(), systems.concat_dense_sample()


def list_inputs() -> tuple[keras.Model, dict[str, Any]]:
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    hidden = layers.Concatenate()([layers.Dense(5, activation="tanh")(a), b])
    model = keras.Model([a, b], layers.Dense(2, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, {"a": floats(6, 4), "b": floats(6, 3, seed=1), "y": whole(2, 6)}


def nested_models() -> tuple[keras.Model, dict[str, Any]]:
    inner_input = keras.Input((6,))
    inner = keras.Model(inner_input, layers.Dense(4, activation="gelu")(inner_input), name="inner")
    outer_input = keras.Input((6,), name="x")
    outer = keras.Sequential([layers.Dense(6, activation="tanh"), inner, layers.LayerNormalization()], name="outer")
    model = keras.Model({"x": outer_input}, layers.Dense(1)(outer(outer_input)))
    model.compile("adam", "huber")
    return model, {"x": floats(5, 6), "y": floats(5, 1, seed=1)}


def sequential() -> tuple[keras.Model, dict[str, Any]]:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2), name="image"),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, {"image": floats(4, 8, 8, 2), "y": whole(3, 4)}


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Dense(5, activation="softplus")
        self.second = layers.Dense(1)
        self.unused = layers.Dense(2)

    def build(self, shape: Any) -> None:
        self.first.build((None, 4))
        self.second.build((None, 5))
        self.unused.build((None, 5))

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        return self.second(self.first(inputs["left"]) * self.first(inputs["right"]))


def subclassed() -> tuple[keras.Model, dict[str, Any]]:
    model = Subclassed()
    sample = {"left": floats(6, 4), "right": floats(6, 4, seed=1), "y": floats(6, 1, seed=2)}
    model.build({"left": (None, 4), "right": (None, 4)})
    model.compile("adam", "mse")
    return model, sample


def shared_layer() -> tuple[keras.Model, dict[str, Any]]:
    a, b, shared = keras.Input((4,), name="a"), keras.Input((4,), name="b"), layers.Dense(3, activation="tanh")
    model = keras.Model({"a": a, "b": b}, layers.Dot(axes=1)([shared(a), shared(b)]))
    model.compile("adam", "mae")
    return model, {"a": floats(5, 4), "b": floats(5, 4, seed=1), "y": floats(5, 1, seed=2)}


def masked_text() -> tuple[keras.Model, dict[str, Any]]:
    ids = keras.Input((6,), dtype="int32", name="ids")
    hidden = layers.LSTM(5)(layers.Embedding(12, 4, mask_zero=True)(ids))
    model = keras.Model({"ids": ids}, layers.Dense(1, activation="sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy")
    sample = whole(12, 4, 6)
    sample[:, 4:] = 0
    return model, {"ids": sample, "y": whole(2, 4, 1).astype("float32")}


def gru_and_attention() -> tuple[keras.Model, dict[str, Any]]:
    x = keras.Input((5, 4), name="x")
    hidden = layers.Bidirectional(layers.GRU(3, return_sequences=True))(x)
    hidden = layers.MultiHeadAttention(2, 3)(hidden, hidden)
    model = keras.Model({"x": x}, layers.Dense(2)(layers.GlobalAveragePooling1D()(hidden)))
    model.compile("adam", "mse")
    return model, {"x": floats(3, 5, 4), "y": floats(3, 2, seed=1)}


def regularised() -> tuple[keras.Model, dict[str, Any]]:
    x = keras.Input((4,), name="x")
    hidden = layers.Dense(5, kernel_regularizer="l2", activity_regularizer="l1", activation="tanh")(x)
    outputs = {"one": layers.Dense(1, name="one")(hidden), "two": layers.Dense(2, name="two")(hidden)}
    model = keras.Model({"x": x}, outputs)
    model.compile("adam", {"one": "mse", "two": "mae"}, loss_weights={"one": 0.3, "two": 2.0})
    return model, {"x": floats(6, 4), "y:one": floats(6, 1, seed=1), "y:two": floats(6, 2, seed=2)}


def frozen_part() -> tuple[keras.Model, dict[str, Any]]:
    model, sample = list_inputs()
    next(layer for layer in model.layers if isinstance(layer, layers.Dense)).trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, sample


def with_dropout() -> tuple[keras.Model, dict[str, Any]]:
    x = keras.Input((8,), name="x")
    hidden = layers.Dropout(0.5, seed=3)(layers.Dense(16, activation="relu")(x))
    model = keras.Model({"x": x}, layers.Dense(1)(layers.GaussianNoise(0.1)(hidden)))
    model.compile("adam", "mse")
    return model, {"x": floats(4, 8), "y": floats(4, 1, seed=1)}


@keras.saving.register_keras_serializable(package="test_gradients")
class Cutting(layers.Layer):
    def call(self, x: Any) -> Any:
        return ops.concatenate([ops.round(x[:, :2]), ops.stop_gradient(x[:, 2:4]), x[:, 4:] * 0.0], axis=-1)


def cut() -> tuple[keras.Model, dict[str, Any]]:
    x, z = keras.Input((6,), name="x"), keras.Input((6,), name="z")
    hidden = Cutting()(layers.Dense(6)(x))
    model = keras.Model({"x": x, "z": z}, layers.Dense(1)(layers.Concatenate()([hidden, layers.ReLU()(z)])))
    model.compile("adam", "mse")
    return model, {"x": floats(4, 6), "z": -np.abs(floats(4, 6, seed=1)), "y": floats(4, 1, seed=2)}


SMALL = [
    dict_inputs, three_outputs, one_output_read, sequence_and_vector, towers_never_called, list_inputs,
    nested_models, sequential, subclassed, shared_layer, masked_text, gru_and_attention, regularised,
    frozen_part, with_dropout, cut,
]  # fmt: skip


@pytest.mark.parametrize("mode", ["training", "inference"])
@pytest.mark.parametrize("build", SMALL, ids=lambda build: build.__name__)
def test_small_models(build: Callable[[], Any], mode: str) -> None:
    keras.utils.set_random_seed(1)
    model, sample = build()
    result = gradlint.check(model, sample, mode=mode, probes=1)
    assert_equal(result, independent(model, sample, as_compiled(mode == "training")))


@pytest.mark.parametrize("build", [dict_inputs, gru_and_attention, regularised], ids=lambda build: build.__name__)
def test_the_surrogate_loss(build: Callable[[], Any]) -> None:
    model, sample = build()
    bare = keras.models.clone_model(model)
    bare.set_weights(model.get_weights())
    inputs = {key: value for key, value in sample.items() if not key.startswith("y")}
    result = gradlint.check(bare, inputs, probes=0, seed=5)
    assert result.loss.startswith("random projection")
    assert_equal(result, independent(bare, inputs, projection(True, seed=5)))


def test_a_callable() -> None:
    tower1, tower2 = systems.tower(1), systems.tower(2)
    sample = systems.concat_dense_sample()

    def distance(batch: dict[str, Any]) -> Any:
        return tf.reduce_mean(tf.square(tower1(batch["model1"]) - tower2(batch["model2"]) * batch["y"]))

    result = gradlint.check(distance, sample, models=[tower1, tower2], probes=0)
    inputs, labels = tensors(sample)
    variables = [*tower1.variables, *tower2.variables]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(list(inputs.values()))
        value = distance({**inputs, **labels})
    slopes = tape.gradient(value, inputs)
    own = tape.gradient(value, [variable.value for variable in variables])
    expected = Expected(
        {key: norm(slope) for key, slope in slopes.items()},
        [(variable, norm(slope)) for variable, slope in zip(variables, own, strict=True)],
    )
    assert_equal(result, expected)


@pytest.mark.parametrize("build", [dict_inputs, nested_models, shared_layer], ids=lambda build: build.__name__)
def test_finite_differences(build: Callable[[], Any]) -> None:
    """The norm of a gradient is the slope of the loss along its own direction."""
    keras.utils.set_random_seed(2)
    model, sample = build()
    result = gradlint.check(model, sample, probes=0)
    loss = as_compiled(True)
    inputs, labels = tensors(sample)
    variables = [variable for variable in model.variables if variable.trainable]
    with tf.GradientTape() as tape:
        value = loss(model, inputs, labels)
    slopes = tape.gradient(value, [variable.value for variable in variables])
    step = 1e-2
    for status, variable, slope in zip(result.variables, variables, slopes, strict=True):
        direction = slope / tf.norm(slope)
        values = []
        for sign in (1.0, -1.0):
            variable.assign_add(sign * step * direction)
            values.append(float(loss(model, inputs, labels)))
            variable.assign_sub(sign * step * direction)
        assert status.norm == pytest.approx((values[0] - values[1]) / (2 * step), rel=0.02, abs=1e-4), status.path


# -- the healthy cases -------------------------------------------------------------------------------

NOT_FLOAT32 = {"mixed_float16_cnn": "computes in float16"}


def case_names() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.py")) if CASES.is_dir() else []


def family(name: str) -> str:
    """The public models are of two families; the others are taken by fours."""
    start = name.partition("_")[0]
    return start if start in ("app", "hub") else str(case_names().index(name) // 4)


def load_case(name: str) -> Any:
    if name.startswith("hub_"):
        pytest.importorskip("keras_hub")
    if name in NOT_FLOAT32:
        pytest.skip(NOT_FLOAT32[name])
    spec = importlib.util.spec_from_file_location(f"case_{name}", CASES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        pytest.skip(str(error))
    return module


def case_loss(case: Any, model: keras.Model, sample: dict[str, Any]) -> Any:
    if hasattr(case, "loss"):  # written by the author of the case
        return lambda model, inputs, labels: case.loss(model, inputs, labels.get("y"), True)
    has_labels = any(key == "y" or key.startswith("y:") for key in sample)
    if model.compiled and (has_labels or type(model).compute_loss is not keras.Model.compute_loss):
        return as_compiled(True)
    return projection(True)


@pytest.mark.skipif(not case_names(), reason="the folder of cases is not here")
@pytest.mark.parametrize("name", representatives(case_names(), family))
def test_healthy_cases(name: str) -> None:
    case = load_case(name)
    keras.utils.set_random_seed(0)
    model, sample = case.build(), case.sample()
    result = gradlint.check(model, sample, probes=0)
    assert_equal(result, independent(model, sample, case_loss(case, model, sample)))
