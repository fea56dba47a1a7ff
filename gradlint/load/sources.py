"""What a sample's name stands for: a file of arrays, a saved dataset, or something in the user's code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlint.errors import SampleError
from gradlint.load import search
from gradlint.load.files import require_file
from gradlint.load.kinds import PICKLE, PICKLES, SAMPLES
from gradlint.load.limits import refuse_beyond_memory

if TYPE_CHECKING:
    from gradlint.load.limits import Limits

SAVE = 'save one batch with numpy.savez("sample.npz", x=x, y=y)'
READABLE = f"{', '.join(SAMPLES[:-1])} or {SAMPLES[-1]}"
_CODE = "write a function that returns one batch, and give FILE.py:function"
OTHERS = {
    ".keras": "is a model: the model comes first, then the sample",
    ".h5": f"holds no sample that is known; {SAVE}",
    ".hdf5": f"holds no sample that is known; {SAVE}",
    **dict.fromkeys(PICKLES, f"{PICKLE}; {SAVE}"),
    ".pt": f"is a pickle of PyTorch's, which is never loaded; {SAVE}",
    ".pth": f"is a pickle of PyTorch's, which is never loaded; {SAVE}",
    ".tfrecord": f"holds records that only your code can parse; {_CODE}",
    ".tfrecords": f"holds records that only your code can parse; {_CODE}",
    ".json": f"is read by no fixed rule; {_CODE}",
    ".jsonl": f"is read by no fixed rule; {_CODE}",
    ".txt": f"is read by no fixed rule; {_CODE}",
    ".png": f"is a single picture; {_CODE}",
    ".jpg": f"is a single picture; {_CODE}",
    ".py": (
        "is a file of code; name the function in it that returns one batch, {file}:function, or, where it defines "
        "layers or losses of the model, pass --import {file}"
    ),
}


def read_source(name: str, limits: Limits, rows: int = 0) -> object:
    """What a sample's name stands for, if it is not an `.npz`; then the name itself, since its headers come first.

    Args:
        name: a path, `package.module:function` or `FILE.py:function`.
        limits: what a file may ask for.
        rows: as many are read of a table; all when 0.

    Raises:
        SampleError: nothing that can be read, or the user's function fails.
    """
    if search.is_named(name):
        return _from_code(name)
    path = Path(name)
    if path.is_dir():
        return _from_folder(path)
    suffix = path.suffix.lower()
    if suffix in OTHERS and path.exists():
        raise SampleError(f"{path} {OTHERS[suffix].replace('{file}', str(path))}")
    if suffix not in (".npy", ".csv", ".tsv", ".parquet"):
        return name
    file = require_file(path, SampleError, "a sample")
    refuse_beyond_memory(f"{file}: its values take", file.stat().st_size, limits, SampleError)
    return _from_npy(file) if suffix == ".npy" else _from_table(file, suffix, rows)


def _from_code(target: str) -> object:
    try:
        found: Any = search.named_object(target)
        found = found() if callable(found) and not hasattr(found, "shape") else found
    except (Exception, SystemExit) as error:
        raise SampleError(f"{target} gave no sample: {type(error).__name__}: {error}") from error
    if found is None:  # which stands for a sample that is made up
        raise SampleError(f"{target} returned None; it must return what fit takes, such as (x, y)")
    return found


def _from_npy(file: Path) -> object:
    import numpy as np

    try:
        return np.load(file, allow_pickle=False)
    except Exception as error:  # of NumPy and its parsers
        reason = "it holds pickled Python objects, which are never loaded" if "pickle" in str(error) else str(error)
        raise SampleError(f"{file} cannot be read: {reason}; {SAVE}") from error


def _from_table(file: Path, suffix: str, rows: int) -> object:
    try:
        import pandas
    except ImportError:
        raise SampleError(
            f"{file}: a table is read through pandas, which is not installed; install it, or {SAVE}"
        ) from None
    try:
        if suffix == ".parquet":
            return pandas.read_parquet(file)
        with open(file, encoding="utf-8", errors="replace") as lines:
            header = lines.readline()
        separator = max("\t" if suffix == ".tsv" else ",", ";", key=header.count)
        # A first column without a name is the index that pandas has written.
        index = 0 if header.lstrip("\ufeff").startswith((separator, f'""{separator}')) else None
        return pandas.read_csv(file, sep=separator, nrows=rows or None, index_col=index)
    except ImportError as error:  # of pyarrow
        raise SampleError(f"{file}: {' '.join(str(error).split())}; or {SAVE}") from None
    except Exception as error:  # of pandas and its parsers
        raise SampleError(f"{file} cannot be read as a table: {' '.join(str(error).split())}") from error


def _from_folder(folder: Path) -> object:
    if not (folder / "dataset_spec.pb").is_file():
        raise SampleError(f"{folder} is a folder, and not one that tf.data.Dataset.save has written; give {READABLE}")

    from gradlint.upstream.starting import quiet_tensorflow

    quiet_tensorflow()
    from gradlint.upstream.datasets import saved_dataset

    try:
        return saved_dataset(os.fspath(folder))
    except Exception as error:  # whatever TensorFlow makes of a broken folder
        raise SampleError(f"{folder}: TensorFlow cannot read the dataset: {' '.join(str(error).split())}") from error
