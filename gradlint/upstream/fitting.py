"""What Keras's `fit` offers to those who look on."""

from __future__ import annotations

from typing import Any

import keras

Callback: Any = keras.callbacks.Callback
