from __future__ import annotations

import math
from dataclasses import replace

import pytest
from flows import flow, variable

from gradlint.passes.scale import AGREEMENT, trend
from gradlint.record.recording import Gradient
from gradlint.record.start import Start, Update
from gradlint.result import GradientState
from gradlint.thresholds import DEFAULT_THRESHOLDS, Thresholds


def stack(orders, *, shape="(8,4)", read=(), variables=None):
    """One product per entry, with the order of magnitude of the gradient that arrives at it."""
    lines = []
    for n in range(len(orders)):
        lines += [line.format(n=n) for line in read]
        lines.append(
            f"h{n}{shape} = MatMul {'x' if n == 0 else f'h{n - 1}'} {'r{n}' if read else 'd{n}/kernel'} @d{n}".replace(
                "{n}", str(n)
            )
        )
    return flow(
        *lines,
        f"loss() = Mean h{len(orders) - 1}",
        inputs=["x"],
        variables=variables or [f"d{n}/kernel(4,4)" for n in range(len(orders))],
        gradients={f"h{n}": 10.0**order for n, order in enumerate(orders)},
    )


def ramp(orders, kernels=9):
    return [orders * (1 - n / (kernels - 1)) for n in range(kernels)]


FEWEST_KERNELS = int(DEFAULT_THRESHOLDS.trend_kernels)
ORDERS, VANISHING = DEFAULT_THRESHOLDS.trend_orders, DEFAULT_THRESHOLDS.vanishing_orders


@pytest.mark.parametrize("sign", [1, -1])
def test_a_straight_line_is_measured_exactly(sign):
    found = trend(stack(ramp(sign * 8.0)))
    assert found.orders == pytest.approx(sign * 8.0)
    assert found.per_layer == pytest.approx(sign * 1.0)
    assert (found.first.path, found.last.path) == ("d0/kernel", "d8/kernel")


@pytest.mark.parametrize("kernels", range(FEWEST_KERNELS - 1, FEWEST_KERNELS + 8))
def test_from_how_many_kernels_on(kernels):
    assert (trend(stack(ramp(-9.0, kernels))) is not None) is (kernels >= FEWEST_KERNELS)


@pytest.mark.parametrize(("more", "is_trend"), [(0.01, True), (-0.01, False)])
def test_from_how_many_orders_on(more, is_trend):
    assert (trend(stack(ramp(-VANISHING - more, 16))) is not None) is is_trend
    assert (trend(stack(ramp(ORDERS + more, 16))) is not None) is is_trend


def test_what_a_kernel_adds_up_over_positions_does_not_vanish():
    """The same gradient at each element, at fewer and fewer positions, is what averages leave."""
    sizes = [4 ** (8 - n) for n in range(9)]
    lines = [f"h{n}(8,{size},4) = Conv2D {'x' if n == 0 else f'h{n - 1}'} d{n}/kernel" for n, size in enumerate(sizes)]
    known = {"inputs": ["x"], "variables": [f"d{n}/kernel(3,3,4,4)" for n in range(9)]}

    def with_norm(order):
        """The norm over all elements whose root mean square has an order."""
        return {f"h{n}": 10.0 ** order(size) * (8 * size * 4) ** 0.5 for n, size in enumerate(sizes)}

    averaged = flow(*lines, "loss() = Mean h8", gradients=with_norm(lambda size: -math.log10(size)), **known)
    vanishing = flow(*lines, "loss() = Mean h8", gradients=with_norm(lambda size: -2.5 * math.log10(size)), **known)
    assert trend(averaged) is None
    assert trend(vanishing).orders < -VANISHING


@pytest.mark.parametrize(("relative", "is_trend"), [(1.0, False), (1e-7, True)])
def test_kernels_that_get_enough_for_their_size_do_not_vanish(relative, is_trend):
    subject = stack(ramp(-8.0))
    learners = tuple(
        replace(record, gradient=Gradient(GradientState.FINITE, relative, relative))
        for record in subject.recording.variables
    )
    start = Start(updates=tuple(Update(record.path, 1.0, 0.01, 16) for record in learners))
    recording = replace(subject.recording, variables=learners, start=start)
    assert (trend(replace(subject, recording=recording)) is not None) is is_trend


@pytest.mark.parametrize(("backwards", "is_trend"), [(0, True), (2, True), (3, False), (5, False)])
def test_how_many_steps_may_point_back(backwards, is_trend):
    """Of ten steps, each a full order, some go the other way by little."""
    steps = [0.1 if n % 2 and n // 2 < backwards else -1.5 for n in range(10)]
    orders = [sum(steps[n:]) for n in range(11)]
    assert (1 - backwards / 10 >= AGREEMENT) is is_trend
    assert (trend(stack(orders)) is not None) is is_trend


def test_one_jump_is_no_trend():
    assert trend(stack([-9.0] * 8 + [0.0] * 8)) is None


def test_the_size_of_the_tensor_does_not_matter():
    small, large = stack(ramp(-8.0)), stack(ramp(-8.0), shape="(8,4000)")
    assert trend(small).orders == pytest.approx(trend(large).orders)


@pytest.mark.parametrize("carrier", ["r{n} = Cast d{n}/kernel", "r{n} = Reshape d{n}/kernel s"])
def test_kernels_are_followed_through_what_carries_them(carrier):
    assert trend(stack(ramp(-8.0), read=[carrier])).orders == pytest.approx(-8.0)


@pytest.mark.parametrize("state", ["absent", "zero", "non-finite"])
def test_kernels_without_a_usable_gradient_are_left_out(state):
    lines = [f"h{n} = MatMul {'x' if n == 0 else f'h{n - 1}'} d{n}/kernel @d{n}" for n in range(9)]
    gradients = {f"h{n}": 10.0**order for n, order in enumerate(ramp(-8.0))} | {"h0": state}
    subject = flow(
        *lines, "loss() = Mean h8", inputs=["x"], variables=[f"d{n}/kernel(4,4)" for n in range(9)], gradients=gradients
    )
    assert trend(subject).first.path == "d1/kernel"


def test_frozen_kernels_are_left_out():
    variables = [variable(f"d{n}/kernel(4,4)", trainable=n > 1) for n in range(9)]
    assert trend(stack(ramp(-8.0), variables=variables)) is None


def test_kernels_are_taken_in_the_order_of_the_forward_pass():
    variables = [f"d{n}/kernel(4,4)" for n in reversed(range(9))]
    assert trend(stack(ramp(-8.0), variables=variables)).first.path == "d0/kernel"


def test_thresholds_move_both_borders():
    few, shallow = stack(ramp(-9.0, 4)), stack(ramp(-3.0, 16))
    assert trend(few) is trend(shallow) is None
    assert trend(replace(few, thresholds=Thresholds(trend_kernels=4))) is not None
    assert trend(replace(shallow, thresholds=Thresholds(vanishing_orders=2.5))) is not None
