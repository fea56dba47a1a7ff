"""Live models of `tf_keras`, which are checked as functions of their sample."""

from __future__ import annotations

import numpy as np
import pytest

import gradlint

tf_keras = pytest.importorskip("tf_keras")
X, Y = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32"), np.linspace(0, 1, 8).reshape(8, 1).astype("float32")


def towers(cut: bool):
    import tensorflow as tf

    left, right = tf_keras.Input((3,), name="left"), tf_keras.Input((3,), name="right")
    one, other = tf_keras.layers.Dense(4, name="one")(left), tf_keras.layers.Dense(4, name="other")(right)
    other = tf.round(other) if cut else other
    model = tf_keras.Model([left, right], tf_keras.layers.Dense(1, name="head")(one + other))
    model.compile("adam", "mse")
    return model


def test_a_cut_is_found_with_the_variables_behind_it() -> None:
    result = gradlint.check(towers(cut=True), ({"left": X, "right": X}, Y))
    (finding,) = result.failures
    assert (finding.code, finding.cause.op, finding.inputs) == ("GL103", "Round", ("right",))
    assert len(finding.variables) == 2


def test_a_healthy_model_has_no_finding() -> None:
    assert gradlint.check(towers(cut=False), ([X, X], Y)).ok


def test_without_labels_it_says_what_it_needs() -> None:
    with pytest.raises(gradlint.UsageError, match="compile it, and give the labels"):
        gradlint.check(towers(cut=False), {"left": X, "right": X})


def test_its_file_is_answered_with_the_way_to_check_it(tmp_path) -> None:
    towers(cut=True).save(tmp_path / "old.keras")
    with pytest.raises(gradlint.ModelFileError, match=r"gradlint\.check\(tf_keras\.models\.load_model"):
        gradlint.check(tmp_path / "old.keras", ({"left": X, "right": X}, Y))


def test_its_h5_is_not_refused_for_its_optimizer(tmp_path) -> None:
    model = tf_keras.Sequential([tf_keras.Input((3,), name="x"), tf_keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.save(tmp_path / "old.h5")
    assert gradlint.check(tmp_path / "old.h5", (X, Y)).ok
