"""What people have in a model's place is answered by its kind."""

from __future__ import annotations

import pytest

from gradlint.errors import ModelFileError
from gradlint.load.preflight import read_spec


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("m.onnx", "ONNX"),
        ("m.tflite", "TensorFlow Lite"),
        ("m.safetensors", "holds weights without the model"),
        ("m.weights.h5", "holds weights without the model"),
        ("m.pt", "PyTorch"),
        ("m.pkl", "runs code when it is read"),
        ("m.npz", "the model comes first"),
        ("ckpt-1.data-00000-of-00001", "checkpoint"),
        ("weights-3.data-00000-of-00001", "checkpoint"),
    ],
)
def test_a_file_is_told_by_its_kind(tmp_path, name, words) -> None:
    (tmp_path / name).write_bytes(b"?")
    with pytest.raises(ModelFileError, match=words) as caught:
        read_spec(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["saved_model.pb"], "is a SavedModel: traced functions"),
        (["saved_model.pb", "keras_metadata.pb"], "is a SavedModel of Keras 2"),
        (["checkpoint"], "folder of a checkpoint"),
        (["dataset_spec.pb"], "is a sample: the model comes first"),
        (["config.json", "model.safetensors"], "transformers"),
        (["config.json", "metadata.json"], "unpacked"),
        ([], "is a directory, not a model"),
    ],
)
def test_a_folder_is_told_by_what_is_in_it(tmp_path, files, words) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"?")
    with pytest.raises(ModelFileError, match=words):
        read_spec(tmp_path)


def test_a_checkpoint_is_known_by_the_start_of_its_names(tmp_path) -> None:
    (tmp_path / "run-7.index").write_bytes(b"?")
    with pytest.raises(ModelFileError, match="run-7 is a checkpoint: it holds weights without the model"):
        read_spec(tmp_path / "run-7")


@pytest.mark.parametrize("name", ["Model.keras", "model.kears"])
def test_a_name_close_to_one_that_is_there_is_asked_after(tmp_path, name) -> None:
    (tmp_path / "model.keras").write_bytes(b"?")
    with pytest.raises(ModelFileError, match=r"does not exist; did you mean .*model\.keras\?"):
        read_spec(tmp_path / name)
    with pytest.raises(ModelFileError, match=r"does not exist$"):
        read_spec(tmp_path / "other.h5")
