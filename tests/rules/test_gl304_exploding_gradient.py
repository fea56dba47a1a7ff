from __future__ import annotations

import pytest
from dense_models import ramp, stack
from flows import facts, flow, found

from gradlint.rules.gl304_exploding_gradient import RULE

FIRES = {
    "steady": (
        stack(ramp(8.0, 9)),
        [("warning", ("x",), ("d0/kernel", "d1/kernel", "d2/kernel", "d3/kernel", "d4/kernel"), "d0")],
    ),
    "just enough layers": (
        stack(ramp(8.0, 8)),
        [("warning", ("x",), ("d0/kernel", "d1/kernel", "d2/kernel", "d3/kernel", "d4/kernel"), "d0")],
    ),
    "with one exception": (
        stack([8.0, 9.0, 7.0, 6.0, 5.0, 4.0, 3.5, 2.0, 1.0, 0.0]),
        [
            (
                "warning",
                ("x",),
                ("d0/kernel", "d1/kernel", "d2/kernel", "d3/kernel", "d4/kernel", "d5/kernel", "d6/kernel"),
                "d0",
            )
        ],
    ),
}
QUIET = {
    "even": stack([0.0] * 12),
    "less than six orders": stack(ramp(5.9, 12)),
    "too few layers": stack(ramp(8.0, 7)),
    "the other way": stack(ramp(-8.0, 12)),
    "one jump": stack([8.0] * 6 + [0.0] * 6),
    "up and down": stack([8.0, 0.0] * 6),
    "no loss": stack(ramp(8.0, 9), loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", False), (1e-3, True), ("non-finite", False)])
def test_only_finite_gradients_make_a_trend(state, fires):
    orders = ramp(8.0, 8)
    assert bool(found(RULE, stack([state if isinstance(state, str) else orders[0] + 0.5, *orders[1:]]))) is fires


def test_biases_do_not_count():
    biased = flow(
        *[f"h{n} = BiasAdd {'x' if n == 0 else f'h{n - 1}'} d{n}/bias" for n in range(9)],
        "-- loss",
        "loss() = Mean h8",
        inputs=["x"],
        variables=[f"d{n}/bias(4)" for n in range(9)],
        gradients={f"h{n}": 10.0**order for n, order in enumerate(ramp(8.0, 9))},
    )
    assert found(RULE, biased) == []


def test_evidence():
    (finding,) = RULE.check(facts(stack(ramp(8.0, 9))))
    assert finding.evidence == {"orders": 8.0, "orders_per_layer": 1.0}
    assert (
        "gradients grow by 8.0 orders of magnitude from 'd8/kernel' to 'd0/kernel', 1.00 per layer" in finding.message
    )
