"""`--compare` on the command line: what is run, what is printed, which exit status."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from gradlint.cli import main

STEPS = """
import keras, tensorflow as tf
keras.utils.set_random_seed(0)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, kernel_regularizer="l2")])
net.compile(keras.optimizers.SGD(0.1), "mse")
optimizer = keras.optimizers.SGD(0.1)

def build():
    return net

def my_step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((net(x) - y) ** 2)
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "two_steps.py").write_text(STEPS)
    np.savez(tmp_path / "s.npz", x=np.ones((8, 4), "float32"), y=np.ones((8, 1), "float32"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_model_and_a_step(project, capsys):
    assert main(["two_steps:build", "s.npz", "--compare", "two_steps:my_step"]) == 1
    out = capsys.readouterr().out
    assert "added-losses" in out
    assert out.endswith("1 difference; without them the two are the same\n")


def test_the_same_and_a_file(project, capsys):
    arguments = ["two_steps:my_step", "--sample", "s.npz", "--compare", "two_steps:my_step", "--output", "c.json"]
    assert main(arguments) == 0
    assert json.loads((project / "c.json").read_text())["same"] is True
    assert "the same: " in capsys.readouterr().err


def test_a_comparison_ends_when_its_time_is_up(project):
    (project / "slow.py").write_text(STEPS + "\nimport time\ndef slow(x, y):\n    time.sleep(600)\n")
    arguments = ["slow:slow", "--sample", "s.npz", "--compare", "slow:my_step", "--timeout", "3"]
    done = subprocess.run([sys.executable, "-m", "gradlint", *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "took more than 3 seconds and was ended while comparing the two" in done.stderr


def test_a_comparison_keeps_to_the_limits_of_its_files(project, capsys):
    arguments = ["two_steps:my_step", "--sample", "s.npz", "--compare", "two_steps:my_step", "--limit", "memory=100"]
    assert main(arguments) == 2
    assert "--limit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--compare", "b.keras"], "--compare needs two"),
        (["a.keras", "--compare", "b.keras", "--format", "sarif"], "no report as sarif; there are table and json"),
        (["a.keras", "--compare", "b.keras", "--isolate"], "a.keras"),
        (["a.keras", "--compare", "b.keras"], "a.keras"),
    ],
)
def test_what_cannot_be_compared(project, capsys, arguments, said):
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def _saved(path, seed=0, **head):
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(1, **head)])
    model.compile("sgd", "mse")
    model.save(path)


def test_files_are_compared_in_a_process_of_their_own(project, capsys, monkeypatch):
    _saved("a.keras")
    _saved("b.keras", kernel_regularizer="l2")
    monkeypatch.setattr("gradlint.checking.comparing.compared", None)  # nothing of it runs here
    assert main(["a.keras", "s.npz", "--compare", "b.keras", "--isolate"]) == 1
    out = capsys.readouterr().out
    assert "added-losses" in out
    assert out.startswith("A: fit of ")
    assert str(project) not in out


def test_a_broken_file_is_told_by_the_process_that_opens_it(project, capsys, monkeypatch):
    _saved("a.keras")
    (project / "b.keras").write_bytes((project / "a.keras").read_bytes()[:-100])
    monkeypatch.setenv("CI", "true")
    assert main(["a.keras", "s.npz", "--compare", "b.keras"]) == 2
    err = capsys.readouterr().err
    assert "b.keras" in err
    assert str(project) not in err


def test_what_a_comparison_has_no_use_for_is_named(project, capsys):
    arguments = ["two_steps:my_step", "--sample", "s.npz", "--compare", "two_steps:my_step"]
    assert main([*arguments, "--select", "GL1", "--graph", "g.svg", "--cache-dir", "known"]) == 0
    assert "a comparison has no use for --select, --cache-dir, --graph" in capsys.readouterr().err
    assert not (project / "g.svg").exists()


def test_targets_are_compared_by_their_names(project, capsys):
    (project / "pyproject.toml").write_text(
        """[tool.gradlint.targets]
mine = {model = "two_steps:my_step", sample = "s.npz"}
built = {model = "two_steps:build", sample = "s.npz"}
"""
    )
    assert main(["mine", "--compare", "built"]) == 1
    assert "added-losses" in capsys.readouterr().out
    assert main(["mine", "--compare", "bilt"]) == 2
    assert "did you mean built?" in capsys.readouterr().err
