"""Arrays and columns of a sample that hold nothing to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradlint.record.start import Data

Array = np.ndarray[Any, Any]

# A column that is constant over fewer rows may be so by chance.
_LEAST_ROWS = 16
_MOST_COLUMNS = 4096


def defects(
    inputs: Mapping[str, Any], labels: Mapping[str, Any], label_keys: Mapping[str, str], weight: Any = None
) -> tuple[Data, ...]:
    """What is wrong with the arrays of a sample, those without a defect left out.

    Args:
        inputs: arrays by input.
        labels: arrays by output.
        label_keys: the labels' keys in the sample, by output.
        weight: of the rows; arrays by output, one for all, or None.
    """
    named = [(key, value, False) for key, value in inputs.items()]
    named += [(label_keys.get(name, name), value, True) for name, value in labels.items()]
    found = []
    for key, value, is_label in named:
        if (array := _numbers(value)) is None:
            continue
        defect = _defect(key, array, is_label)
        if defect.nan or defect.constant is not None or defect.constant_columns or defect.twins:
            found.append(defect)
    weights = weight if isinstance(weight, Mapping) else {"": weight}
    for name, value in weights.items():
        array = _numbers(value)
        if array is not None and not array.any():
            found.append(Data(name, False, tuple(array.shape), constant=0.0, is_weight=True))
    return tuple(found)


def _numbers(value: Any) -> Array | None:
    array = np.asarray(value) if isinstance(value, np.ndarray) or hasattr(value, "numpy") else None
    return None if array is None or array.dtype.kind not in "fiu" or array.size == 0 else array


def _defect(key: str, array: Array, is_label: bool) -> Data:
    shape = tuple(array.shape)
    nan = int(np.isnan(array).sum()) if array.dtype.kind == "f" else 0
    first = array.flat[0]
    value = float(first) + 0.0  # no -0
    constant = value if array.size > 1 and nan == 0 and len(array) > 1 and bool((array == first).all()) else None
    if constant is not None or is_label or array.ndim != 2:
        return Data(key, is_label, shape, nan, constant)
    # Flags, counts and pixels are often constant in a few rows; what was measured is not.
    measured = array.dtype.kind == "f" and not np.array_equal(array, np.round(array))
    if not measured or len(array) < _LEAST_ROWS or not 1 < shape[1] <= _MOST_COLUMNS:
        return Data(key, is_label, shape, nan)
    constants = tuple(int(number) for number in np.flatnonzero((array == array[:1]).all(axis=0)))
    return Data(key, is_label, shape, nan, None, constants, _twins(array, frozenset(constants)), shape[1])


def _twins(array: Array, constants: frozenset[int]) -> tuple[tuple[int, int], ...]:
    """Pairs of equal columns, each with the first one of its values."""
    met: dict[bytes, int] = {}
    found = []
    for number in range(array.shape[1]):
        if number in constants or np.array_equal(array[:, number], np.round(array[:, number])):
            continue
        values = np.ascontiguousarray(array[:, number]).tobytes()
        if values in met:
            found.append((met[values], number))
        met.setdefault(values, number)
    return tuple(found)
