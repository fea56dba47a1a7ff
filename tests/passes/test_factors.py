"""Variables of zeros that keep each other at zero."""

from __future__ import annotations

from flows import facts, flow, variable

FIRST, LAST = variable("dense/kernel(4,4)", values="zeros"), variable("last/kernel(4,4)", values="zeros")
BIAS = variable("dense/bias(4)", values="zeros")


def chain(*variables):
    return flow(
        "h = MatMul x dense/kernel @dense",
        "c = AddV2 h dense/bias @dense",
        "o = MatMul c last/kernel @last !zero,zero",
        "-- loss",
        "loss() = Mean o",
        inputs=["x"],
        variables=variables,
        outputs=["o"],
    )


def alone(**alive):
    return lambda paths: {path: frozenset(alive.get(path.partition("/")[0], ())) for path in paths}


def partners(experiment, *variables):
    (block,) = facts(chain(*variables), alone=experiment).blocks
    return [variable.path for variable in block.partners]


def test_a_factor_that_revives_the_other_is_its_partner():
    assert partners(alone(dense=["last/kernel"]), FIRST, LAST, BIAS) == ["dense/kernel"]


def test_one_that_revives_nothing_is_none():
    assert partners(alone(dense=["dense/kernel"]), FIRST, LAST, BIAS) == []


def test_a_bias_and_what_holds_values_are_not_tried():
    asked = []
    found = partners(lambda paths: asked.extend(paths) or {}, "dense/kernel", LAST, BIAS)
    assert (found, asked) == ([], [])
