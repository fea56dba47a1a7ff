"""The files of `fixtures/` are what its script writes, and small."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
from running import FIXTURES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import make_fixtures

    folder = tmp_path_factory.mktemp("fixtures")
    make_fixtures.write_all(folder)
    return folder


def names() -> list[str]:
    return sorted(path.name for path in FIXTURES.iterdir() if path.suffix in (".keras", ".npz"))


def test_the_script_writes_all_of_them(rebuilt: Path) -> None:
    assert sorted(path.name for path in rebuilt.iterdir()) == names()


@pytest.mark.parametrize("name", names())
def test_a_rebuilt_file_says_the_same(rebuilt: Path, name: str) -> None:
    old, new = _parts(FIXTURES / name), _parts(rebuilt / name)
    assert old.keys() == new.keys()
    metadata = [json.loads(parts.pop("metadata.json", b"{}")) for parts in (old, new)]
    same_keras = metadata[0].get("keras_version") == metadata[1].get("keras_version")
    for part in old:
        if part == "model.weights.h5":
            # HDF5 libraries differ in how they lay a file out.
            before, after = _weights(old[part]), _weights(new[part])
            assert before.keys() == after.keys()
            for name_of_weight, values in before.items():  # TensorFlow 2.18 rounds random numbers differently.
                np.testing.assert_allclose(after[name_of_weight], values, rtol=1e-6)
        elif part == "config.json":
            # Another Keras may word the configuration differently; its own must not.
            assert not same_keras or json.loads(old[part]) == json.loads(new[part])
        else:
            assert old[part] == new[part]


def test_the_same_bytes_every_time(rebuilt: Path, tmp_path: Path) -> None:
    import make_fixtures

    keras.utils.clear_session()
    make_fixtures.write_model(make_fixtures.two_towers(), tmp_path / "two_towers.keras")
    assert (tmp_path / "two_towers.keras").read_bytes() == (rebuilt / "two_towers.keras").read_bytes()


def test_they_are_small() -> None:
    assert sum((FIXTURES / name).stat().st_size for name in names()) < 2_000_000


def _parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _weights(content: bytes) -> dict[str, list[float]]:
    import h5py

    found = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item).ravel().tolist()

    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(keep)
    return found
