"""TensorFlow's saved datasets."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def saved_dataset(folder: str) -> Any:
    """The dataset that `tf.data.Dataset.save` has written into a folder; nothing of it is read yet."""
    return tf.data.Dataset.load(folder)
