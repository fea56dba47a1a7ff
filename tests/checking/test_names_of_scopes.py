"""Names that eager mode takes and a graph does not: every depth checks the model, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from gradlint.upstream.scopes import is_scope_name, scope_name

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("dense", "My model", " head", "a b", "a>b", "a\\b", "é", "_a", "-a", ".a", "a*b", "a\nb", "a/b", "9")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_root", [True, False])
def test_it_is_what_a_graph_says(name: str, is_root: bool) -> None:
    def taken(name: str) -> bool:
        with tf.Graph().as_default(), tf.name_scope("outer" if not is_root else ""):
            try:
                with tf.name_scope(name):
                    return True
            except ValueError:
                return False

    assert is_scope_name(name, is_root=is_root) == taken(name)
    assert taken(scope_name(name))


@pytest.mark.parametrize("depth", ["values", "structure", "preflight"])
def test_every_depth_says_the_same(depth: str, tmp_path: Path) -> None:
    x = keras.Input((3,), name="the input")
    h = keras.layers.Dense(2, activation="relu", name="_first")(x)
    model = keras.Model(x, keras.layers.Dense(1, name=" head")(h), name="My model")
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.keras")
    rng = np.random.default_rng(0)
    sample = {"the input": rng.normal(size=(4, 3)).astype("float32"), "y": rng.normal(size=(4, 1)).astype("float32")}
    result = gradlint.check(str(tmp_path / "m.keras"), sample, depth=depth)
    assert result.findings == ()
    (note,) = result.notes
    assert "no scope named 'My model', ' head', and fit builds one" in note


def test_names_that_a_graph_takes_are_not_mentioned() -> None:
    x = keras.Input((3,), name="x y")
    model = keras.Model(x, keras.layers.Dense(1, name="_out-1")(x), name="m>1")
    assert gradlint.check(model, {"x y": np.ones((4, 3), "float32")}, depth="structure").notes == ()
