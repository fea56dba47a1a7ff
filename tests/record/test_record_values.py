"""A recording is whole, or says where it is not: which values are reduced."""

from __future__ import annotations

from dataclasses import replace

import keras
import pytest
from flows import flow
from keras import layers
from recorded import normal, recorded

from gradlint.record.recording import NOT_REDUCED, NotReducedError
from gradlint.rule import Need
from gradlint.rules import ALL_RULES, needs_of


def model(activation):
    return keras.Sequential(
        [keras.Input((5,)), layers.Dense(4, activation=activation, bias_initializer="ones"), layers.Dense(2)]
    )


def sample(scale=0.1):
    return {"x": scale * normal(4, 5)}


def reductions(recording):
    """What is said of the values of float tensors, without the outputs."""
    outputs = {output.tensor for output in recording.outputs}
    entries = [t.reduced for index, t in enumerate(recording.tensors) if t.is_float and index not in outputs]
    return {"no" if entry is NOT_REDUCED else "yes" for entry in entries}


def test_a_quiet_run_says_that_nobody_looked():
    seen = recorded(model("tanh"), sample())
    assert not seen.is_looked_at
    assert reductions(seen) == {"no"}
    assert all(seen.tensors[output.tensor].values is not None for output in seen.outputs)


@pytest.mark.parametrize("scale", [1e4, float("nan")])
def test_what_is_saturated_zero_or_not_finite_is_looked_at(scale):
    seen = recorded(model("tanh"), sample(scale))
    assert seen.is_looked_at
    assert reductions(seen) == {"yes"}


def test_a_need_has_all_values_reduced():
    seen = recorded(model("tanh"), sample(), reduces_all=True)
    assert seen.is_looked_at
    assert reductions(seen) == {"yes"}


def test_a_lower_threshold_of_saturation_is_looked_at_from_there():
    """A share of saturated elements that the user wants reported needs the values that go in."""
    from gradlint.thresholds import Thresholds

    thresholds = Thresholds(saturated_slope=0.9, saturated_share=0.1)
    assert recorded(model("tanh"), sample(1.0), thresholds=thresholds).is_looked_at


def test_asking_for_what_nobody_looked_at_is_an_error():
    seen = recorded(model("tanh"), sample())
    tensor = next(t for t in seen.tensors if t.reduced is NOT_REDUCED)
    with pytest.raises(NotReducedError, match=r"Need\.REDUCED"):
        assert tensor.values


def test_flows_by_hand_are_as_the_recorder_leaves_them():
    quiet = flow("h = Tanh x", "loss() = Mean h", inputs=["x"], values={"h": (-1.0, 1.0)}).recording
    assert not quiet.is_looked_at
    assert reductions(quiet) == {"no"}
    closed = flow("h = Relu x !zero", "loss() = Mean h", inputs=["x"]).recording
    assert closed.is_looked_at
    assert reductions(closed) == {"yes"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: {"is_looked_at": True}, "is not reduced"),
        (lambda r: {"tensors": r.tensors[:1]}, "not there"),
        (lambda r: {"ops": (replace(r.ops[0], local=()), *r.ops[1:])}, "each of its operands"),
        (lambda r: {"tensors": tuple(replace(t, producer=0) for t in r.tensors)}, "no result"),
    ],
)
def test_a_recording_that_is_not_whole_is_refused(change, message):
    whole = flow("h = Tanh x", "loss() = Mean h", inputs=["x"]).recording
    with pytest.raises(ValueError, match=message):
        replace(whole, **change(whole))


def test_what_a_rule_needs_counts_if_it_is_selected():
    asking = replace(ALL_RULES[0], needs=frozenset({Need.REDUCED}))
    assert Need.REDUCED in needs_of([asking])
    assert Need.REDUCED not in needs_of(ALL_RULES[1:])
