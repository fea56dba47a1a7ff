"""Where two runs part, on trails built by hand: each value is a number that stands for an array."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradlint.comparison import Stage
from gradlint.passes.parting import number_of_same, paired, parting, unequal
from gradlint.record.recording import ABSENT as NO_GRADIENT
from gradlint.record.recording import LossRecord, OpRecord, Recording, TensorRecord
from gradlint.record.step_record import AskedSource, Frame, GradientCall, StepRecord, Update, UpdatePair
from gradlint.record.terms import Region, TargetKind
from gradlint.record.trail import OptimizerTrail, Print, Trail, VariableTrail

VARIABLES = ("kernel", "bias")
FORWARD = ("h = MatMul x kernel", "o = BiasAdd h bias", "d = Sub o y", "loss = Mean d")
VALUES = {"x": 2.0, "y": 3.0, "kernel": 5.0, "bias": 7.0, "h": 11.0, "o": 13.0, "d": 17.0, "loss": 19.0}
SLOPES = {"kernel": 23.0, "bias": 29.0}


def print_of(number, size=4):
    return Print((size,), "float32", abs(number), (number, number / 2))


def trail(
    lines=FORWARD, values=VALUES, gradients=SLOPES, applied=None, moved=None, *, sizes=None, start=0, slopes=None
):
    """A step that differentiates the result of its last line; `gradients` are the tape's answers, by variable."""
    sizes = sizes or {}
    names, ops = {}, []
    for line in lines:
        result, _, rest = line.partition(" = ")
        op, *operands = rest.split()
        for name in (*operands, result):
            names.setdefault(name, len(names))
        ops.append((op, [names[name] for name in operands], names[result], len(ops)))
    producers = {result: number for _, _, result, number in ops}
    recording = Recording(
        ops=tuple(
            OpRecord(op, "", "step.py", number + 1, Region.LOSS, tuple(ins), (out,), ())
            if not ins
            else OpRecord(op, "", "step.py", number + 1, Region.LOSS, tuple(ins), (out,), tuple(_local(ins)))
            for op, ins, out, number in ops
        ),
        tensors=tuple(
            TensorRecord((sizes.get(name, 4),), "float32", producers.get(index), NO_GRADIENT)
            for name, index in names.items()
        ),
        calls=(),
        inputs=(),
        variables=(),
        outputs=(),
        labels=(),
        loss=LossRecord("step", ""),
    )
    frames = (Frame("step.py", 50, 1),)
    sources = tuple(AskedSource(names.get(v, 0), v, "float32") for v in gradients)
    call = GradientCall("gradient", 0, frames, 9, 9, (ops[-1][2],), TargetKind.TENSOR, "loss", sources)
    applied = gradients if applied is None else applied
    update = Update("SGD", frames, 9, 9, tuple(UpdatePair(None, v, 0) for v in applied))
    moved = {v: (g or 0.0) / 10 for v, g in applied.items()} if moved is None else moved
    return Trail(
        recording,
        StepRecord("step", calls=(call,), updates=(update,)),
        {index: print_of(values[name], sizes.get(name, 4)) for name, index in names.items() if name in values},
        slopes={names[name]: print_of(number) for name, number in (slopes or {}).items()},
        answers={(0, place): print_of(g) for place, g in enumerate(gradients.values()) if g is not None},
        scales=(1.0,),
        applied={(0, place): print_of(g) for place, g in enumerate(applied.values()) if g is not None},
        variables=tuple(
            VariableTrail(v, start + place, (4,), "float32", True, print_of(values[v]), print_of(moved.get(v, 0.0)))
            for place, v in enumerate(VARIABLES)
        ),
        optimizers=(OptimizerTrail("SGD", {"learning_rate": "0.1"}),),
    )


def _local(ins):
    from gradlint.record.terms import Local

    return [Local.PASSES for _ in ins]


def test_a_step_does_not_part_from_itself():
    assert parting(trail(), trail()) is None
    assert number_of_same(trail(), trail()) == {"values": 8, "gradients": 2, "variables": 2}


def test_other_operations_with_the_same_values_are_the_same():
    other = trail(
        ("h = Einsum x kernel", "o = AddV2 bias h", "d = Sub o y", "s = Sum d", "loss = Mul s"), VALUES | {"s": 38.0}
    )
    assert parting(trail(), other) is None


def test_the_first_operation_is_named_whose_result_the_other_does_not_have():
    other = trail(
        ("h = MatMul x kernel", "n = Relu h", "o = BiasAdd n bias", "d = Sub o y", "loss = Mean d"),
        VALUES | {"n": 4.0, "o": 6.0, "d": 8.0, "loss": 10.0},
        {"kernel": 1.0, "bias": 29.0},
    )
    found = parting(trail(), other)
    assert found is not None
    assert (found.stage, found.first.cause.op, found.second.cause.op) == (Stage.LOSS, "BiasAdd", "Relu")
    assert (found.second.cause.file, found.second.cause.line) == ("step.py", 2)


