from __future__ import annotations

import pytest
from flows import flow, given

from gradlint.passes.partial import unused_slices


def run(shape, *used, line="s = StridedSlice x @cut", others=("y",), gradients=None):
    sizes = ",".join(map(str, shape))
    flags = tuple(tuple(n in axis for n in range(size)) for size, axis in zip(shape[1:], used, strict=True))
    return flow(
        line,
        "loss() = Mean s",
        inputs=[given(f"x({sizes})", used=flags), *others],
        gradients=gradients or {},
    )


def slices(subject, *probes):
    return [(u.axis, u.slices) for u in unused_slices(subject, probes)]


@pytest.mark.parametrize(
    ("shape", "used", "expected"),
    [
        ((2, 4), [{0, 1, 3}], [(1, (2,))]),
        ((2, 4), [{1, 2, 3}], [(1, (0,))]),
        ((2, 4), [{0, 1, 2, 3}], []),
        ((2, 4), [set()], []),
        ((2, 63), [set(range(60))], [(1, (60, 61, 62))]),
        ((2, 64), [set(range(60))], []),
        ((2, 64), [set(range(10))], [(1, tuple(range(10, 64)))]),
        ((2, 10, 2), [set(range(7)), {0, 1}], []),
        ((2, 10, 2), [set(range(6)), {0, 1}], [(1, (6, 7, 8, 9))]),
        ((2, 10, 2), [{0, 1, 3, 4, 5, 6, 7, 8, 9}, {0, 1}], [(1, (2,))]),
        ((2, 8, 8, 1), [set(range(5)), set(range(8)), {0}], []),
        ((2, 8, 8, 1), [set(range(4)), set(range(8)), {0}], [(1, (4, 5, 6, 7))]),
        ((2, 10, 2), [{9}, {1}], [(1, tuple(range(9))), (2, (0,))]),
    ],
    ids=str,
)
def test_slices(shape, used, expected):
    assert slices(run(shape, *used)) == expected


def test_a_probe_can_only_add_uses():
    subject = run((2, 4), {0})
    assert slices(subject, run((2, 4), {1})) == [(1, (2, 3))]
    assert slices(subject, run((2, 4), {1, 2, 3})) == []
    assert slices(subject, run((2, 4), {0}), run((2, 4), {2})) == [(1, (1, 3))]


def test_a_probe_without_the_input_says_nothing():
    other = flow("s = Tanh y", "loss() = Mean s", inputs=["y"])
    assert slices(run((2, 4), {0}), other) == []


@pytest.mark.parametrize("op_type", ["StridedSlice", "Slice", "GatherV2", "GatherNd", "Split", "SplitV", "Unpack"])
def test_the_operation_that_slices(op_type):
    (unused,) = unused_slices(run((2, 4), {0}, line=f"s = {op_type} x @cut"), ())
    assert (unused.op.type, unused.op.layer, unused.position) == (op_type, "cut", 0)


def test_no_operation_slices():
    (unused,) = unused_slices(run((2, 4), {0}, line="s = Relu x"), ())
    assert (unused.op, unused.position) == (None, -1)


def test_the_nearest_slicing_operation():
    subject = flow(
        "a = Reshape x s0",
        "b = StridedSlice a @far",
        "c = Slice x @near",
        "s = AddV2 b c",
        "loss() = Mean s",
        inputs=[given("x(2,4)", used=((True, False, True, True),))],
    )
    (unused,) = unused_slices(subject, ())
    assert unused.op.layer == "near"


@pytest.mark.parametrize(
    ("shape", "used", "others", "is_last"),
    [
        ((2, 10, 2), [{9}, {0, 1}], (), True),
        ((2, 10, 2), [{0}, {0, 1}], (), True),
        ((2, 10, 2), [{9}, {0, 1}], ("y",), False),
        ((2, 10, 2), [{8, 9}, {0, 1}], (), False),
        ((2, 10), [{9}], (), False),
    ],
)
def test_one_step_of_the_only_input(shape, used, others, is_last):
    (unused,) = unused_slices(run(shape, *used, others=others), ())
    assert unused.is_last_step is is_last


@pytest.mark.parametrize(("state", "count"), [("absent", 0), ("zero", 0), (1e-30, 1), ("non-finite", 0)])
def test_states(state, count):
    assert len(unused_slices(run((2, 4), {0}, gradients={"x": state}), ())) == count


def recurrence(step, *, length=3, others=()):
    """Every step is read and joined again, and one of the joined is taken."""
    states = [f"h{n}" for n in range(length)]
    return flow(
        f"{' '.join(f's{n}' for n in range(length))} = Unpack x @rnn",
        *[f"h{n} = Tanh s{n} @rnn{' !zero' if n != step else ''}" for n in range(length)],
        f"j = Pack {' '.join(states)} @rnn !{','.join('passes' for _ in states)}",
        "unread = StridedSlice j @rnn",
        "t = Transpose j @rnn",
        "o = StridedSlice t @pick",
        "-- loss",
        "loss() = Mean o",
        inputs=[given(f"x(2,{length},2)", used=(tuple(n == step for n in range(length)), (True, True))), *others],
        gradients={f"h{n}": "zero" for n in range(length) if n != step} | {"unread": "absent"},
    )


@pytest.mark.parametrize(("step", "is_last"), [(0, False), (1, False), (2, True)])
def test_a_step_of_what_a_recurrence_returns(step, is_last):
    (unused,) = unused_slices(recurrence(step), ())
    assert unused.op.layer == "pick"
    assert unused.is_last_step is is_last


def test_a_split_all_of_whose_parts_are_read_leaves_nothing_out():
    subject = flow(
        "a b = Split x @both",
        "s = AddV2 a b",
        "loss() = Mean s",
        inputs=[given("x(2,4)", used=((True, False, True, True),))],
    )
    (unused,) = unused_slices(subject, ())
    assert unused.op is None
