"""Which variable depends on which input: a table, folded where it would be too big to read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gradlint.report.text import name, norm_text
from gradlint.report.words import CLASS, GLYPH, WORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.result import GradientState, Result, VariableStatus

MOST_ROWS = 150
"""A matrix of more variables than this shows those of one layer that fare alike as one row."""
MOST_COLUMNS = 24
"""A matrix of more inputs than this shows inputs with the same dependants as one column."""
MOST_SHOWN = 200
"""No matrix has more columns than this, and no more than ten times as many rows."""


def matrix_of(result: Result) -> dict[str, object] | None:
    """Columns, rows and states for the template; None without variables."""
    if not result.variables:
        return None
    columns = _columns(result)
    rows: list[dict[str, object]] = []
    for title, first, norm in _rows(result.variables):
        if len(rows) == 10 * MOST_SHOWN:
            break
        branches = frozenset(first.inputs)
        rows.append(
            {
                "title": title,
                "state": _shown(first.gradient),
                # A frozen variable has no gradient to arrive; that an input meets it there is still worth a dot.
                "glyph": GLYPH[first.gradient] if first.trainable else "·",
                "frozen": not first.trainable,
                "norm": norm,
                "cells": [key in branches for _, key in columns],
            }
        )
    states = Counter(variable.gradient for variable in result.variables if variable.trainable)
    return {
        "columns": [{"title": title, "name": name(title, 40)} for title, _ in columns],
        "rows": rows,
        "states": [(_shown(state), f"{number:,}") for state, number in states.items()],
    }


def _shown(state: GradientState) -> dict[str, str]:
    return {"look": CLASS[state], "glyph": GLYPH[state], "word": WORD[state]}


def _rows(variables: Sequence[VariableStatus]) -> Iterator[tuple[str, VariableStatus, str]]:
    """Titles, a variable that stands for its row, and norms."""
    if len(variables) <= MOST_ROWS:
        for variable in variables:
            yield name(variable.path, 100), variable, norm_text(variable.norm)
        return
    alike: dict[tuple[object, ...], list[VariableStatus]] = {}
    for variable in variables:
        layer = variable.path.rpartition("/")[0]
        alike.setdefault((layer, variable.inputs, variable.gradient, variable.trainable), []).append(variable)
    for group in alike.values():
        if len(group) == 1:
            yield name(group[0].path, 100), group[0], norm_text(group[0].norm)
            continue
        layer = group[0].path.rpartition("/")[0]
        parts = ", ".join(name(variable.path.rpartition("/")[2], 30) for variable in group[:4])
        norms = [variable.norm for variable in group if variable.norm is not None]
        norm = f"{norm_text(min(norms))} to {norm_text(max(norms))}" if norms else "-"
        yield f"{name(layer, 80)}/{{{parts}{', …' if len(group) > 4 else ''}}}", group[0], norm


def _columns(result: Result) -> list[tuple[str, str]]:
    """Titles, and the key that stands for its column."""
    keys = [status.key for status in result.inputs]
    if len(keys) <= MOST_COLUMNS:
        return [(name(key), key) for key in keys]
    fed: dict[str, list[int]] = {key: [] for key in keys}
    for index, variable in enumerate(result.variables):
        for key in variable.inputs:
            if key in fed:
                fed[key].append(index)
    alike: dict[tuple[int, ...], list[str]] = {}
    for key, indices in fed.items():
        alike.setdefault(tuple(indices), []).append(key)
    return [
        (name(group[0]) + (f" and {len(group) - 1:,} more" if len(group) > 1 else ""), group[0])
        for group in alike.values()
    ][:MOST_SHOWN]
