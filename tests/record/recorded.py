"""Records one run of a model, and reads what the recorder saw."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gradlint.load.binding import bind
from gradlint.load.model.live import spec_from_model
from gradlint.load.sample import array_specs
from gradlint.record.runner import Runner
from gradlint.record.subject import ModelSubject

if TYPE_CHECKING:
    from gradlint.record.recording import InputRecord, OpRecord, Recording, VariableRecord


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def runner(model: object, sample: dict[str, object], **options: object) -> Runner:
    """A runner of a Keras model on a sample with labels under `y`; `options` are fields of the subject."""
    spec = spec_from_model(model)
    binding = bind(spec, array_specs(sample), {}, ())
    subject = ModelSubject(
        model=model,
        structure=spec.structure,
        inputs={key: sample[name] for key, name in binding.inputs},
        labels={output: sample[key] for output, key in binding.labels},
        label_keys=dict(binding.labels),
        sample_weight=sample[binding.sample_weight] if binding.sample_weight else None,
        **options,
    )
    return Runner(subject)


def recorded(model: object, sample: dict[str, object], **options: object) -> Recording:
    return runner(model, sample, **options).record()


def ops(recording: Recording, op_type: str) -> list[OpRecord]:
    return [op for op in recording.ops if op.type == op_type]


def the_op(recording: Recording, op_type: str) -> OpRecord:
    (found,) = ops(recording, op_type)
    return found


def layers_of(recording: Recording, op_type: str) -> list[str]:
    return [op.layer for op in ops(recording, op_type)]


def variable(recording: Recording, path: str) -> VariableRecord:
    (found,) = [v for v in recording.variables if path in v.path]
    return found


def the_input(recording: Recording, key: str) -> InputRecord:
    (found,) = [i for i in recording.inputs if i.key == key]
    return found


def states(recording: Recording) -> dict[str, str]:
    """The state of the gradient by input key, and by layer and name of each trainable variable."""
    found = {record.key: record.gradient.state.value for record in recording.inputs}
    trainable = [v for v in recording.variables if v.trainable]
    return found | {"/".join(v.path.split("/")[-2:]): v.gradient.state.value for v in trainable}


def line_of(snippet: str) -> int:
    """The line of the calling test file that holds a snippet, and is not the call itself."""
    frame = inspect.stack()[1]
    lines = Path(frame.filename).read_text(encoding="utf-8").splitlines()
    (found,) = [n for n, text in enumerate(lines, 1) if snippet in text and "line_of(" not in text]
    return found


def is_at(op: OpRecord, file: str, line: int) -> bool:
    return op.file is not None and Path(op.file) == Path(file) and op.line == line
