"""Layers that are held and never called, so that they are never built."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from recorded import normal

import gradlint


class Held(keras.Model):
    """Three blocks in a list, and what else a class adds."""

    def __init__(self):
        super().__init__(name="held")
        self.blocks = []
        for _ in range(3):
            self.blocks.append(layers.Dense(6, activation="relu"))
        self.head = layers.Dense(1, name="head")

    def chosen(self, training):
        return self.blocks

    def call(self, x, training=False):
        for block in self.chosen(training):
            x = block(x)
        return self.head(x)


class OneLess(Held):
    def chosen(self, training):
        return self.blocks[:-1]


class OnlyInInference(Held):
    def chosen(self, training):
        return self.blocks[:1] if training else self.blocks


class NeverRead(Held):
    def __init__(self):
        super().__init__()
        self.leftover = layers.Dense(6)


class ForAnotherSetting(Held):
    """As the projection of a residual block that changes no width."""

    def __init__(self):
        super().__init__()
        self.projection = layers.Dense(6)

    def call(self, x, training=False):
        return super().call(self.projection(x) if x.shape[-1] != 6 else x, training)


class Alternatives(Held):
    def __init__(self):
        super().__init__()
        self.exits = {"full": layers.Dense(1), "half": layers.Dense(1)}

    def call(self, x, training=False):
        return self.exits["full"](x) + super().call(x, training)


class ByChance(Held):
    def __init__(self):
        super().__init__()
        for block in self.blocks:
            block.build((None, 6))

    def chosen(self, training):
        kept = np.random.rand(3) < 0.5
        return [block for block, keep in zip(self.blocks, kept, strict=True) if keep]


class Other(keras.Model):
    """Has an attribute of its own under the name that is also that of another class's."""

    def __init__(self):
        super().__init__()
        self.spare = layers.Dense(6)
        self.kind = "spare"

    def call(self, x):
        return getattr(self, self.kind)(x) + self.spare(x)


class NeverReadHere(Held):
    def __init__(self):
        super().__init__()
        self.spare = layers.Dense(6)


class Block(keras.layers.Layer):
    """What it holds is called by its holder, where that has another width."""

    def __init__(self):
        super().__init__()
        self.inner, self.aside = layers.Dense(6), layers.Dense(6)

    def call(self, x):
        return self.inner(x)


class ReadByItsHolder(Held):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def call(self, x, training=False):
        if x.shape[-1] != 6:
            x = self.block.aside(x)
        return super().call(self.block(x), training)


def checked(model):
    model.compile("sgd", "mse")
    return gradlint.check(model, {"x": normal(5, 6), "y": normal(5, 1, seed=1)})


@pytest.mark.parametrize(
    ("cls", "line", "words"),
    [
        (OneLess, 'self.blocks.append(layers.Dense(6, activation="relu"))', "although it calls 2 beside it"),
        (OnlyInInference, 'self.blocks.append(layers.Dense(6, activation="relu"))', "although it calls 1 beside them"),
        (NeverRead, "self.leftover = layers.Dense(6)", "no code reads what holds it"),
        (NeverReadHere, "self.spare = layers.Dense(6)", "no code reads what holds it"),
    ],
)
def test_what_is_held_and_never_called_is_told_where_it_is_made(cls, line, words):
    model = cls()
    (finding,) = checked(model).findings
    assert (finding.code, finding.severity.value) == ("GL102", "warning")
    assert words in finding.message
    assert Path(finding.cause.file).read_text().splitlines()[finding.cause.line - 1].strip() == line
    assert any(not layer.built for layer in model._flatten_layers())


@pytest.mark.parametrize("model", [Held, ForAnotherSetting, Alternatives, ByChance, ReadByItsHolder])
def test_what_is_made_for_another_setting_or_draw_is_no_alarm(model):
    assert [f for f in checked(model()).findings if f.severity.value != "info"] == []
