"""A training step by its name, as the command line takes it."""

from __future__ import annotations

import numpy as np
import pytest

import gradlint
from gradlint.cli import main

STEP = """
import keras, tensorflow as tf
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
optimizer = keras.optimizers.SGD(0.1)

@tf.function
def train_step(x, y):
    prediction = net(x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((prediction - y) ** 2)
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "own_training.py").write_text(STEP)
    np.savez(tmp_path / "s.npz", x=np.ones((8, 4), "float32"), y=np.ones((8, 1), "float32"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_step_is_named_like_a_factory(project):
    result = gradlint.check("own_training:train_step", str(project / "s.npz"))
    assert [(finding.code, finding.cause.line) for finding in result.findings] == [("GL601", 8)]


def test_the_command_line_takes_a_sample_by_name(project, capsys):
    assert main(["own_training:train_step", "--sample", "s.npz", "--no-isolate", "--format", "concise"]) == 1
    assert "GL601" in capsys.readouterr().out


def test_a_step_needs_a_sample(project):
    with pytest.raises(gradlint.UsageError, match="give it a sample"):
        gradlint.check("own_training:train_step")
