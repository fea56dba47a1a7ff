"""How strong the gradient is at each layer: bars on a logarithmic scale, so that vanishing is seen at a glance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.report.template import template
from gradlint.report.text import name, norm_text
from gradlint.report.words import CLASS, GLYPH, WORD
from gradlint.result import GradientState, stronger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.result import VariableStatus

MOST_BARS = 400
ROW = 17
_LABEL, _ROOM, _NUMBER = 190, 250, 64
_DECADES = 3
"""The scale spans so many orders of magnitude at least: small differences must look small."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One layer: its path, the state of its gradient, and the norm over all of its trainable variables."""

    layer: str
    state: GradientState
    norm: float | None


def layer_bars(variables: Sequence[VariableStatus]) -> list[Bar]:
    """A bar for each layer with trainable variables, in the order of the model."""
    layers: dict[str, list[VariableStatus]] = {}
    for variable in variables:
        if variable.trainable and variable.gradient is not GradientState.UNKNOWN:
            layers.setdefault(variable.path.rpartition("/")[0] or variable.path, []).append(variable)
    bars = []
    for layer, own in layers.items():
        norms = [each.norm for each in own if each.norm is not None and math.isfinite(each.norm)]
        bars.append(Bar(layer, stronger(each.gradient for each in own), math.hypot(*norms) if norms else None))
    return bars


def draw_bars(bars: Sequence[Bar]) -> str:
    """The bars as an SVG element; empty when no norm is known."""
    known = [math.log10(bar.norm) for bar in bars if bar.norm]
    if not known:
        return ""
    shown = bars[:MOST_BARS]
    low, high = math.floor(min(known)), math.ceil(max(known))
    low = min(low, high - _DECADES)
    width, height = _LABEL + _ROOM + _NUMBER, ROW * len(shown) + 26
    step = max(1, math.ceil((high - low) / 6))
    decades = range(low, high + 1)
    more = f"; {len(bars) - len(shown):,} more layers are not drawn" if len(bars) > len(shown) else ""
    return template("bars.svg.jinja").render(
        width=width,
        height=height,
        start=_LABEL,
        more=more,
        decades=[
            {"x": _at(decade, low, high), "text": "" if (decade - low) % step else f"1e{decade}"} for decade in decades
        ],
        rows=[_row(bar, 26 + ROW * index, low, high) for index, bar in enumerate(shown)],
    )


def _at(decade: float, low: int, high: int) -> float:
    return _LABEL + _ROOM * (decade - low) / (high - low)


def _row(bar: Bar, y: int, low: int, high: int) -> dict[str, object]:
    # The end of a path tells layers apart; its beginning they share.
    label = name(bar.layer, 500)
    label = label if len(label) <= 28 else f"…{label[-27:]}"
    row: dict[str, object] = {"title": name(bar.layer, 200), "label": label, "y": y}
    look = CLASS[bar.state]
    if not bar.norm:
        return row | {"end": None, "look": look, "said": f"{GLYPH[bar.state]} {WORD[bar.state]}"}
    end = max(_at(math.log10(bar.norm), low, high), _LABEL + 2.0)
    is_alive = bar.state in (GradientState.FINITE, GradientState.PRESENT)
    return row | {"end": end, "look": "bar" if is_alive else f"bar {look}", "said": norm_text(bar.norm)}
