"""What `check_step` finds in training steps, at which line, and where it is quiet."""

from __future__ import annotations

import inspect

import keras
import pytest

import gradlint
from tests.checking.steps import broken


def made_parts():
    return broken.parts(
        other=broken.dense_net(name="other"),
        square=broken.square_net(),
        regularised=broken.regularised_net(),
        lazy=keras.optimizers.SGD(0.0),
        scaling=keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
        w=keras.Variable([[1.0]] * 4, name="w"),
    )


def arguments(step):
    outputs = 4 if "square" in inspect.getsource(step) else 1
    return made_parts(), *broken.data(outputs=outputs)


def models_of(parts, step):
    source = inspect.getsource(step)
    return [parts[name] for name in ("net", "other", "square", "regularised") if f'p["{name}"]' in source]


def marked(step):
    lines, first = inspect.getsourcelines(step)
    return next((first + n, line.split("# <- ")[1].strip()) for n, line in enumerate(lines) if "# <- " in line)


BROKEN = [f for name, f in vars(broken).items() if inspect.isfunction(f) and "# <- " in inspect.getsource(f)]
FIXED = [f for name, f in vars(broken).items() if inspect.isfunction(f) and name.endswith("_fixed")]


@pytest.mark.parametrize("step", BROKEN, ids=lambda step: step.__name__)
def test_a_broken_step_is_explained_at_its_line(step):
    parts, x, y = arguments(step)
    result = gradlint.check_step(step, parts, x, y, models=models_of(parts, step))
    line, code = marked(step)
    assert not result.crashed
    assert (code, line) in [(f.code, f.cause.line) for f in result.findings if f.severity.value != "info"], str(result)


@pytest.mark.parametrize("step", FIXED, ids=lambda step: step.__name__)
def test_a_repaired_step_is_quiet(step):
    parts, x, y = arguments(step)
    result = gradlint.check_step(step, parts, x, y, models=models_of(parts, step))
    assert not result.crashed
    assert [str(f) for f in result.findings if f.severity.value != "info"] == []
