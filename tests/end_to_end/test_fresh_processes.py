"""What only a process of its own shows: which backend Keras starts on, and that equal seeds draw the same."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from running import FIXTURES

if TYPE_CHECKING:
    from pathlib import Path

MODEL = (
    str(FIXTURES / "custom_loss.keras"),
    str(FIXTURES / "custom_loss.npz"),
    "--import",
    str(FIXTURES / "systems.py"),
)


def gradlint(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gradlint", *arguments, "--no-cache"]
    return subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True)


@pytest.mark.parametrize("backend", ["jax", pytest.param("torch", marks=pytest.mark.exhaustive), "nonsense"])
def test_another_backend_is_one_sentence_and_exit_status_2(backend: str, tmp_path: Path) -> None:
    """Whether it is installed or not: gradlint reads TensorFlow's gradients."""
    done = gradlint(*MODEL, folder=tmp_path, KERAS_BACKEND=backend)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("gradlint: Keras ")
    assert backend in line
    assert line.endswith("; set KERAS_BACKEND=tensorflow")


def test_without_a_backend_tensorflow_is_taken_whatever_keras_is_configured_to(tmp_path: Path) -> None:
    """An empty variable names none, and left the choice to the file."""
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    done = gradlint(*MODEL, "--format", "concise", folder=tmp_path, KERAS_BACKEND="", KERAS_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_tensorflow_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken" / "tensorflow").mkdir(parents=True)
    (tmp_path / "broken" / "tensorflow" / "__init__.py").write_text("raise ImportError('libfoo.so: cannot open')")
    done = gradlint(*MODEL, folder=tmp_path, PYTHONPATH=str(tmp_path / "broken"))
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("gradlint: TensorFlow or Keras cannot be imported: ImportError: libfoo.so: cannot open. Try")


ROUNDING = """
import keras
import numpy as np

import gradlint

x = keras.Input((3,))
hidden = keras.layers.Dense(4)(x)
rounded = keras.ops.round(hidden)
model = keras.Model(x, keras.layers.Dense(1)(rounded))
print(gradlint.check(model, np.ones((4, 3), "float32"), select="GL103").findings[0].cause)
"""


def test_an_operation_that_a_script_applies_to_an_input_has_its_line(tmp_path: Path) -> None:
    """Other tests round, too, and are loaded beside this one."""
    (tmp_path / "net.py").write_text(ROUNDING.lstrip())
    done = subprocess.run([sys.executable, "net.py"], cwd=tmp_path, capture_output=True, text=True)
    assert f"Cause(layer='round', op='Round', file={str(tmp_path / 'net.py')!r}, line=8)" in done.stdout


DRAWING = """
import random

import keras
import numpy as np
import tensorflow as tf

BIAS = np.random.normal(size=(8, 3)).astype("float32")

def model():
    layers = [keras.Input((3,)), keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    made = keras.Sequential(layers)
    made.compile("adam", "mse")
    return made

def batches():
    x = np.random.normal(size=(8, 3)).astype("float32") + random.random() + BIAS
    return tf.data.Dataset.from_tensor_slices((x, x[:, :1])).shuffle(8).batch(4)
"""


def test_code_of_the_users_draws_the_same_in_every_process(tmp_path: Path) -> None:
    """The model of a factory had other weights each time, and the batch of a function other values."""
    (tmp_path / "drawing.py").write_text(DRAWING)
    arguments = ("drawing.py:model", "drawing.py:batches", "--format", "json")
    first, again = (gradlint(*arguments, folder=tmp_path, PYTHONHASHSEED=str(salt)) for salt in (1, 2))
    other = gradlint(*arguments, "--seed", "1", folder=tmp_path)
    assert first.stderr == ""
    assert '"gradient": "finite"' in first.stdout
    assert first.stdout == again.stdout
    assert first.stdout != other.stdout


def test_what_the_caller_draws_afterwards_is_as_without_a_check(tmp_path: Path) -> None:
    (tmp_path / "drawing.py").write_text(DRAWING)
    program = (
        "import random; import keras, numpy as np, tensorflow as tf; import gradlint\n"
        "for check in (lambda *_: None, gradlint.check):\n"
        "    keras.utils.set_random_seed(3)\n"
        "    check('drawing.py:model', 'drawing.py:batches')\n"
        "    print(random.random(), np.random.normal(), float(tf.random.normal(())), float(keras.random.normal(())))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    without, checked = done.stdout.splitlines()
    assert without == checked
