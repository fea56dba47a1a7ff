from __future__ import annotations

from dataclasses import replace

import pytest
from contracts import facts, model
from flows import flow

from gradlint.record.recording import Failure, Region
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
