"""A model of as many layers as are allowed may have the groups and data sets that come with them."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from gradlint.errors import UnsafeModelError
from gradlint.load.limits import Limits
from gradlint.load.weights import read_member_weights

if TYPE_CHECKING:
    from pathlib import Path


def _archive(folder: Path, layers: int) -> Path:
    raw = io.BytesIO()
    with h5py.File(raw, "w") as store:
        for number in range(layers):
            for variable in "01":
                store.create_dataset(f"layers/dense_{number}/vars/{variable}", data=np.zeros(1, "float32"))
    file = folder / "m.keras"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.weights.h5", raw.getvalue())
    return file


@pytest.mark.parametrize(("layers", "is_allowed"), [(90, True), (110, False)])
def test_the_limit_counts_layers(tmp_path: Path, layers: int, is_allowed: bool) -> None:
    file, limits = _archive(tmp_path, layers), Limits(items=100)
    with zipfile.ZipFile(file) as archive:
        if is_allowed:
            read_member_weights(file, archive, "model.weights.h5", limits)
            return
        with pytest.raises(UnsafeModelError, match="more than 400 groups and data sets"):
            read_member_weights(file, archive, "model.weights.h5", limits)
