"""Words of `fit` that people hand on to a check."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.trainers.data_adapters.data_adapter_utils import class_weight_to_sample_weights

import gradlint
from gradlint.checking.arguments import weighed_by_class

X = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32")
Y = np.array([0, 1, 2, 0, 1, 2, 2, 2])


@pytest.fixture(scope="module")
def model():
    made = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(3)])
    made.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return made


def test_a_batch_size_is_the_number_of_rows(model) -> None:
    given = gradlint.check(model, x=X, y=Y, batch_size=4)
    assert given.to_json() == gradlint.check(model, x=X, y=Y, batch=4).to_json()
    assert given.sample.startswith("1 input of 4 rows")
    gradlint.assert_gradients_flow(model, X, Y, batch_size=4)
    with pytest.raises(gradlint.UsageError, match="batch=2 and batch_size=4 mean the same, and differ"):
        gradlint.check(model, X, Y, batch=2, batch_size=4)


@pytest.mark.parametrize("labels", [Y, Y[:, None], np.eye(3)[Y], Y.astype("float32"), list(Y), tf.constant(Y)])
def test_class_weights_are_those_of_fit(labels) -> None:
    weights = {0: 1.0, 2: 4.0}
    *_, found = weighed_by_class((X, labels), weights)
    np.testing.assert_array_equal(found, class_weight_to_sample_weights(np.asarray(labels), weights))


def test_class_weights_weigh_the_labels(model) -> None:
    weighed = gradlint.check(model, X, Y, class_weight={0: 3.0})
    rows = np.where(Y == 0, 3.0, 1.0).astype("float32")
    assert weighed.to_json() == gradlint.check(model, X, Y, rows).to_json() != gradlint.check(model, X, Y).to_json()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"epochs": 3}, "epochs is not needed: a check runs single steps of one batch. Leave it out"),
        ({"verbose": 0, "shuffle": True}, "verbose is not needed: .*; shuffle is not needed: .*. Leave them out"),
        ({"validation_data": (X, Y)}, "validation_data is not needed: a check looks at how the training batch trains"),
        ({"callbacks": []}, r"callbacks=\[gradlint.GradientCheck\(\)\]"),
        ({"steps_per_epoch": 2}, "steps_per_epoch is not needed"),
        ({"class_weight": [1.0, 2.0]}, "class_weight must be a dict, not list"),
        ({"class_weight": {0: 1.0}, "sample_weight": np.ones(8)}, "class_weight and sample_weight are both given"),
    ],
)
def test_what_a_check_does_not_need_is_told(model, words, said) -> None:
    """Each ended with Python's own TypeError."""
    with pytest.raises(gradlint.UsageError, match=said):
        gradlint.check(model, x=X, y=Y, **words)


def test_class_weights_need_labels(model) -> None:
    with pytest.raises(gradlint.UsageError, match="class_weight needs one array of labels"):
        gradlint.check(model, {"x": X, "y": Y}, class_weight={0: 1.0})


def test_what_is_no_word_of_fit_is_pythons_own_error(model) -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'probe'; did you mean 'probes'"):
        gradlint.check(model, X, Y, probe=2)
