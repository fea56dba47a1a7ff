"""A check never changes what it checks, and leaves nothing of itself behind."""

from __future__ import annotations

import contextlib
import gc
import random
import re
import sys
import threading
import warnings
import weakref
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.src.backend.common import global_state
from keras.src.ops.operation import Operation
from keras.src.optimizers.base_optimizer import BaseOptimizer
from keras.src.optimizers.loss_scale_optimizer import LossScaleOptimizer
from recorded import normal, recorded
from tensorflow.python import pywrap_tfe
from tensorflow.python.distribute.distribute_lib import StrategyBase
from tensorflow.python.eager import context, imperative_grad, record
from tensorflow.python.eager.polymorphic_function import polymorphic_function
from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction
from tensorflow.python.framework import ops
from tensorflow.python.ops import cond_v2, custom_gradient, resource_variable_ops, script_ops, while_v2

import gradlint
from gradlint import upstream
from gradlint.record.step import Observation
from gradlint.record.step_task import StepTask
from gradlint.thresholds import DEFAULT_THRESHOLDS
from gradlint.upstream.names import place_of
from gradlint.upstream.patching import definer

PATCHED = [
    (custom_gradient, "_eager_mode_decorator"),
    (custom_gradient, "_graph_mode_decorator"),
    (record, "record_operation"),
    (imperative_grad, "imperative_grad"),
    (script_ops, "py_func_common"),
    (script_ops, "tape_cache"),
    (script_ops, "backprop"),
    *[(ops._EagerTensorBase, name) for name in ("numpy", "__array__", "__float__", "__int__", "__bool__", "__index__")],
    *[(ops._EagerTensorBase, name) for name in ("__array_function__", "__array_wrap__")],
    *[(np, name) for name in ("array", "asarray", "asanyarray", "ascontiguousarray")],
    (resource_variable_ops, "variable_accessed"),
    (resource_variable_ops.BaseResourceVariable, "_handle"),
    (ConcreteFunction, "_call_flat"),
    (Operation, "__call__"),
    (BaseOptimizer, "__init__"),
    (BaseOptimizer, "apply"),
    (BaseOptimizer, "apply_gradients"),
    (cond_v2, "cond_v2"),
    (cond_v2, "indexed_case"),
    (while_v2, "while_loop"),
    (polymorphic_function.Function, "__call__"),
    *[(tf.GradientTape, name) for name in ("gradient", "jacobian", "batch_jacobian")],
    *[(tf.GradientTape, name) for name in ("watch", "reset", "_push_tape", "_pop_tape")],
    (tf.autodiff.ForwardAccumulator, "jvp"),
    (BaseOptimizer, "scale_loss"),
    (LossScaleOptimizer, "apply"),
    (LossScaleOptimizer, "scale_loss"),
    *[(pywrap_tfe, name) for name in ("TFE_Py_FastPathExecute", "TFE_Py_Execute")],
    (keras.Layer, "losses"),
    *[(StrategyBase, name) for name in ("run", "reduce")],
    (tf.distribute.Strategy, "gather"),
    *[(definer(keras.Model, name), name) for name in ("predict", "evaluate")],
]
IN_LOOPS = {"jacobian", "batch_jacobian", "losses", "predict", "evaluate"}
"""Names that are patched under a variable's name, in the room itself."""
ORIGINALS = {(owner, name): vars(owner).get(name) for owner, name in PATCHED}


def changed_names():
    """Names that are no longer what they were before the first check."""
    return [name for (owner, name), value in ORIGINALS.items() if vars(owner).get(name) is not value]


class Unsteady(layers.Layer):
    """Fails when it is told to."""

    fails = False

    def call(self, x):
        if type(self).fails and tf.executing_eagerly():
            return tf.reshape(x, (7, 11, 13))
        return x


class Broken(Unsteady):
    """Fails with something else than a shape."""

    def call(self, x):
        if type(self).fails and tf.executing_eagerly():
            raise KeyError("lost")
        return x


class Interrupted(Unsteady):
    """The user presses Ctrl+C."""

    def call(self, x):
        if type(self).fails and tf.executing_eagerly():
            raise KeyboardInterrupt
        return x


def model_with_state(layer=Unsteady):
    """Statistics, seeds, an optimizer with slots, metrics, and a layer that may fail."""
    x = keras.Input((5,), name="x")
    h = layers.BatchNormalization(name="bn")(layers.Dense(6, name="fc")(x))
    h = layers.Dropout(0.5, seed=3, name="drop")(layers.Activation("relu")(h))
    h = layers.GaussianNoise(0.1, name="noise")(layer(name="unsteady")(h))
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(h), name="stateful")
    model.compile("adam", "mse", metrics=["mae"], weighted_metrics=["mse"], jit_compile=False)
    return model


