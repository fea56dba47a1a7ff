"""One factor of zeros after the other, on real models."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import gradlint


def two_tables(first, second):
    keras.utils.set_random_seed(0)
    user, item = (keras.Input((1,), dtype="int32", name=name) for name in ("user", "item"))
    rows = [
        keras.layers.Embedding(9, 4, embeddings_initializer=start, name=f"{key.name}_table")(key)
        for key, start in ((user, first), (item, second))
    ]
    offset = keras.layers.Embedding(9, 1)(user)
    score = keras.layers.Flatten()(keras.layers.Dot(axes=2)(rows) + offset)
    model = keras.Model({"user": user, "item": item}, score)
    model.compile("adam", "mse")
    ids = np.arange(16, dtype="int32")[:, None] % 9
    return model, {"user": ids, "item": ids[::-1], "y": (ids % 3).astype("float32")}


def test_two_tables_of_zeros_that_are_multiplied():
    """No kernel, and no layer of one of them, is between the product and the tables."""
    (finding,) = (f for f in gradlint.check(*two_tables("zeros", "zeros")).findings if str(f.severity) == "error")
    assert (finding.code, sorted(finding.variables)) == ("GL207", ["item_table/embeddings", "user_table/embeddings"])
    assert "keep each other so" in finding.message
    assert any("alone" in said for said in finding.evidence["experiments"])


@pytest.mark.parametrize("starts", [("zeros", "uniform"), ("uniform", "zeros")])
def test_one_table_of_zeros_is_fine(starts):
    result = gradlint.check(*two_tables(*starts))
    assert [finding.code for finding in result.findings if str(finding.severity) != "info"] == []
