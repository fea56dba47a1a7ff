"""GL304 exploding-gradient: gradients grow by orders of magnitude towards the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding, Severity
from gradlint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when the gradients of the kernels grow steadily towards the input."""
    trend = facts.trend
    if trend is None or not trend.orders > 0:
        return
    yield RULE.finding(
        f"gradients grow by {abs(trend.orders):.1f} orders of magnitude from '{trend.last.path}' to "
        f"'{trend.first.path}', {abs(trend.per_layer):.2f} per layer",
        inputs=tuple(sorted(facts.flow.branches.get(trend.first.path, ()))) if facts.flow is not None else (),
        variables=tuple(variable.path for variable in trend.variables),
        cause=Cause(trend.first.layer),
        evidence={"orders": round(trend.orders, 2), "orders_per_layer": round(trend.per_layer, 3)},
        position=trend.position,
    )


RULE = Rule(
    code="GL304",
    name="exploding-gradient",
    severity=Severity.WARNING,
    advice="Use normalization, smaller initial weights, residual connections, or clip the gradient.",
    doc=DOC,
    check=check,
)
