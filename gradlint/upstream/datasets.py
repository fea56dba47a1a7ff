"""What TensorFlow keeps besides models: saved datasets, and the strategy in whose scope code runs."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def saved_dataset(folder: str) -> Any:
    """The dataset that `tf.data.Dataset.save` has written into a folder; nothing of it is read yet."""
    return tf.data.Dataset.load(folder)


def replicas_in_scope() -> int:
    """How many replicas the variables that are read here have: more than one inside the scope of a strategy."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync) if tf.distribute.in_cross_replica_context() else 1
