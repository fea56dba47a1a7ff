"""Training steps of public kinds: nothing is said of the right ones, and each defect is named at its line."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

import gradlint
from tests.checking.steps.public import deciding, generative, learning, looping, nesting

pytestmark = pytest.mark.exhaustive

KINDS = [
    kind
    for module in (generative, deciding, learning, looping, nesting)
    for kind in vars(module).values()
    if inspect.isfunction(kind) and kind.__module__ == module.__name__ and kind is not looping.replicas
]


def result_of(kind, bad):
    keras.utils.set_random_seed(1)
    step, arguments, options = kind(bad)
    if options == "check":
        return gradlint.check(step, *arguments)
    before = [(variable, variable.numpy()) for model in options.get("models", ()) for variable in model.variables]
    result = gradlint.check_step(step, *arguments, **options)
    assert all(np.array_equal(variable.numpy(), value) for variable, value in before)
    return result


def marked(kind):
    lines, first = inspect.getsourcelines(kind)
    return {(line.split("# <- ")[1].strip(), first + n) for n, line in enumerate(lines) if "# <- " in line}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_public_step_is_quiet_and_its_defect_is_named(kind):
    result = result_of(kind, bad=False)
    assert not result.crashed
    assert [str(finding) for finding in result.findings if finding.severity.value != "info"] == []
    result = result_of(kind, bad=True)
    assert not result.crashed
    said = {(finding.code, finding.cause.line) for finding in result.findings if finding.severity.value != "info"}
    assert marked(kind) <= said, str(result)
