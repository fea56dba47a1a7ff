from __future__ import annotations

import pytest
from flows import facts, flow, found, given

from gradlint.rules.gl205_partly_used_input import RULE


def flags(length, used):
    return tuple(n in used for n in range(length))


def sliced(shape, *used, cut="StridedSlice", others=("other",), gradient="finite", **options):
    """An input x of which some slices are used per axis, beside others."""
    sizes = ",".join(map(str, shape))
    entry = given(f"x({sizes})", used=tuple(flags(n, u) for n, u in zip(shape[1:], used, strict=True)))
    return flow(
        "r = Reshape x shape @cut",
        f"s = {cut} r @cut :4",
        "o = MatMul s k @head",
        "-- loss",
        "loss() = Mean o",
        inputs=[entry, *others],
        variables=["k"],
        gradients={"x": gradient},
        **options,
    )


ALL = range(1000)
FIRES = {
    "last step of several inputs": (
        sliced((2, 10, 4), [9], ALL),
        [("warning", ("x",), (), "cut StridedSlice :4")],
    ),
    "last step of the only input": (
        sliced((2, 10, 4), [9], ALL, others=()),
        [("info", ("x",), (), "cut StridedSlice :4")],
    ),
    "two steps of the only input": (
        sliced((2, 10, 4), [8, 9], ALL, others=()),
        [("warning", ("x",), (), "cut StridedSlice :4")],
    ),
    "one column": (sliced((2, 4), [0, 1, 3], cut="GatherV2"), [("warning", ("x",), (), "cut GatherV2 :4")]),
    "nothing slices it": (sliced((2, 4), [0, 1, 3], cut="Relu"), [("info", ("x",), (), "")]),
    "both axes": (
        sliced((2, 10, 4), [4], [0]),
        [("warning", ("x",), (), "cut StridedSlice :4")] * 2,
    ),
    "half of an image": (sliced((2, 8, 8, 3), range(4), ALL, ALL), [("warning", ("x",), (), "cut StridedSlice :4")]),
    "a channel of an image": (
        sliced((2, 8, 8, 4), ALL, ALL, range(3)),
        [("warning", ("x",), (), "cut StridedSlice :4")],
    ),
    "more than a margin": (sliced((2, 10, 4), range(6), ALL), [("warning", ("x",), (), "cut StridedSlice :4")]),
    "in the middle": (
        sliced((2, 10, 4), [0, 1, 2, 3, 6, 7, 8, 9], ALL),
        [("warning", ("x",), (), "cut StridedSlice :4")],
    ),
}
QUIET = {
    "all used": sliced((2, 10, 4), ALL, ALL),
    "a margin of a sequence": sliced((2, 10, 4), range(7), ALL),
    "a margin at both ends": sliced((2, 10, 4), range(1, 9), ALL),
    "a margin of a long vector": sliced((2, 100), range(66)),
    "less than half of an image": sliced((2, 8, 8, 3), range(5), ALL, ALL),
    "none at all, which is another rule's": sliced((2, 4), []),
    "used in a probe": facts(sliced((2, 4), [0, 1, 3]), probes=[sliced((2, 4), ALL)]),
    "of another length in a probe": facts(sliced((2, 4), [0, 1, 3]), probes=[sliced((2, 5), [0, 1, 3])]),
    "integers": flow(
        "o = GatherV2 k x",
        "-- loss",
        "loss() = Mean o",
        inputs=[given("x:int32(2,4)", used=((True, False, True, True),))],
        variables=["k"],
    ),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", False), (1e-30, True), ("non-finite", False)])
def test_speaks_only_where_a_gradient_is_finite(state, fires):
    assert bool(found(RULE, sliced((2, 4), [0, 1, 3], gradient=state))) is fires


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (sliced((2, 10, 4), [9], ALL), "time steps 0-8 of 10 of 'x' receive no gradient"),
        (sliced((2, 4), [0, 1, 3]), "column 2 of 4 of 'x' receives no gradient"),
        (sliced((2, 4), [1]), "columns 0 and 2-3 of 4 of 'x' receive no gradient"),
        (sliced((2, 8, 8, 3), ALL, [0], ALL), "slice of axis 2 1-7 of 8 of 'x' receive no gradient"),
    ],
)
def test_says_which(subject, words):
    (finding,) = RULE.check(facts(subject))
    assert finding.message.startswith(words)


def test_columns_have_no_margin():
    assert len(found(RULE, sliced((2, 10, 8), ALL, range(6)))) == 1


def test_one_column_is_no_last_step():
    assert found(RULE, sliced((2, 10, 8), ALL, [3], others=()))[0][0] == "warning"
