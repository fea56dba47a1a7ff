"""Laws that hold whatever the model is: what changes nothing about the gradients changes no verdict.

Random small models with several inputs, each branch with a defect or without. The examples are the same in every run;
to search for new ones: `LAWS_EXAMPLES=200 pytest tests/end_to_end/test_laws.py`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers

import gradlint

pytestmark = pytest.mark.exhaustive

EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "0"))
searching = settings(
    max_examples=EXAMPLES or 6,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
ROWS = 8


class Defect(layers.Layer):
    """Cuts or blocks what passes through it."""

    def __init__(self, kind, **options):
        super().__init__(**options)
        self.kind = kind

    def call(self, x):
        match self.kind:
            case "argmax":
                return tf.one_hot(tf.argmax(x, axis=-1), 4)
            case "round":
                return tf.round(x)
            case "sign":
                return tf.sign(x)
            case "stop_gradient":
                return tf.stop_gradient(x)
            case "zeros":
                return x * tf.zeros(4)
            case "nan":
                return tf.sqrt(x * 0.0)
            case _:
                return x

    def compute_output_shape(self, shape):
        return shape


DEFECTS = ("argmax", "round", "sign", "stop_gradient", "zeros", "nan", "unused", "zero kernels", "dead relu")
REFUSES_UNUSED = tuple(map(int, keras.__version__.split(".")[:2])) < (3, 14)
"""Keras 3.12 and 3.13 build no model with an input that nothing reads."""
if REFUSES_UNUSED:
    DEFECTS = tuple(defect for defect in DEFECTS if defect != "unused")


@dataclass(frozen=True)
class Branch:
    """One input, some Dense layers, and perhaps a defect behind the first."""

    width: int
    depth: int
    activation: str
    defect: str | None


@dataclass(frozen=True)
class Plan:
    """A model: its branches are concatenated under one head."""

    branches: tuple[Branch, ...]
    broadcasts: bool
    seed: int


branches = st.builds(
    Branch,
    width=st.integers(2, 5),
    depth=st.integers(1, 3),
    activation=st.sampled_from(["tanh", "elu", "linear"]),
    defect=st.one_of(st.none(), st.sampled_from(DEFECTS)),
)
plans = st.builds(
    Plan,
    branches=st.lists(branches, min_size=1, max_size=3).map(tuple),
    broadcasts=st.integers(0, 5).map(lambda number: number == 0),
    seed=st.integers(0, 99),
).filter(lambda plan: any(branch.defect != "unused" for branch in plan.branches))


def plain(name):
    return name


def tower(x, branch, rename, number, seed):
    """The layers of one branch."""
    for step in range(branch.depth):
        kernel = keras.initializers.GlorotUniform(seed=1000 * seed + 10 * number + step)
        options = {"kernel_initializer": kernel, "activation": branch.activation}
        if branch.defect == "zero kernels":
            options["kernel_initializer"] = "zeros"
        if branch.defect == "dead relu" and step == 0:
            options |= {"activation": "relu", "bias_initializer": keras.initializers.Constant(-100.0)}
        units = 4 if step == 0 else 3
        x = layers.Dense(units, name=rename(f"b{number}_dense{step}"), **options)(x)
        if step == 0 and branch.defect is not None:
            x = Defect(branch.defect, name=rename(f"b{number}_defect"))(x)
    return x


def wired(plan, rename=plain, key=plain):
    """Inputs by key, and the output."""
    inputs = {
        key(f"in{number}"): keras.Input((branch.width,), name=key(f"in{number}"))
        for number, branch in enumerate(plan.branches)
    }
    towers = [
        tower(inputs[key(f"in{number}")], branch, rename, number, plan.seed)
        for number, branch in enumerate(plan.branches)
        if branch.defect != "unused"
    ]
    joined = layers.Concatenate(name=rename("joined"))(towers) if len(towers) > 1 else towers[0]
    kernel = keras.initializers.GlorotUniform(seed=plan.seed)
    return inputs, layers.Dense(ROWS, name=rename("head"), kernel_initializer=kernel)(joined)


def distance(factor):
    def scaled_distance(y, prediction):
        return factor * tf.reduce_mean(tf.square(prediction - y))

    return scaled_distance


def model_of(plan, *, rename=plain, order=1, factor=1.0):
    keras.backend.clear_session(free_memory=False)
    inputs, output = wired(plan, rename)
    model = keras.Model(dict(list(inputs.items())[::order]), output)
    model.compile("adam", distance(factor))
    return model


def doubled(plan):
    """Two copies side by side, each with a loss of its own."""
    keras.backend.clear_session(free_memory=False)
    inputs, outputs = {}, {}
    for side in ("left", "right"):
        mine, outputs[side] = wired(plan, f"{side}_{{}}".format, f"{side}_{{}}".format)
        inputs |= mine
    model = keras.Model(inputs, outputs)
    model.compile("adam", {side: distance(1.0) for side in outputs})
    return model


def sample_of(plan):
    generator = np.random.default_rng(plan.seed)
    sample = {
        f"in{number}": generator.normal(size=(ROWS, branch.width)).astype("float32")
        for number, branch in enumerate(plan.branches)
    }
    # Labels of shape (8,) meet predictions of shape (8, 8): a silent broadcast.
    shape = (ROWS,) if plan.broadcasts else (ROWS, ROWS)
    return sample | {"y": generator.normal(size=shape).astype("float32")}


def verdict(model, sample, back=plain):
    """What is said of a model, with the names translated back."""
    result = gradlint.check(model, sample)
    assert result.skipped == ()
    findings = {
        (
            finding.code,
            finding.severity.value,
            tuple(sorted(back(key) for key in finding.inputs)),
            tuple(sorted(back(path) for path in finding.variables)),
            back(finding.cause.layer or ""),
            finding.cause.op,
            finding.cause.line,
        )
        for finding in result.findings
    }
    states = {(back(status.key), status.gradient.value) for status in result.inputs}
    return findings, states | {(back(status.path), status.gradient.value) for status in result.variables}


def renaming(pattern):
    """The model with other names, and what translates them back."""
    before, after = pattern.split("{}")

    def back(path):
        return "/".join(part.removeprefix(before).removesuffix(after) for part in path.split("/"))

    return pattern.format, back


def shuffled_rows(sample, random):
    rows = list(range(ROWS))
    random.shuffle(rows)
    # Labels of shape (8,) are compared with the columns, not with the rows.
    return {key: value if value.ndim == 1 else value[rows] for key, value in sample.items()}


def side_by_side(sample, said):
    """The sample of two copies, and what is to be said of them when that is said of one."""
    both = {f"{side}_{key}": value for side in ("left", "right") for key, value in sample.items() if key != "y"}
    both |= {f"y:{side}": sample["y"] for side in ("left", "right")}

    def copied(side, part):
        if isinstance(part, tuple):
            return tuple(copied(side, inner) for inner in part)
        if part == "y":
            return f"y:{side}"
        is_name = isinstance(part, str) and re.match(r"in\d|b\d|head|joined", part)
        return f"{side}_{part}" if is_name else part

    findings, states = said
    wanted = tuple(
        {copied(side, entry) for side in ("left", "right") for entry in entries}
        for entries in (without_remarks(findings), states)
    )
    return both, wanted


def without_remarks(findings):
    """Those that are told for each place; layers with nothing between them are told once for a model."""
    return {finding for finding in findings if finding[0] != "GL208"}


@searching
@given(
    plan=plans,
    pattern=st.sampled_from(["a_{}", "{}_z", "stop_{}_relu", "zz{}"]),
    factor=st.sampled_from([1e-4, 0.5, 3.0, 1e4]),
    random=st.randoms(use_true_random=False),
)
def test_what_changes_no_verdict(plan, pattern, factor, random):
    """One plan for all the laws: its own verdict is what takes time."""
    sample = sample_of(plan)
    said = verdict(model_of(plan), sample)
    backwards = dict(list(sample.items())[::-1])
    assert verdict(model_of(plan, order=-1), backwards) == said, "the order of the keys"
    rename, back = renaming(pattern)
    assert verdict(model_of(plan, rename=rename), sample, back) == said, "the names of the layers"
    assert verdict(model_of(plan), shuffled_rows(sample, random)) == said, "the order of the rows"
    assert verdict(model_of(plan, factor=factor), sample) == said, "the scale of the loss"
    both, wanted = side_by_side(sample, said)
    findings, states = verdict(doubled(plan), both)
    assert (without_remarks(findings), states) == wanted, "two copies side by side"


@pytest.mark.skipif(REFUSES_UNUSED, reason="this Keras builds no such model")
def test_two_inputs_that_nothing_reads():
    """Then the law of two copies side by side holds for unused inputs as well."""
    inputs = {name: keras.Input((3,), name=name) for name in ("used", "one", "other")}
    model = keras.Model(inputs, layers.Dense(1)(inputs["used"]))
    draw = np.random.default_rng(0)
    findings, _ = verdict(model, {name: draw.normal(size=(4, 3)).astype("float32") for name in inputs})
    assert sorted(finding[2] for finding in findings) == [("one",), ("other",)]


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_found(defect):
    """The laws would also hold for a check that never finds anything."""
    plan = Plan((Branch(4, 2, "tanh", defect), Branch(3, 1, "tanh", None)), False, 1)
    findings, _ = verdict(model_of(plan), sample_of(plan))
    assert any("in0" in finding[2] for finding in findings)


def test_a_healthy_plan_has_no_findings():
    plan = Plan((Branch(4, 2, "tanh", None), Branch(3, 3, "elu", None)), False, 1)
    findings, states = verdict(model_of(plan), sample_of(plan))
    assert findings == set()
    assert {state for _, state in states} == {"finite"}
