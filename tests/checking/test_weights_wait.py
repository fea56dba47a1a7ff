"""The weights in a file are looked at once the model is to be loaded, and not for a mistake that shows before."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest

import gradlint
from gradlint.load import preflight

if TYPE_CHECKING:
    from pathlib import Path

CHECK = """import sys, gradlint
found = gradlint.check("m.keras", "s.npz").findings
print([finding.code for finding in found], "h5py" in sys.modules)"""


def saved(folder: Path) -> None:
    inputs = {"x": keras.Input((3,), name="x"), "age": keras.Input((1,), name="age")}
    keras.Model(inputs, keras.layers.Dense(1)(inputs["x"])).save(folder / "m.keras")
    np.savez(folder / "s.npz", x=np.ones((4, 3), "float32"), age=np.ones((4, 1), "float32"))


def test_a_mistake_on_paper_is_told_without_them(tmp_path: Path) -> None:
    saved(tmp_path)
    done = subprocess.run([sys.executable, "-c", CHECK], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "['GL101'] False\n"


@pytest.mark.parametrize(("depth", "asked"), [("preflight", [True]), ("structure", [False]), ("values", [False, True])])
def test_who_looks_at_them(depth: str, asked: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1)])
    model.save(tmp_path / "m.keras")
    seen: list[bool] = []
    original = preflight.config_and_weights

    def watching(file, limits, weights):
        seen.append(weights)
        return original(file, limits, weights)

    monkeypatch.setattr(preflight, "config_and_weights", watching)
    gradlint.check(tmp_path / "m.keras", {"x": np.ones((4, 3), "float32")}, depth=depth)
    assert seen == asked