def sample():
    return {"x": normal(8, 5), "y": normal(8, 1, seed=1)}


def trained(layer=Unsteady):
    model = model_with_state(layer)
    model.train_on_batch({"x": sample()["x"]}, sample()["y"])
    return model


@contextlib.contextmanager
def failing(layer):
    layer.fails = True
    try:
        yield
    finally:
        layer.fails = False


def values_of(model):
    found = {f"{number} {v.path}": np.array(v) for number, v in enumerate(model.variables)}
    found |= {f"optimizer {v.path}": np.array(v) for v in model.optimizer.variables}
    return found | {f"metric {v.path}": np.array(v) for v in model.metrics_variables}


def settings():
    return {
        "eager": tf.config.functions_run_eagerly(),
        "floatx": keras.config.floatx(),
        "policy": keras.config.dtype_policy().name,
        "traceback": keras.config.is_traceback_filtering_enabled(),
        "image": keras.config.image_data_format(),
        "epsilon": keras.config.epsilon(),
        "seed": context.context()._seed,
        "rng": context.context()._rng.getstate() if getattr(context.context(), "_rng", None) is not None else None,
        "random": random.getstate(),
        "numpy": [str(part) for part in np.random.get_state()],
        "uids": dict(global_state.get_global_attribute("object_name_uids") or {}),
        "trace": sys.gettrace(),
        "profile": sys.getprofile(),
        "filters": list(warnings.filters),
        "callbacks": list(context.context().op_callbacks),
        "np errors": np.geterr(),
        "recursion": sys.getrecursionlimit(),
    }


OUTCOMES = {
    "runs": (Unsteady, False, gradlint.Result),
    "fails over a shape": (Unsteady, True, gradlint.Result),
    "raises": (Broken, True, gradlint.GradlintError),
    "is interrupted": (Interrupted, True, KeyboardInterrupt),
}


@pytest.fixture(params=OUTCOMES, scope="class")
def checked(request):
    """A model, its values and the settings before and after a check, and what came of the check."""
    layer, fails, _ = OUTCOMES[request.param]
    model = trained(layer)
    keras.utils.set_random_seed(7)
    tf.random.normal(())
    before = values_of(model), settings()
    with failing(layer) if fails else contextlib.nullcontext():
        try:
            outcome = gradlint.check(model, sample())
        except (gradlint.GradlintError, KeyboardInterrupt) as error:
            outcome = error
    after = values_of(model), settings()
    return request.param, model, before, after, outcome


class TestNothingChanges:
    def test_outcome(self, checked):
        name, _, _, _, outcome = checked
        assert isinstance(outcome, OUTCOMES[name][2])

    def test_variables(self, checked):
        _, _, (before, _), (after, _), _ = checked
        assert list(before) == list(after)
        assert [name for name in before if not np.array_equal(before[name], after[name])] == []

    def test_settings(self, checked):
        _, _, (_, before), (_, after), _ = checked
        assert {name: (before[name], after[name]) for name in before if str(before[name]) != str(after[name])} == {}

    def test_patches(self, checked):
        assert changed_names() == []

    def test_losses(self, checked):
        _, model, _, _, _ = checked
        assert model.losses == []

    def test_training_goes_on(self, checked):
        _, model, _, _, _ = checked
        assert model.compiled
        assert model.loss == "mse"
        assert [metric.name for metric in model.metrics] == ["loss", "compile_metrics"]
        assert not model.run_eagerly
        steps = int(model.optimizer.iterations)
        assert np.isfinite(model.train_on_batch({"x": sample()["x"]}, sample()["y"])[0])
        assert int(model.optimizer.iterations) == steps + 1


def test_the_list_of_patches_is_complete():
    """What the room of rented names patches is what is compared above."""
    text = "".join(path.read_text() for path in Path(upstream.__file__).parent.glob("*.py"))
    named = set(re.findall(r'(?:patched|added)\((?:\w+(?:\.\w+)*|value_of\("\w+"\)), "(\w+)"', text))
    named |= {place_of(name).attribute for name in re.findall(r'\breplaced\("([^"]+)"', text)}
    named |= {"apply", "apply_gradients"}  # wherever Keras defines them
    watched = {
        name for group in re.findall(r"_watching_methods\(\(([^)]*)\)", text) for name in re.findall(r'"(\w+)"', group)
    }
    assert named | watched == {name for _, name in PATCHED} - IN_LOOPS


