"""The report for people: what was checked, where the gradient arrives, what stops it, what to do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.report.columns import in_columns
from gradlint.report.outgoing import outgoing, printable
from gradlint.report.text import (
    FINE,
    MESSAGE_WIDTH,
    Style,
    count,
    crash,
    culprit,
    excerpt,
    folded,
    listed,
    most_of_each_code,
    name,
    named,
    norm_text,
    sentence,
    shape_text,
    shortened,
    source_line,
    unshown,
    wrapped,
)
from gradlint.report.verdict import consequence, verdict, worst_finding
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.finding import Cause, Finding
    from gradlint.result import InputStatus, Result

INPUT_ROWS = 20
"""A table of more inputs than this shows those that need a look, and counts the rest."""
_COLUMNS = ("input", "shape", "dtype", "gradient", "norm", "variables reached")
_ROOMS = (
    (_COLUMNS, 40),
    (_COLUMNS, 30),
    (("input", "shape", "gradient", "norm"), 30),
    (("input", "gradient", "norm"), 30),
)
"""Columns of the table of inputs and characters of a key; the first that the report has room for is shown."""
LABEL_WIDTH = 10

_SEVERITY = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_STATE = {
    GradientState.ABSENT: "red",
    GradientState.ZERO: "yellow",
    GradientState.FINITE: "green",
    GradientState.PRESENT: "green",
    GradientState.NONFINITE: "magenta",
    GradientState.NOT_APPLICABLE: "dim",
    GradientState.UNKNOWN: "dim",
}


def render(result: Result, style: Style | None = None) -> str:
    """The report; its blocks are separated by a blank line, and it ends with the verdict and what follows from it."""
    style = style or Style()
    return outgoing("\n\n".join([body(result, style), ending(result, style)]))


def body(result: Result, style: Style) -> str:
    """All of the report but its ending; of the findings of one rule, the first only when there are very many."""
    shown, more = most_of_each_code(result.findings)
    loud = [finding for finding in shown if finding.severity is not Severity.INFO]
    quiet = [finding for finding in shown if finding.severity is Severity.INFO]
    blocks = [
        _headline(result, style),
        _inputs(result, style),
        *(_finding(finding, result, style) for finding in loud),
        [line for finding in quiet for line in _info(finding, style)],
        _wrapped(unshown(more), style, ""),
        _remarks(result, style),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def ending(result: Result, style: Style) -> str:
    """The verdict, and the exit status that follows."""
    worst = worst_finding(result)
    colour = "green" if worst is None or worst.severity is Severity.INFO else _SEVERITY[worst.severity]
    lines = [style.paint(line, "bold", colour) for line in _wrapped(verdict(result, style), style, "")]
    return "\n".join([*lines, *_wrapped(consequence(result, style), style, "")])


def _headline(result: Result, style: Style) -> list[str]:
    lines = [style.paint(shortened(sentence(result.target), MESSAGE_WIDTH), "bold")]
    facts = [("model", result.model), ("sample", result.sample), ("loss", result.loss)]
    if result.depth != "values":
        facts.append(("depth", result.depth))
    for label, text in facts:
        if text:
            lines += _labelled(label, shortened(sentence(text), MESSAGE_WIDTH), style)
    return lines


def _inputs(result: Result, style: Style) -> list[str]:
    trainable = Counter(status.gradient for status in result.variables if status.trainable)
    lines = []
    if result.inputs:
        shown = _worth_showing(result.inputs)
        lines += [f"  {line.rstrip()}" for line in _table(shown, trainable.total(), style)]
        if rest := [status for status in result.inputs if status not in shown]:
            states = Counter(status.gradient for status in rest)
            lines.append(f"  and {len(rest):,} more inputs: {_states(states, style)}")
    if trainable:
        frozen = sum(not status.trainable for status in result.variables)
        more = f"; {frozen:,} not trainable" if frozen else ""
        lines += [""] if lines else []
        noun = count(trainable.total(), "trainable variable")
        plain = f"  {noun}: {_states(trainable, Style())}{more}"
        gap = " " if len(plain) <= style.width else "\n  "
        lines += [f"  {noun}:{gap}{_states(trainable, style)}{more}"]
    return lines


def _table(shown: Sequence[InputStatus], trainable: int, style: Style) -> list[str]:
    """The table of inputs, with as many columns as the report has room for: a terminal would break words."""
    lines: list[str] = []
    for columns, key_width in _ROOMS:
        rows = [_row(status, trainable, style, key_width) for status in shown]
        lines = in_columns(
            [[row[column] for column in columns] for row in rows],
            [style.paint(column, "dim") for column in columns],
            [column in ("norm", "variables reached") for column in columns],
        )
        rule = lines[1]  # the one line without colour
        if 2 + len(rule) <= style.width:
            break
    return lines


def _worth_showing(inputs: Sequence[InputStatus]) -> list[InputStatus]:
    first = sorted(inputs, key=lambda status: status.gradient in FINE)[:INPUT_ROWS]
    return [status for status in inputs if status in first]


def _row(status: InputStatus, trainable: int, style: Style, key_width: int) -> dict[str, str]:
    reached = "-" if status.reached is None else f"{status.reached:,}"
    if trainable and status.reached is not None:
        reached += f" of {trainable:,}"
    return {
        "input": name(status.key, key_width),
        "shape": "missing" if status.shape is None else shape_text(status.shape),
        "dtype": printable(status.dtype or "-"),
        "gradient": style.paint(status.gradient.value, _STATE[status.gradient]),
        "norm": norm_text(status.norm),
        "variables reached": reached,
    }


def _states(states: Counter[GradientState], style: Style) -> str:
    present = [state for state in _STATE if states[state]]
    words = [style.paint(state.value, _STATE[state]) for state in present]
    if len(present) == 1:
        return f"all {words[0]}"
    return ", ".join(f"{states[state]:,} {word}" for state, word in zip(present, words, strict=True))


def _finding(finding: Finding, result: Result, style: Style) -> list[str]:
    severity = style.paint(finding.severity.value, "bold", _SEVERITY[finding.severity])
    lines = [f"{severity} {style.paint(finding.code, 'bold')} {finding.name}"]
    lines += _wrapped(shortened(sentence(finding.message), MESSAGE_WIDTH), style, "  ")
    if cause := culprit(finding.cause, style):
        lines += _labelled("cause:", cause, style)
        lines += _quoted(finding.cause, style)
    lines += _victims(finding, style)
    lines += _tested(finding, style)
    if advice := result.advice(finding):
        lines += _labelled("do:", sentence(advice), style)
    return lines


def _quoted(cause: Cause, style: Style) -> Iterator[str]:
    source = source_line(cause)
    if source:
        margin = " " * (2 + LABEL_WIDTH)
        room = style.width - len(margin) - 2
        yield f"{margin}{style.paint('>', 'dim')} {style.paint(excerpt(source, room), 'cyan')}"


def _victims(finding: Finding, style: Style) -> list[str]:
    inputs = named(finding.inputs)
    if not finding.variables:
        return _labelled("inputs:" if len(finding.inputs) > 1 else "input:", inputs, style) if inputs else []
    noun = "input" if len(finding.inputs) == 1 else "inputs"
    parts = [f"{noun} {inputs}"] if inputs else []
    return _labelled("victims:", "; ".join([*parts, folded("variable", finding.variables)]), style)


def _tested(finding: Finding, style: Style) -> list[str]:
    """The experiments behind a finding, each on a line of its own, where the reader has asked for them."""
    if not style.explains:
        return []
    told = finding.evidence.get("experiments")
    experiments = [sentence(str(text)) for text in told] if isinstance(told, list) and told else [UNTESTED]
    return [line for text in experiments for line in _labelled("tested:", text, style)]


UNTESTED = "nothing had to be tried: the run itself, or what was read, shows it"


def _info(finding: Finding, style: Style) -> list[str]:
    where = culprit(finding.cause, style)
    text = f"{finding.code} {finding.name}: {shortened(sentence(finding.message), MESSAGE_WIDTH)}" + (
        f" [{where}]" if where else ""
    )
    # Wrapped as if `info` were its margin, which is coloured after the lines are counted.
    first, *rest = _wrapped(text, style, "     ")
    painted = style.paint("info", _SEVERITY[Severity.INFO])
    return [f"{painted} {first.strip()}", *rest, *_tested(finding, style)]


def _remarks(result: Result, style: Style) -> list[str]:
    lines = []
    for rule in result.crashed:
        lines += _labelled("crashed:", crash(rule), style)
    for note in result.notes:
        lines += _labelled("note:", sentence(note), style)
    codes: dict[str, list[str]] = {}
    for skipped in result.skipped:
        codes.setdefault(skipped.reason, []).append(skipped.code)
    for reason, group in codes.items():
        lines += _labelled("skipped:", f"{listed(group)}: {sentence(reason)}", style)
    return lines


def _labelled(label: str, text: str, style: Style) -> list[str]:
    """`text` wrapped beside its label, in a column of its own."""
    first, *rest = _wrapped(text, style, " " * (2 + LABEL_WIDTH)) or [""]
    return [f"  {style.paint(label, 'dim')}{' ' * (LABEL_WIDTH - len(label))}{first.strip()}".rstrip(), *rest]


def _wrapped(text: str, style: Style, margin: str) -> list[str]:
    return wrapped(text, style.width, margin)
