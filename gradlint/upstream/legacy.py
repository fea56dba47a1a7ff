"""Live models of Keras 2 (`tf_keras`), as functions of their sample: their own loss of one step of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class LegacyStep:
    """What `fit` would differentiate, from the sample by key. Only what `tf_keras` promises to keep is used.

    Attributes:
        keys: of the model's inputs, in its order; none where the model does not say.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.__name__ = str(model.name)
        self.keys: tuple[str, ...] = tuple(getattr(model, "input_names", None) or ())

    def __call__(self, sample: Mapping[str, Any]) -> Any:
        labels = {key: value for key, value in sample.items() if key.partition(":")[0] == "y"}
        if not labels or self._model.optimizer is None:
            raise UsageError(
                "a tf_keras model is checked by its compiled loss; compile it, and give the labels: (x, y)"
            )
        inputs = {key: value for key, value in sample.items() if key not in labels and key != "sample_weight"}
        x: Any = next(iter(inputs.values())) if len(inputs) == 1 else inputs
        y: Any = labels["y"] if set(labels) == {"y"} else {key.partition(":")[2]: each for key, each in labels.items()}
        outputs = self._model(x, training=True)
        return self._model.compute_loss(x, y, outputs, sample.get("sample_weight"))
