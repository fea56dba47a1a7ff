"""What cannot be checked ends with one clear message and 2, or with a finding and 1; never with a traceback."""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import systems
from keras import layers, ops
from running import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from running import Ran

MODEL = FIXTURES / "sequence_vector.keras"
SAMPLE = FIXTURES / "sequence_vector.npz"


def edited(source: Path, target: Path, **parts: bytes | None) -> Path:
    """A copy of an archive with some of its parts replaced, or (None) left out."""
    renamed = {name.replace("_json", ".json"): content for name, content in parts.items()}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = renamed.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def arrays(**changes: object) -> dict[str, object]:
    changed = {**systems.sequence_vector_sample(), **changes}
    return {key: value for key, value in changed.items() if value is not None}


def refused(ran: Ran) -> str:
    """The message of a check that could not run."""
    assert ran.status == 2, ran.out
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert "internal error" not in ran.err
    assert ran.err.startswith("gradlint: ")
    assert len(ran.err.splitlines()) <= 3
    return ran.err


# -- the model ---------------------------------------------------------------------------------------


class TestModelFile:
    def test_missing(self, shell: Callable[..., Ran]) -> None:
        assert "nowhere.keras" in refused(shell("nowhere.keras", SAMPLE))

    def test_folder(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        assert str(tmp_path) in refused(shell(tmp_path, SAMPLE))

    @pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
    def test_not_a_zip(self, shell: Callable[..., Ran], tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "broken.keras"
        path.write_bytes(content)
        assert "broken.keras" in refused(shell(path, SAMPLE))

    def test_cut_off(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        path = tmp_path / "half.keras"
        whole = MODEL.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert "half.keras" in refused(shell(path, SAMPLE))

    def test_no_config(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        path = edited(MODEL, tmp_path / "m.keras", config_json=None)
        assert "config.json" in refused(shell(path, SAMPLE))

    @pytest.mark.parametrize("config", [b"", b"{", b"[]", b"null", b"{}", b'"text"', b'{"config": 3}', b"\xff\xfe"])
    def test_senseless_config(self, shell: Callable[..., Ran], tmp_path: Path, config: bytes) -> None:
        path = edited(MODEL, tmp_path / "m.keras", config_json=config)
        refused(shell(path, SAMPLE))

    def test_no_weights(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        path = edited(MODEL, tmp_path / "m.keras", **{"model.weights.h5": None})
        refused(shell(path, SAMPLE))

    def test_weights_of_another_model(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        with zipfile.ZipFile(FIXTURES / "two_towers.keras") as archive:
            other = archive.read("model.weights.h5")
        path = edited(MODEL, tmp_path / "m.keras", **{"model.weights.h5": other})
        assert "weights" in refused(shell(path, SAMPLE))

    def test_unknown_layer_class(self, command: Callable[..., Ran]) -> None:
        # A process of its own: in this one the class is known already.
        message = refused(command("fixtures/two_towers.keras", "fixtures/two_towers.npz"))
        assert "NearestCode" in message
        assert "--import" in message

    def test_a_layer_that_cannot_be_built(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        with zipfile.ZipFile(MODEL) as archive:
            config = json.loads(archive.read("config.json"))
        dense = next(layer for layer in config["config"]["layers"] if layer["config"]["name"] == "head")
        dense["config"]["units"] = -1
        path = edited(MODEL, tmp_path / "m.keras", config_json=json.dumps(config).encode())
        assert "Keras could not build the model" in refused(shell(path, SAMPLE))

    def test_code_inside(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        source = keras.Input((3,))
        model = keras.Model(source, layers.Lambda(lambda x: x * 2, name="twice")(source))
        path = tmp_path / "code.keras"
        model.save(path)
        message = refused(shell(path))
        assert "twice" in message
        assert "--trust-model" in message
        assert shell(path, "--trust-model").status in (0, 1)

    def test_wrong_ending(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        path = tmp_path / "model.zip"
        shutil.copy(MODEL, path)
        assert ".keras" in refused(shell(path, SAMPLE))

    @pytest.mark.parametrize(
        "target", ["no_such_module:build", "systems:no_such_function", "systems:normal", "systems:concat_dense_sample"]
    )
    def test_factory(self, shell: Callable[..., Ran], target: str) -> None:
        assert target in refused(shell(target, SAMPLE, folder=FIXTURES))

    @pytest.mark.parametrize("text", ["import no_such_module", "1 / 0", "def", "raise SystemExit(3)"])
    def test_import(self, shell: Callable[..., Ran], tmp_path: Path, text: str) -> None:
        (tmp_path / "own.py").write_text(text)
        assert "own.py" in refused(shell(MODEL, SAMPLE, "--import", tmp_path / "own.py"))


# -- the sample --------------------------------------------------------------------------------------


class TestSampleFile:
    @pytest.fixture
    def check(self, shell: Callable[..., Ran], tmp_path: Path) -> Callable[..., Ran]:
        def run(**changes: object) -> Ran:
            path = tmp_path / "sample.npz"
            np.savez(path, **arrays(**changes))
            return shell(MODEL, path)

        return run

    def test_missing(self, shell: Callable[..., Ran]) -> None:
        assert "nowhere.npz" in refused(shell(MODEL, "nowhere.npz"))

    @pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut off"])
    def test_not_an_archive(self, shell: Callable[..., Ran], tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "sample.npz"
        path.write_bytes(content)
        assert "sample.npz" in refused(shell(MODEL, path))

    def test_one_array_only(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        path = tmp_path / "sample.npy"
        np.save(path, np.array([{}], dtype=object))
        assert "sample.npy" in refused(shell(MODEL, path))

    def test_cut_off_array(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        with zipfile.ZipFile(SAMPLE) as archive:
            half = archive.read("model1.npy")[:200]
        path = edited(SAMPLE, tmp_path / "sample.npz", **{"model1.npy": half})
        assert "model1" in refused(shell(MODEL, path))

    def test_pickled(self, check: Callable[..., Ran]) -> None:
        message = refused(check(model2=np.array([{"a": 1}, None], dtype=object)))
        assert "model2" in message
        assert "pickle" in message

    @pytest.mark.parametrize(
        "array",
        [
            np.array(["a", "b"] * 4),
            np.zeros(8, "datetime64[D]"),
            np.zeros(8, [("x", "f4"), ("y", "f4")]),
            np.zeros((8, 32), "complex64"),
        ],
        ids=["text", "dates", "records", "complex"],
    )
    def test_not_numbers_the_model_takes(self, check: Callable[..., Ran], array: np.ndarray) -> None:
        ran = check(model2=array)
        if ran.status == 1:
            assert "GL40" in ran.out
            assert ran.err == ""
        else:
            assert "model2" in refused(ran)

    def test_no_array(self, shell: Callable[..., Ran], tmp_path: Path) -> None:
        path = tmp_path / "sample.npz"
        np.savez(path)
        ran = shell(MODEL, path)
        assert ran.status in (1, 2)
        assert "sample.npz" in ran.out + ran.err

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"model2": None}, "GL401"),
            ({"model2": np.zeros((8, 32, 2), "float32")}, "GL403"),
            ({"model2": np.zeros((8, 31), "float32")}, "GL403"),
            ({"model2": np.zeros((), "float32")}, "GL403"),
            ({"model2": np.zeros((7, 32), "float32")}, "GL406"),
            ({"y": np.zeros((5, 1), "float32")}, "GL406"),
        ],
        ids=["missing", "rank", "width", "scalar", "batch", "labels"],
    )
    def test_a_finding_of_the_catalogue(self, check: Callable[..., Ran], changes: dict[str, object], code: str) -> None:
        ran = check(**changes)
        assert ran.status == 1
        assert ran.err == ""
        assert code in ran.out

    def test_an_extra_key(self, check: Callable[..., Ran]) -> None:
        ran = check(weather=np.zeros((8, 2), "float32"))
        assert ran.status == 0
        assert "GL402" in ran.out

    def test_empty_arrays(self, check: Callable[..., Ran]) -> None:
        empty = {key: value[:0] for key, value in systems.sequence_vector_sample().items()}
        ran = check(**empty)
        if ran.status == 1:
            assert "GL40" in ran.out
        else:
            refused(ran)

    def test_not_a_number(self, check: Callable[..., Ran]) -> None:
        ran = check(model2=np.full((8, 32), np.nan, "float32"))
        assert ran.status == 1
        assert "GL302" in ran.out or "GL301" in ran.out


# -- models that fail when they run ------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="test_bad_inputs")
class Raising(layers.Layer):
    def call(self, x: object) -> object:
        if hasattr(x, "numpy"):  # values: the model runs; it was built with symbols
            raise KeyError("lost")
        return x


@keras.saving.register_keras_serializable(package="test_bad_inputs")
class Narrow(layers.Layer):
    def call(self, x: object) -> object:
        return ops.reshape(x, (-1, 7)) + ops.ones((3,)) if hasattr(x, "numpy") else x


def saved_with(layer: layers.Layer, folder: Path) -> Path:
    source = keras.Input((14,), name="x")
    model = keras.Model(source, layers.Dense(1, name="head")(layer(source)))
    model.save(folder / "m.keras")
    return folder / "m.keras"


def test_a_model_whose_code_raises(shell: Callable[..., Ran], tmp_path: Path) -> None:
    message = refused(shell(saved_with(Raising(name="raising"), tmp_path)))
    assert "raising" in message
    assert "KeyError" in message
    assert "test_bad_inputs.py" in message


def test_shapes_that_do_not_fit_inside_the_model(shell: Callable[..., Ran], tmp_path: Path) -> None:
    ran = shell(saved_with(Narrow(name="narrow"), tmp_path))
    assert ran.status == 1
    assert ran.err == ""
    assert "GL407" in ran.out
    assert "narrow" in ran.out
    assert "test_bad_inputs.py" in ran.out


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--loss", "no_such_loss"), "no_such_loss"),
        (("--target", "labels"), "labels"),
        (("--map", "model3=model1"), "model3"),
        (("--map", "model1=nowhere"), "nowhere"),
        (("--select", "GL999"), "GL999"),
    ],
)
def test_options_that_name_nothing(shell: Callable[..., Ran], options: tuple[str, ...], word: str) -> None:
    assert word in refused(shell(MODEL, SAMPLE, *options))
