from __future__ import annotations

from dataclasses import replace

import pytest
from contracts import facts, model
from flows import flow

from gradlint.record.recording import Failure
from gradlint.record.terms import Region
from gradlint.rules import gl407_layer_shape
from gradlint.rules.gl406_batch_size_mismatch import RULE

IMAGE, TEXT, SCALAR = ("image", (None, 4, 4)), ("text", (None, 20)), ("age", (None,))
TWO = model(IMAGE, TEXT)
MINE = {"class_name": "Mine", "module": "mine", "config": {}, "registered_name": "mine>Mine"}
FIRES = {
    "two inputs": (facts(TWO, image=(8, 4, 4), text=(6, 20)), ("image", "text")),
    "one of three": (
        facts(model(IMAGE, TEXT, ("c", (None, 2))), image=(8, 4, 4), text=(6, 20), c=(8, 2)),
        ("text",),
    ),
    "labels": (facts(TWO, image=(8, 4, 4), text=(8, 20), y=(7,)), ("y",)),
    "weights": (facts(TWO, image=(8, 4, 4), text=(8, 20), y=(8,), sample_weight=(1,)), ("sample_weight",)),
    "a last axis Keras adds": (facts(model(("a", (None, 1)), TEXT), a=(8,), text=(6, 20)), ("a", "text")),
    "elementwise operations": (
        facts(model(IMAGE, TEXT, layers=[("Add", "keras.src.ops.numpy")]), image=(8, 4, 4), text=(6, 20)),
        ("image", "text"),
    ),
}
QUIET = {
    "agree": facts(TWO, image=(8, 4, 4), text=(8, 20), y=(8, 1)),
    "custom layers": facts(model(IMAGE, TEXT, builtin=False), image=(8, 4, 4), text=(6, 20)),
    "fixed batch": facts(model(("nodes", (10, 5)), TEXT), nodes=(10, 5), text=(6, 20)),
    "flat arrays": facts(model(SCALAR, TEXT), age=(30,), text=(6, 20)),
    "similarity matrix": facts(
        model(IMAGE, TEXT, layers=[("Matmul", "keras.src.ops.numpy")]), image=(8, 4, 4), text=(6, 20)
    ),
    "labels of one's own loss": facts(model(IMAGE, TEXT, loss=MINE), image=(8, 4, 4), text=(8, 20), y=(64,)),
    "no loss": facts(model(IMAGE, TEXT, loss=None), image=(8, 4, 4), text=(8, 20), y=(64,)),
    "undeclared": facts(model(("x", (None, 4), {"declared": False})), x=(8, 4), y=(8,)),
    "scalar label": facts(TWO, image=(8, 4, 4), text=(8, 20), y=()),
    "ragged batch": facts(TWO, image=(None, 4, 4), text=(8, 20)),
}


@pytest.mark.parametrize(("given", "keys"), FIRES.values(), ids=FIRES)
def test_fires(given, keys):
    (finding,) = RULE.check(given)
    assert finding.inputs == keys


@pytest.mark.parametrize("given", QUIET.values(), ids=QUIET)
def test_is_quiet(given):
    assert not list(RULE.check(given))


@pytest.mark.parametrize(
    ("said", "region", "codes"),
    [
        ("Incompatible shapes: [4,1] vs. [8,1]", Region.LOSS, ["GL406"]),
        ("Incompatible shapes: [8,1] vs. [8,5]", Region.LOSS, ["GL407"]),
        ("Incompatible shapes: [4,1] vs. [8,1]", Region.MODEL, ["GL407"]),
    ],
)
def test_layers_of_ones_own_may_take_other_lengths_until_the_loss_fails_on_them(said, region, codes):
    paper = facts(model(("x", (None, 3)), builtin=False), x=(8, 3), y=(4, 1))
    assert not list(RULE.check(paper))
    failure = Failure("shape", said, region, None, None, "Sub", None, None)
    run = replace(paper, flow=flow("h = MatMul x k", inputs=["x"], variables=["k"], loss="none", failure=failure))
    found = [finding for rule in (RULE, gl407_layer_shape.RULE) for finding in rule.check(run)]
    assert [finding.code for finding in found] == codes
    if codes == ["GL406"]:
        assert found[0].message.endswith("'x' has 8, 'y' has 4")


CLASH = "ConcatOp : Dimension 0 in both shapes must be equal: shape[0] = [8,3] vs. shape[1] = [6,3] [Op:ConcatV2]"


@pytest.mark.parametrize(
    ("said", "op", "shapes", "behind", "codes"),
    [
        (CLASH, "ConcatV2", ((8, 3), (6, 3)), ("a", "b"), ["GL406"]),
        (CLASH.replace("[6,3]", "[6,7]"), "ConcatV2", ((8, 3), (6, 7)), ("a", "b"), ["GL406"]),
        ("required broadcastable shapes [Op:AddV2]", "AddV2", ((8, 3), (6, 3)), ("a", "b"), ["GL406"]),
        ("Incompatible shapes: [8,3] vs. [6,3] [Op:Mul]", "Mul", ((8, 3), (6, 3)), ("a", "b"), ["GL406"]),
        # With as many rows these would fail as well: a product of queries and documents without its transposition.
        ("Matrix size-incompatible: In[0]: [8,3], In[1]: [6,3]", "MatMul", ((8, 3), (6, 3)), ("a", "b"), ["GL407"]),
        ("Incompatible shapes: [8,3] vs. [6,5] [Op:Mul]", "Mul", ((8, 3), (6, 5)), ("a", "b"), ["GL407"]),
        (CLASH.replace("[6,3]", "[6,3,2]"), "ConcatV2", ((8, 3), (6, 3, 2)), ("a", "b"), ["GL407"]),
        # What the model itself has made of one input, or of both.
        (CLASH, "ConcatV2", ((8, 3), (6, 3)), ("a",), ["GL407"]),
        (CLASH.replace("[6,3]", "[4,3]"), "ConcatV2", ((8, 3), (4, 3)), ("a", "b"), ["GL407"]),
        ("Dimension 1 must be equal: [8,3] vs. [8,4]", "ConcatV2", ((8, 3), (8, 4)), ("a", "b"), ["GL407"]),
    ],
)
def test_a_layer_that_cannot_join_the_lengths_of_the_sample_is_the_place_and_not_the_cause(
    said, op, shapes, behind, codes
):
    paper = facts(model(("a", (None, 3)), ("b", (None, 3)), builtin=False), a=(8, 3), b=(6, 3), y=(8, 1))
    failure = Failure("shape", said, Region.MODEL, "join", "Join", op, "m.py", 7, shapes, behind)
    run = replace(paper, flow=flow("h = MatMul a k", inputs=["a"], variables=["k"], loss="none", failure=failure))
    (finding,) = (finding for rule in (RULE, gl407_layer_shape.RULE) for finding in rule.check(run))
    assert [finding.code] == codes
    assert (finding.cause.layer, finding.cause.line) == ("join", 7)
    if codes == ["GL406"]:
        assert finding.inputs == ("b",)
        assert "bring them to one length" in finding.advice
