"""What the very first step of training shows: learning rates, updates, labels, losses and data, as plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """The learning rate of one optimizer.

    Attributes:
        optimizer: class name.
        attribute: name under which the model holds the optimizer.
        value: at the first step.
        later: the largest finite one of the first thousand steps; that of a schedule may rise from zero.
        is_schedule: whether a schedule gives it.
        end: the first of the early steps from which on a schedule gives zero for good; None where it does not.
        is_late: a schedule gives zero for more than its first step before it rises.
    """

    optimizer: str
    attribute: str
    value: float
    later: float
    is_schedule: bool
    end: int | None = None
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """What the compiled optimizer's first update does to one trainable variable; Euclidean norms."""

    path: str
    weight: float
    update: float
    size: int


@dataclass(frozen=True, slots=True)
class Metric:
    """One compiled metric of an output.

    Attributes:
        kind: name of its function or class, such as `binary_accuracy`.
        threshold: from which value on a prediction counts as yes; None when it has none.
    """

    kind: str
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The labels of one output under a loss of Keras's own, without rows of weight zero.

    Attributes:
        output: name of the output; empty when there is but one.
        key: of the labels in the sample.
        loss: name of the loss function, such as `mean_squared_error`.
        from_logits: as the loss is told; None where it has no such argument.
        ignored: label that the loss leaves out (`ignore_class`).
        prediction: shape of the output.
        low: smallest finite label; `high` the largest one.
        whole: share of finite labels that are whole numbers, in [0, 1].
        above: share of labels above 1, with a margin of a hundredth; `below` and `far_below`: below 0 and below -1.
        row_low: smallest sum over the last axis, rows of zeros left out; `row_high` the largest one.
        singles: share of rows with exactly one element that is not zero, in [0, 1].
        nan: number of NaN labels.
        steps: most steps that CTC needs for a row: one for each letter, and one between equal ones; 0 elsewhere.
        start: the loss of the sample's own run.
        guess: the loss of the best constant prediction; None when it is not known for this loss.
        zero: that of predicting 0; `plain` the largest of those of the best constant, 0, 1 and -1.
        spread: root mean square of the predictions.
    """

    output: str
    key: str
    loss: str
    from_logits: bool | None
    ignored: int | None
    shape: tuple[int, ...]
    prediction: tuple[int, ...]
    low: float
    high: float
    whole: float
    above: float
    below: float
    far_below: float
    row_low: float
    row_high: float
    singles: float
    nan: int
    steps: int = 0
    start: float | None = None
    guess: float | None = None
    zero: float | None = None
    plain: float | None = None
    spread: float | None = None
    metrics: tuple[Metric, ...] = ()

    @property
    def excess(self) -> float:
        """How many times that of every plain constant the loss is at the start."""
        return (self.start or 0.0) / (self.plain or math.inf)

    def starts_above(self, times: float) -> bool:
        """Whether the loss starts at more than so many times that of the best constant prediction."""
        return bool(self.start is not None and self.guess and self.start > times * self.guess)


@dataclass(frozen=True, slots=True)
class Data:
    """What is wrong with one array of the sample.

    Attributes:
        is_weight: the rows' weights, of which zeros alone are a defect.
        nan: number of NaN elements.
        constant: the value that all elements have; None when they differ.
        constant_columns: of a table; `twins` pairs of columns with equal values.
        columns: number of columns of a table, else 0.
    """

    key: str
    is_label: bool
    shape: tuple[int, ...]
    nan: int = 0
    constant: float | None = None
    constant_columns: tuple[int, ...] = ()
    twins: tuple[tuple[int, int], ...] = ()
    columns: int = 0
    is_weight: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """The first step of training.

    Attributes:
        scaled_loss: total loss with the float inputs scaled by their own deviation; None when it was not tried.
        scaled_updates: the first update then.
        scaled: keys of the inputs that were scaled, with their deviations.
        updated_loss: total loss of the sample after the first update; NaN when the run failed, None without one.
    """

    rates: tuple[Rate, ...] = ()
    updates: tuple[Update, ...] = ()
    targets: tuple[Target, ...] = ()
    data: tuple[Data, ...] = ()
    scaled_loss: float | None = None
    scaled_updates: tuple[Update, ...] = ()
    scaled: tuple[tuple[str, float], ...] = ()
    updated_loss: float | None = None
