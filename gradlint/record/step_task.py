"""What is observed of a training step, and the run that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gradlint.record.run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradlint.record.observation import StepTrace


@dataclass(frozen=True, slots=True)
class StepTask:
    """What is observed.

    Attributes:
        name: of the step.
        models: those that should learn; found from what the step touches when empty.
        variables: those that should learn besides.
        given: arrays and tensors that the step gets, by key.
        inputs: those keys that are inputs of a model, by the model's own.
        owner: the model whose own `train_step` it is.
        seed: of the step's random operations; None leaves them alone.
        starts_generators: start the generators of the models' own layers from the seed, too.
        keep: leave the step's changes as they are.
    """

    name: str
    models: tuple[Any, ...] = ()
    optimizers: tuple[Any, ...] = ()
    variables: tuple[Any, ...] = ()
    given: Mapping[str, Any] | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    owner: Any = None
    seed: int | None = None
    starts_generators: bool = True
    keep: bool = False


class StepRun(Run):
    """One observed step, as what writes recordings knows runs."""

    @property
    def outside(self) -> str:
        """What is run beside the model, in words."""
        return "the step"

    def adopt(self, trace: StepTrace) -> None:
        """Take over what was observed."""
        self.trace = trace
