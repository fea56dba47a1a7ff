"""Arguments that nothing takes are answered with what was meant, and never laid to the user's own code."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

X, Y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
MODEL = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="last")], name="net")
MODEL.compile("sgd", "mse")
OPTIMIZER = keras.optimizers.SGD(name="plain")


def my_step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(MODEL(x, training=True) - y))
    gradients = tape.gradient(loss, MODEL.trainable_variables)
    OPTIMIZER.apply_gradients(zip(gradients, MODEL.trainable_variables, strict=True))


def refused(function, *args, **options):
    with pytest.raises(gradlint.UsageError) as caught:
        function(*args, **options)
    return str(caught.value)


@pytest.mark.parametrize("step", [my_step, tf.function(my_step)], ids=["plain", "graph"])
def test_options_that_are_misspelt_are_none_of_the_step(step):
    said = refused(gradlint.check_step, step, X, Y, ignor="GL1")
    assert said == (
        "check_step has no option 'ignor', and my_step(x, y) no argument of this name; did you mean 'ignore'?"
    )
    assert refused(gradlint.assert_step_flows, step, X, Y, alow={}).endswith("did you mean 'allow'?")
    said = refused(gradlint.compare, MODEL, step, X, Y, seeds=1)
    assert said.startswith("compare has no option 'seeds'")
    assert said.endswith("did you mean 'seed'?")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "my_step(x, y) was given 0 arguments"),
        ((X,), "my_step(x, y) was given 1 argument"),
        (((X, Y),), "my_step(x, y) was given 1 argument: hand the parts of the batch over one by one, "),
        ((X, Y, Y), "my_step(x, y) was given 3 arguments"),
    ],
)
def test_other_numbers_of_arguments_are_counted(args, said):
    assert refused(gradlint.check_step, my_step, *args).startswith(said)
    if args:
        assert refused(gradlint.compare, my_step, my_step, *args, Y, Y).startswith("my_step(x, y) was given ")


def test_a_step_of_one_batch_is_handed_its_parts_in_one():
    said = refused(gradlint.check_step, MODEL.train_step, X, Y)
    assert said == "train_step(data) was given 2 arguments: hand them over in one, check_step(train_step, (x, y))"


def test_a_step_that_fails_by_itself_is_told_as_such():
    def failing(x, *, scale=1.0):
        raise TypeError("unexpected keyword argument")

    with pytest.raises(gradlint.ModelRunError, match="the step's own code failed"):
        gradlint.check_step(failing, X, scale=2.0)


def test_what_no_one_takes_is_refused_by_its_name():
    assert refused(gradlint.watch, MODEL, ignor=()).startswith("watch has no option 'ignor'; did you mean 'ignore'?")
    assert refused(gradlint.GradientCheck, evry=1) == "GradientCheck has no option 'evry'; did you mean 'every'?"
    assert refused(gradlint.GradientCheck, 3) == "GradientCheck takes its options by name, such as every=3"
    assert refused(gradlint.GradientCheck, action="rais").endswith("did you mean 'raise'?")
    assert refused(gradlint.GradientCheck, every="epochs").endswith("did you mean 'epoch'?")
    assert (
        refused(gradlint.compare, MODEL, MODEL, X, Y, seeds=1) == "compare has no option 'seeds'; did you mean 'seed'?"
    )
    said = refused(gradlint.assert_gradients_flow, MODEL, X, Y, alow={})
    assert said == "assert_gradients_flow has no option 'alow'; did you mean 'allow'?"
    assert "without calling it" in refused(gradlint.check_step, None)


@pytest.mark.parametrize("given", [(MODEL,), ([MODEL],)])
def test_models_may_come_in_a_list_or_by_name(given):
    for watched in (gradlint.watch(*given), gradlint.watch(models=given[0])):
        with watched:
            my_step(X, Y)
        assert len(watched.result.variables) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"models": MODEL.trainable_variables}, "holds the variable 'net/last/kernel': give it as variables="),
        ({"models": OPTIMIZER}, "models must hold models or layers, and holds the SGD 'plain': give it as optimizers="),
        (
            {"variables": MODEL},
            "variables must hold variables, and holds the Sequential 'net': give it as models=",
        ),
        ({"variables": OPTIMIZER}, "variables must hold variables, and holds the SGD 'plain': give it as optimizers="),
        ({"optimizers": MODEL}, "optimizers must hold optimizers, and holds the Sequential"),
        ({"optimizers": "sgd"}, "optimizers must hold optimizers, and holds 'sgd'"),
    ],
)
def test_things_in_the_place_of_others_are_told_without_their_values(options, said):
    told = refused(gradlint.check_step, my_step, X, Y, **options)
    assert said in told
    assert "value=" not in told
