from __future__ import annotations

import pytest
from flows import facts, flow, found, variable

from gradlint.rules.gl206_symmetric_weights import RULE


def stack(*equal, tracked=True, **options):
    """Two Dense layers on x and one on y; the kernels named have equal units."""
    names = ["a/kernel", "b/kernel", "c/kernel"]
    variables = [variable(f"{name}(4,4)", units_equal=name in equal, tracked=tracked) for name in names]
    return flow(
        "h = MatMul x a/kernel @a",
        "i = MatMul h b/kernel @b",
        "j = MatMul y c/kernel @c",
        "o = AddV2 i j",
        "-- loss",
        "loss() = Mean o",
        inputs=["x", "y"],
        variables=options.pop("variables", variables),
        **options,
    )


FIRES = {
    "one": (stack("a/kernel"), [("warning", ("x",), ("a/kernel",), "a")]),
    "all, once": (
        stack("a/kernel", "b/kernel", "c/kernel"),
        [("warning", ("x", "y"), ("a/kernel", "b/kernel", "c/kernel"), "a")],
    ),
    "equal in every probe": (
        facts(stack("a/kernel"), probes=[stack("a/kernel"), stack("a/kernel", "b/kernel")]),
        [("warning", ("x",), ("a/kernel",), "a")],
    ),
    "on a line": (
        stack(variables=[variable("a/kernel(4,4)", units_equal=True, file="model.py", line=3), "b/kernel", "c/kernel"]),
        [("warning", ("x",), ("a/kernel",), "a :3")],
    ),
}
QUIET = {
    "different": stack(),
    "different in a probe": facts(stack("a/kernel"), probes=[stack("a/kernel"), stack()]),
    "frozen": stack(
        variables=[variable("a/kernel", units_equal=True, trainable=False), "b/kernel", "c/kernel"],
    ),
    "untracked": stack("a/kernel", tracked=False),
    "integers": stack(variables=[variable("a/kernel:int8", units_equal=True), "b/kernel", "c/kernel"]),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize("state", ["absent", "zero", 1e-30, "non-finite"])
def test_different_units_are_healthy_whatever_the_gradient_is(state):
    assert found(RULE, stack(gradients={"a/kernel": state})) == []


@pytest.mark.parametrize(
    ("equal", "words"),
    [
        (["a/kernel"], "all 4 units of 'a/kernel' start equal and receive equal gradients: they can never differ"),
        (["a/kernel", "b/kernel", "c/kernel"], "and so do those of 2 more kernels"),
    ],
)
def test_counts(equal, words):
    (finding,) = RULE.check(facts(stack(*equal)))
    assert words in finding.message
    assert finding.evidence == {"units": 4, "kernels": len(equal)}