def test_one_factor_for_all_gradients_is_told():
    larger = trail(values=VALUES | {"loss": 190.0}, gradients={v: 10 * g for v, g in SLOPES.items()})
    found = parting(trail(), larger)
    assert found is not None
    assert found.factor == pytest.approx(10.0)
    assert parting(larger, trail()).factor == pytest.approx(0.1)


def test_several_factors_are_none():
    found = parting(trail(), trail(values=VALUES | {"loss": 190.0}, gradients={"kernel": 46.0, "bias": 29.0}))
    assert found is not None
    assert found.factor is None


def test_a_loss_that_differs_by_a_constant_alone_is_the_same():
    assert parting(trail(), trail(values=VALUES | {"loss": 20.0})) is None


@pytest.mark.parametrize(
    ("mine", "theirs", "states"),
    [(23.0, None, ("finite", "None")), (23.0, 0.0, ("finite", "zero")), (None, 23.0, ("None", "finite"))],
)
def test_none_is_not_zero_and_neither_is_a_number(mine, theirs, states):
    found = parting(trail(gradients={"kernel": mine, "bias": 29.0}), trail(gradients={"kernel": theirs, "bias": 29.0}))
    assert found is not None
    assert (found.stage, found.states, found.variables) == (Stage.GRADIENT, states, ((0, 0),))


def test_a_gradient_that_is_noise_in_both_is_the_same():
    assert (
        parting(trail(gradients={"kernel": 23.0, "bias": 1e-9}), trail(gradients={"kernel": 23.0, "bias": -2e-9}))
        is None
    )


def test_variables_that_one_step_does_not_ask_for():
    found = parting(trail(), trail(gradients={"kernel": 23.0}))
    assert found is not None
    assert (found.states, found.variables) == (("asked for", "not asked for"), ((1, -1),))


def test_the_operation_that_hands_on_another_gradient():
    slopes = {"loss": 1.0, "d": 31.0, "o": 37.0, "h": 41.0}
    stopped = trail(
        ("h = MatMul x kernel", "p = BiasAdd h bias", "o = StopGradient p", "d = Sub o y", "loss = Mean d"),
        VALUES | {"p": 13.0},
        {"kernel": None, "bias": None},
        slopes={"loss": 1.0, "d": 31.0, "o": 37.0},
    )
    found = parting(trail(slopes=slopes), stopped)
    assert found is not None
    assert found.second.cause.op == "StopGradient"


def test_exchanged_gradients_are_told():
    found = parting(trail(), trail(applied={"kernel": 29.0, "bias": 23.0}))
    assert found is not None
    assert (found.stage, found.swapped) == (Stage.APPLIED, ((0, 1), (1, 0)))


def test_gradients_that_are_changed_before_they_are_applied():
    found = parting(trail(), trail(applied={"kernel": 2.3, "bias": 2.9}))
    assert found is not None
    assert (found.stage, found.swapped) == (Stage.APPLIED, ())
    assert found.factor == pytest.approx(0.1)


def test_updates_of_another_size():
    found = parting(trail(), trail(moved={"kernel": 4.6, "bias": 2.9}))
    assert found is not None
    assert (found.stage, found.variables, found.states) == (Stage.UPDATE, ((0, 0),), ("moves", "moves"))
    assert parting(trail(), trail(moved={"kernel": 0.0, "bias": 2.9})).states == ("moves", "stays")


def test_what_is_found_later_is_further():
    lost = parting(trail(), trail(values=VALUES | {"loss": 7.0}, gradients={"kernel": 1.0, "bias": 2.0}))
    late = parting(trail(), trail(moved={"kernel": 4.6, "bias": 2.9}))
    assert late.is_after(lost)
    assert not lost.is_after(late)


def test_variables_of_two_models_are_paired_by_form_and_order():
    one, other = trail(), trail(start=10)
    assert paired(one, other) == {0: 0, 1: 1}
    assert parting(one, other) is None
    more = replace(other, variables=(replace(other.variables[0], key=9, path="a/gamma"), *other.variables))
    assert paired(one, more) == {0: 1, 1: 2}


def test_other_weights_are_told():
    one, other = trail(), trail(values=VALUES | {"bias": 8.0}, start=10)
    assert unequal(one, other, paired(one, other)) == (1,)
    assert unequal(one, trail(start=10), {0: 0, 1: 1}) == ()


def test_half_precision_may_differ_by_more():
    rough = Print((4,), "float16", 1.0, (1.0, 0.5))
    assert rough.is_like(replace(rough, norm=1.01, marks=(1.01, 0.505)))
    assert not print_of(1.0).is_like(print_of(1.01))


def test_nan_is_not_the_same_as_a_number():
    assert not replace(print_of(1.0), nonfinite=1).is_like(print_of(1.0))
