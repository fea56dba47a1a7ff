"""Models of Dense layers, as flows built by hand, for the rules about gradients that stop or change on the way."""

from __future__ import annotations

from flows import flow

BOTH = (("x",), ("dense/kernel",))
"""What `chain` loses when its middle stops the gradient."""


def chain(*lines, **options):
    """x through a Dense layer and `lines`, which take h and make c."""
    options = {"inputs": ["x"], "variables": ["dense/kernel", "head/kernel"], "outputs": ["o"]} | options
    return flow(
        "h = MatMul x dense/kernel @dense",
        *lines,
        "o = MatMul c head/kernel @head",
        "-- loss",
        "loss() = Mean o",
        **options,
    )


def stack(orders, **options):
    """One Dense layer per entry; the gradient that arrives at its result has that order of magnitude."""
    lines, previous = [], "x"
    for number in range(len(orders)):
        lines.append(f"h{number} = MatMul {previous} d{number}/kernel @d{number}")
        previous = f"h{number}"
    return flow(
        *lines,
        "-- loss",
        f"loss() = Mean {previous}",
        inputs=["x"],
        variables=[f"d{number}/kernel(4,4)" for number in range(len(orders))],
        gradients={f"h{n}": order if isinstance(order, str) else 10.0**order for n, order in enumerate(orders)}
        | options.pop("gradients", {}),
        **options,
    )


def ramp(orders, kernels):
    """Gradients that change by `orders` over `kernels` layers on the way back to the input."""
    return [orders * (1 - n / (kernels - 1)) for n in range(kernels)]
