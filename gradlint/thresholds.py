"""The numbers from which on a rule speaks, each with a name and a source."""

from __future__ import annotations

from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gradlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on rules speak. In files and on the command line `_` is `-`.

    Attributes:
        saturated_slope: slope of a sigmoid, tanh or softmax below which an element counts as saturated (GL203), in
            (0, 1). float32 resolves 1.2e-7 next to 1 (`numpy.finfo("float32").eps`): there is nothing to learn from.
        saturated_share: share of saturated elements from which a layer does (GL203), in (0, 1]. A few elements that
            happen to lie near zero do not make up for the others.
        trend_orders: orders of magnitude by which the gradients of the kernels next to the input exceed those next to
            the loss (GL304), above 0.
        vanishing_orders: the same the other way round (GL303), above 0. Networks that train well lie below 2.3 orders,
            those whose gradient vanishes at 5.3 (eight sigmoids) and above (measured); Adam's epsilon (1e-7 in
            Keras) swamps a gradient seven orders smaller than a usual one.
        trend_kernels: fewest kernels that make a trend (GL303, GL304), at least 3; with fewer, one odd layer decides.
        memory_spans: how many times the steps after which a thousandth of the gradient is left a sequence may be long
            (GL303), above 0. With Keras's own initialisers a GRU or SimpleRNN reaches 13 to 18 steps and an LSTM 30 to
            40 (measured), and they are used for sequences of a hundred.
        unused_tail: share of an axis up to which unread slices at its ends say nothing about a long one (GL205), in
            [0, 1]. A convolution with a stride leaves up to kernel + stride - 2 slices at the far end unread, and a
            spectrogram the tail of a frame.
        initial_loss: how many times the loss of the best constant prediction the loss may be at the start (GL412),
            above 1. Networks that train well lie below 5, keras.applications between 0.9 and 2.5 (measured).
        first_update: norm of the first update over the norm of the weights from which on it is reported (GL307), above
            0. At 1 the optimizer takes away as much as the initialiser gave; networks that train well lie below 0.9
            (measured).
        outside_share: share of targets beyond the range of the last activation from which on it is reported (GL411), in
            (0, 1]. A few outliers beyond the range of the training data are clipped on purpose.
    """

    saturated_slope: float = 1e-6
    saturated_share: float = 0.95
    trend_orders: float = 6.0
    vanishing_orders: float = 4.0
    trend_kernels: float = 8
    memory_spans: float = 10.0
    unused_tail: float = 0.34
    initial_loss: float = 8.0
    first_update: float = 1.0
    outside_share: float = 0.05


DEFAULT_THRESHOLDS = Thresholds()
NAMES = tuple(field.name.replace("_", "-") for field in fields(Thresholds))
_RANGES = {
    "saturated-slope": (1e-38, 1.0),
    "saturated-share": (1e-6, 1.0),
    "trend-orders": (1e-3, 300.0),
    "vanishing-orders": (1e-3, 300.0),
    "trend-kernels": (3, 10_000),
    "memory-spans": (1e-3, 1e6),
    "unused-tail": (0.0, 1.0),
    "initial-loss": (1.0, 1e12),
    "first-update": (1e-6, 1e12),
    "outside-share": (1e-6, 1.0),
}
"""Smallest and largest value of each."""


def thresholds_from(values: Mapping[str, float]) -> Thresholds:
    """The thresholds that some values by name (`saturated-share`) give.

    Raises:
        UsageError: a name or a value that makes no sense.
    """
    for name, value in values.items():
        refuse_threshold(name, value)
    return Thresholds(**{name.replace("-", "_"): value for name, value in values.items()})


def refuse_threshold(name: str, value: object) -> None:
    """Raise for a name or a value that makes no sense.

    Raises:
        UsageError: it says which names there are, or what the value may be.
    """
    if name not in NAMES:
        close = get_close_matches(name.replace("_", "-"), NAMES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(NAMES)}."
        raise UsageError(f"there is no threshold {name!r}; {hint}")
    low, high = _RANGES[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise UsageError(f"the threshold {name} must be a number from {low:g} to {high:g}, not {value!r}.")
