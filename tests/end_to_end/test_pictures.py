"""What a picture of the layers needs comes with every result that has a graph."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import gradlint
from gradlint.report.layers import layer_picture
from gradlint.result import STREAMS, Streams


@pytest.mark.parametrize("depth", ["values", "structure"])
def test_a_result_carries_how_its_gradient_flows(depth):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1)])
    result = gradlint.check(model, {"x": np.ones((2, 4), "float32")}, depth=depth)
    assert isinstance(result.graph.graph[STREAMS], Streams)
    assert layer_picture(result.graph, result.findings).links
