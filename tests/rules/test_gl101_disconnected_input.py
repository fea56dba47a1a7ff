from __future__ import annotations

from dataclasses import replace

import pytest
from flows import call, facts, flow, found, given, variable

from gradlint.load.binding import Binding
from gradlint.load.spec import InputSpec, ModelSpec
from gradlint.rules.gl101_disconnected_input import RULE

HEAD = ("o(8,1) = MatMul h head/kernel @head", "-- loss", "loss() = Mean o")


def two(*lines, **options):
    """Inputs a and b, of which `lines` make h."""
    options = {"inputs": ["a", "b"], "variables": ["left/kernel", "right/kernel", "head/kernel"]} | options
    return flow(*lines, *HEAD, outputs=["o"], **options)


ONLY_LEFT = ("h = MatMul a left/kernel @left",)
DROPPED = ("r = MatMul b right/kernel @right :7", *ONLY_LEFT)

FIRES = {
    "read by nothing": (
        two(*ONLY_LEFT, variables=["left/kernel", "head/kernel"]),
        [("error", ("b",), (), "b")],
    ),
    "computed and dropped, with its tower": (
        two(*DROPPED),
        [("error", ("b",), ("right/kernel",), "right MatMul :7")],
    ),
    "only its shape is read": (
        two("s:int32(2,) = Shape b", "z = Zeros s", "h = AddV2 a z", variables=["head/kernel"]),
        [("error", ("b",), (), "b")],
    ),
    "integers": (
        two(
            *ONLY_LEFT,
            "e = GatherV2 right/embedding b @right",
            inputs=["a", "b:int32(8,)"],
            variables=["left/kernel", "right/embedding", "head/kernel"],
        ),
        [("error", ("b",), ("right/embedding",), "right GatherV2")],
    ),
    "two lost at one operation": (
        flow(
            "m = AddV2 b c @join :3",
            *ONLY_LEFT,
            *HEAD,
            inputs=["a", "b", "c"],
            variables=["left/kernel", "head/kernel"],
        ),
        [("error", ("b", "c"), (), "join AddV2 :3")],
    ),
    "two lost in two places": (
        flow(
            "p = Relu b @one :3",
            "q = Relu c @two :4",
            *ONLY_LEFT,
            *HEAD,
            inputs=["a", "b", "c"],
            variables=["left/kernel", "head/kernel"],
        ),
        [("error", ("b",), (), "one Relu :3"), ("error", ("c",), (), "two Relu :4")],
    ),
    "an output of a sub-model that is not taken": (
        two(
            "r = MatMul b right/kernel @sub/right",
            "h = MatMul a left/kernel @sub/left",
            calls=[call("sub -> h r", is_model=True)],
        ),
        [("warning", ("b",), ("right/kernel",), "right MatMul")],
    ),
    "an output of a library's sub-model that is not taken": (
        two(
            "r = MatMul b right/kernel @sub/right",
            "h = MatMul a left/kernel @sub/left",
            calls=[call("sub -> h r", is_model=True, is_library=True, class_name="Backbone")],
        ),
        [("info", ("b",), ("right/kernel",), "right MatMul")],
    ),
}
QUIET = {
    "both used": two("l = MatMul a left/kernel", "r = MatMul b right/kernel", "h = AddV2 l r"),
    "used behind a stop_gradient": two("s = StopGradient b", "h = AddV2 a s", variables=["head/kernel"]),
    "used by its values through integers": two("i:int64(8,) = ArgMax b", "g = GatherV2 left/kernel i", "h = AddV2 a g"),
    "one way dropped, one taken": two("r = Relu b", "d = Tanh r", "h = AddV2 a r", variables=["head/kernel"]),
    "only a variable is lost": two("w = MatMul right/kernel left/kernel", "h = AddV2 a b"),
    "never received": two(*ONLY_LEFT, inputs=["a", given("b", tensor=None)], variables=["left/kernel", "head/kernel"]),
    "only decides a branch": two(
        "s() = Sum b", "d:bool() = Greater s 0", *ONLY_LEFT, decisions=["d"], variables=["left/kernel", "head/kernel"]
    ),
    "no loss": two(*DROPPED, loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize("state", ["absent", "zero", 1e-30, "non-finite"])
def test_a_path_counts_whatever_the_gradient_is(state):
    subject = two("h = AddV2 a b", gradients={"b": state}, variables=["head/kernel"])
    assert found(RULE, subject) == []


def test_the_line_of_the_return_is_better_than_that_of_the_operation():
    calls = [call("tower -> h", first=0, last=4)]
    subject = two("r = MatMul b right/kernel @tower/right", "h = MatMul a left/kernel @tower/left", calls=calls)
    returned = two(
        "r = MatMul b right/kernel @tower/right",
        "h = MatMul a left/kernel @tower/left",
        calls=[call("tower -> h", first=0, last=4, return_file="tower.py", return_line=21)],
    )
    (finding,) = RULE.check(facts(subject, returns=returned))
    assert (finding.cause.file, finding.cause.line) == ("tower.py", 21)


def test_the_line_that_receives_the_value_is_named_beside_that_of_the_return():
    lines = "r = MatMul b right/kernel @tower/right", "h = MatMul a left/kernel @tower/left"
    inner = call("tower/right -> r", first=0, last=1, caller_file="tower.py", caller_line=19)
    calls = [call("tower -> h", first=0, last=4), inner]
    outer = call("tower -> h", first=0, last=4, return_file="tower.py", return_line=21)
    (finding,) = RULE.check(facts(two(*lines, calls=calls), returns=two(*lines, calls=[outer, inner])))
    assert (finding.cause.file, finding.cause.line) == ("tower.py", 21)
    assert "dropped after line 19 receives it" in finding.message
    (finding,) = RULE.check(facts(two(*lines, calls=calls)))
    assert (finding.cause.line, "receives" in finding.message) == (19, False)


def test_counts_the_variables_lost_with_it():
    (finding,) = RULE.check(facts(two(*DROPPED)))
    assert finding.evidence["variables"] == 1
    assert "1 trainable variable" in finding.message


def test_frozen_variables_are_not_lost():
    subject = two(*DROPPED, variables=["left/kernel", variable("right/kernel", trainable=False), "head/kernel"])
    assert [variables for _, _, variables, _ in found(RULE, subject)] == [()]


def unread(*keys, inputs=None, outputs=("reg", "cls"), labels=()):
    """Advice on keys of a sample that a model reads nothing of, by the key."""
    lines = ["h = MatMul x k @body", *(f"{name}(8,1) = MatMul h k{name} @{name}" for name in outputs)]
    subject = flow(
        *lines, "-- loss", f"loss() = Mean {outputs[0]}", outputs=list(outputs), inputs=["x", *keys],
        variables=["k", *(f"k{name}" for name in outputs)],
    )  # fmt: skip
    given_facts = replace(
        facts(subject),
        spec=ModelSpec("m", "Mine", inputs=inputs),
        binding=Binding(tuple((key, key) for key in ("x", *keys)), tuple((name, f"y:{name}") for name in labels)),
    )
    return {finding.inputs[0]: finding.advice for finding in RULE.check(given_facts) if finding.inputs[0] in keys}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (unread("y_reg"), "call it 'y:reg'."),
        (unread("target_cls", labels=["reg"]), "call it 'y:cls'."),
        (unread("price"), "call it one of 'y:reg', 'y:cls'."),
        (unread("y_reg", outputs=["out"]), "call it 'y'."),
    ],
)
def test_a_key_that_a_model_does_not_declare_may_hold_labels(found, words):
    (advice,) = found.values()
    assert advice.startswith(RULE.advice)
    assert advice.endswith(words)


def test_a_declared_input_or_one_beside_all_labels_holds_none():
    declared = (InputSpec("x", "x", (None, 4), "float32"), InputSpec("y_reg", "y_reg", (None, 1), "float32"))
    assert unread("y_reg", inputs=declared) == {"y_reg": ""}
    assert unread("y_reg", outputs=["out"], labels=[""]) == {"y_reg": ""}
