"""A comparison of two steps, for people and as JSON (`docs/schema/gradlint-comparison-1.schema.json`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint import version
from gradlint.report.json import text_of
from gradlint.report.outgoing import outgoing
from gradlint.report.text import MESSAGE_WIDTH, Style, count, folded, place, sentence, shortened, source_line, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.comparison import Comparison, Difference
    from gradlint.finding import Cause

SCHEMA = 1
_FEW = 5


def render(comparison: Comparison, style: Style | None = None) -> str:
    """The comparison for people; it ends with the verdict."""
    style = style or Style()
    lines = [f"A: {sentence(comparison.first)}", f"B: {sentence(comparison.second)}"]
    blocks = ["\n".join(lines)]
    blocks += ["\n".join(_lines(difference, style)) for difference in comparison.differences]
    blocks += ["\n".join(wrapped(f"note: {sentence(note)}", style.width)) for note in comparison.notes]
    blocks.append(style.paint(verdict(comparison), "bold", "green" if comparison.same else "red"))
    return outgoing("\n\n".join(blocks))


def verdict(comparison: Comparison) -> str:
    """The outcome in one line."""
    numbers = comparison.compared
    same = f"{count(numbers['values'], 'value')} on the way to the losses, {count(numbers['gradients'], 'gradient')}"
    if comparison.same:
        return f"the same: {same}, and what becomes of {count(numbers['variables'], 'variable')}"
    number = count(len(comparison.differences), "difference")
    rest = "without them the two are the same" if comparison.is_complete else "beyond the last one nothing was compared"
    return f"{number}; {rest}"


def _lines(difference: Difference, style: Style) -> Iterator[str]:
    label = f"{difference.stage}: {difference.kind}"
    yield style.paint(label, "bold", "red")
    yield from _indented(shortened(sentence(difference.message), MESSAGE_WIDTH), style)
    for side, cause in (("A", difference.first), ("B", difference.second)):
        if cause != type(cause)():
            yield f"  {side}  {_where(cause, style)}"
            if (line := source_line(cause)) is not None:
                yield style.paint(f"       {line}", "dim")
    if len(difference.variables) > _FEW:
        yield f"  {folded('variable', difference.variables)}"
    if difference.experiment:
        said = "confirmed" if difference.confirmed else "not confirmed"
        yield from _indented(f"{said}: {sentence(difference.experiment)}", style)
    if difference.advice:
        yield from _indented(f"to do: {sentence(difference.advice)}", style)


def _indented(text: str, style: Style) -> list[str]:
    return wrapped(text, style.width, "  ")


def _where(cause: Cause, style: Style) -> str:
    what = " in ".join(part for part in (cause.op, f"'{cause.layer}'" if cause.layer else None) if part)
    line = place(cause, style)
    return sentence(" at ".join(part for part in (what, line) if part))


def render_json(comparison: Comparison, style: Style | None = None) -> str:
    """The comparison as JSON."""
    del style
    return text_of(
        {
            "schema": SCHEMA,
            "gradlint": version.__version__,
            "first": comparison.first,
            "second": comparison.second,
            "same": comparison.same,
            "exit_status": comparison.exit_status,
            "is_complete": comparison.is_complete,
            "compared": comparison.compared,
            "differences": [_difference(difference) for difference in comparison.differences],
            "notes": comparison.notes,
        }
    )


def _difference(difference: Difference) -> dict[str, object]:
    return {
        "kind": difference.kind,
        "stage": difference.stage.value,
        "message": difference.message,
        "confirmed": difference.confirmed,
        "experiment": difference.experiment,
        "advice": difference.advice,
        "first": _place(difference.first),
        "second": _place(difference.second),
        "variables": difference.variables,
        "evidence": difference.evidence,
    }


def _place(cause: Cause) -> dict[str, object]:
    return {"layer": cause.layer, "op": cause.op, "file": cause.file, "line": cause.line}


FORMATS = {"table": render, "json": render_json}
"""Name of a format to its renderer."""