def test_patches_after_a_step():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_regularizer="l2")])
    optimizer = keras.optimizers.SGD(0.1)

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x)) + sum(model.losses)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    before = settings()
    gradlint.check_step(step, np.ones((4, 3), "float32"))
    after = settings()
    assert changed_names() == []
    assert {name: (before[name], after[name]) for name in before if str(before[name]) != str(after[name])} == {}
    assert not optimizer.built


def test_a_gradient_function_that_fails_fails_again_afterwards():
    """During a check it counts as one that hands on nothing."""

    @tf.custom_gradient
    def fails(value):
        def backward(upstream):
            raise RuntimeError("as it should")

        return value * 1.0, backward

    class Fails(layers.Layer):
        def call(self, value):
            return fails(value)

    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1)(Fails(name="fails")(layers.Dense(3)(x))))
    assert [f.code for f in gradlint.check(model, {"x": normal(4, 5)}).findings] == ["GL103"]
    with tf.GradientTape() as tape:
        y = model({"x": normal(4, 5)})
    with pytest.raises(RuntimeError, match="as it should"):
        tape.gradient(y, model.trainable_variables)
    with tf.GradientTape() as tape:
        a = tf.eye(2, dtype="complex64")
        tape.watch(a)
        unregistered = tf.raw_ops.MatrixLogarithm(input=a)
    with pytest.raises(LookupError):
        tape.gradient(unregistered, a)


def test_two_checks_give_the_same():
    model = trained()
    first, second = gradlint.check(model, sample()), gradlint.check(model, sample())
    assert first.to_json() == second.to_json()
    assert first.findings == second.findings


def test_a_check_before_the_seed_is_set_leaves_it_unset():
    model = trained()
    context.context()._seed = None
    context.context()._rng = None
    gradlint.check(model, sample())
    assert context.context()._seed is None


def test_random_numbers_go_on_as_if_nothing_happened():
    model = trained()

    def draws(check):
        keras.utils.set_random_seed(5)
        global_state.set_global_attribute("global_seed_generator", None)  # Keras 3.12 keeps it
        first = float(tf.random.uniform(())), float(keras.random.uniform(())), random.random(), np.random.rand()
        if check:
            gradlint.check(model, sample())
        second = float(tf.random.uniform(())), float(keras.random.uniform(())), random.random(), np.random.rand()
        return first, second

    assert draws(check=False) == draws(check=True)


def test_operations_without_a_seed_of_their_own_draw_the_same_in_every_run():
    class Noisy(layers.Layer):
        def call(self, x):
            return x + keras.random.normal(keras.ops.shape(x))

    x = keras.Input((3,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1)(Noisy()(x)))
    model.compile("sgd", "mse")
    arrays = {"x": np.ones((4, 3), "float32"), "y": np.ones((4, 1), "float32")}
    first, second = (gradlint.check(model, arrays).to_json() for _ in range(2))
    assert first == second


def test_names_of_new_layers_go_on_as_if_nothing_happened():
    model = trained()
    first = layers.Dense(1).name
    gradlint.check(model, sample())
    second = layers.Dense(1).name
    number = int(f"{first}_0".split("_")[1])
    assert second == f"dense_{number + 1}"


def test_an_optimizer_that_was_never_used_stays_unbuilt():
    model = model_with_state()
    gradlint.check(model, sample())
    assert not model.optimizer.built
    assert [v for v in model.optimizer.variables if "moment" in v.path] == []


def test_a_model_that_was_never_compiled():
    model = model_with_state()
    bare = keras.Model(model.inputs, model.outputs)
    gradlint.check(bare, {"x": sample()["x"]})
    assert not bare.compiled


def test_trainable_flags():
    model = trained()
    model.get_layer("fc").trainable = False
    before = [v.trainable for v in model.variables]
    gradlint.check(model, sample())
    assert [v.trainable for v in model.variables] == before


def test_the_sample_is_not_written_to():
    arrays = sample()
    for array in arrays.values():
        array.flags.writeable = False
    before = {key: value.copy() for key, value in arrays.items()}
    gradlint.check(trained(), arrays)
    assert all(np.array_equal(before[key], arrays[key]) for key in arrays)


def test_the_model_and_its_tensors_are_let_go():
    model = trained()
    reference = weakref.ref(model.get_layer("fc"))
    result = gradlint.check(model, sample())
    del model
    keras.backend.clear_session()
    gc.collect()
    assert result.variables
    assert reference() is None


def test_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = model_with_state()
        gradlint.check(model, sample())
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy("float32")


def test_while_functions_run_eagerly():
    tf.config.run_functions_eagerly(True)
    try:
        gradlint.check(trained(), sample())
        assert tf.config.functions_run_eagerly()
    finally:
        tf.config.run_functions_eagerly(False)


def test_under_a_tape_of_the_callers():
    """Somebody else's tape neither breaks the check nor records it."""
    model, x = trained(), tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        result = gradlint.check(model, sample())
        z = y * 2.0
    assert result.ok
    assert float(tape.gradient(z, x)) == 12.0


# -- threads -----------------------------------------------------------------------------------------


def in_thread(function):
    found = []

    def run():
        try:
            found.append(function())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(120)
    (result,) = found
    return result


class Counting(layers.Layer):
    """Keeps a mean in a variable that no model lists."""

    def __init__(self):
        super().__init__()
        self.kept = SimpleNamespace(last=tf.Variable(tf.ones(3), trainable=False))

    def call(self, x):
        self.kept.last.assign(tf.reduce_mean(x, 0))
        return x


def test_what_is_kept_of_an_unlisted_variable_is_in_no_recording():
    counting = Counting()
    x = keras.Input((3,), name="x")
    recording = recorded(keras.Model(x, layers.Dense(1)(counting(x))), {"x": normal(4, 3)})
    first = [op.type for op in recording.ops][:3]
    assert first == ["Mean", "AssignVariableOp", "ReadVariableOp"]  # the last one is of the kernel
    np.testing.assert_array_equal(counting.kept.last, np.ones(3))


def test_a_step_that_only_assigns_to_a_variable_reads_none():
    total, x = tf.Variable(0.0), tf.ones(3)
    with Observation(StepTask("step"), DEFAULT_THRESHOLDS, __file__) as observation:
        total.assign(tf.reduce_sum(x))
        made = [op.type for op in observation.trace.ops]
        observation.end()
    assert made[-1] == "AssignVariableOp"
    assert "ReadVariableOp" not in made
    assert float(total) == 0.0


def test_in_another_thread():
    model = trained()
    expected = gradlint.check(model, sample())
    result = in_thread(lambda: gradlint.check(model, sample()))
    assert isinstance(result, gradlint.Result), result
    assert result.findings == expected.findings
    assert [v.gradient for v in result.variables] == [v.gradient for v in expected.variables]


def test_other_threads_are_not_recorded():
    """What another thread computes meanwhile belongs to nobody's model."""
    model, stop = trained(), threading.Event()

    def busy():
        while not stop.is_set():
            with tf.GradientTape() as tape:
                x = tf.constant([1.0, 2.0])
                tape.watch(x)
                y = tf.math.erfc(x)
            tape.gradient(y, x)

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        result = gradlint.check(model, sample())
    finally:
        stop.set()
        thread.join(60)
    assert result.findings == ()
    assert "Erfc" not in {data.get("type") for _, data in result.graph.nodes(data=True)}


def test_a_model_that_trains_in_another_thread_meanwhile():
    """Its calls are not taken for those of the model under check, and its optimizer goes on working."""
    model, other, stop = (
        trained(),
        keras.Sequential([keras.Input((5,)), layers.Dense(1, name="elsewhere")]),
        threading.Event(),
    )
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(other.trainable_variables)
    steps = []

    def train():
        while not stop.is_set():
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(other(normal(2, 5)) - 1.0))
            optimizer.apply(tape.gradient(loss, other.trainable_variables))
            steps.append(1)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        expected = gradlint.check(model, sample())
        result = gradlint.check(model, sample())
    finally:
        stop.set()
        thread.join(60)
    assert steps
    assert int(optimizer.iterations) == len(steps)
    assert result.findings == expected.findings == ()
    layers_seen = {data.get("layer") for _, data in result.graph.nodes(data=True)}
    assert not any("elsewhere" in (layer or "") for layer in layers_seen)


def test_two_checks_at_once():
    """Two threads: both right, or one refused with a message; never a wrong answer, never a patch left behind."""
    models = [trained(), trained()]
    expected = [gradlint.check(model, sample()).findings for model in models]
    found = [None, None]

    def run(number):
        try:
            found[number] = gradlint.check(models[number], sample()).findings
        except gradlint.GradlintError as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for number in range(2):
        assert isinstance(found[number], gradlint.GradlintError) or found[number] == expected[number]
    assert changed_names() == []
