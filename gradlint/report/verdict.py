"""What a report comes to: how much was found, the cause, and which exit status follows."""

from __future__ import annotations

from collections import Counter
from textwrap import shorten
from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.report.text import FINE, Style, count, name, place, sentence
from gradlint.result import ZERO_HERE, GradientState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gradlint.finding import Finding
    from gradlint.result import Result

CAUSE_WIDTH = 110
"""A cause in a verdict is shortened to this many characters."""
_WITHOUT = {GradientState.ABSENT: "no gradient", GradientState.ZERO: "a gradient of exactly zero"}


def verdict(result: Result, style: Style | None = None) -> str:
    """`1 error: 'history' gets no gradient: Round, q.py:6`, or how far the gradient reaches."""
    head = counts(result)
    if result.is_incomplete and not result.findings:
        return head
    worst = worst_finding(result)
    if result.depth == "source" and (worst is None or worst.severity is Severity.INFO):
        # Whoever expected the model to be looked at learns what was.
        return f"{head} in {result.model}: tapes, optimizers and training steps are read, and nothing is run"
    if worst is None or worst.severity is Severity.INFO:
        return f"{head}: {_reach(result)}"
    others = sum(finding.severity is worst.severity for finding in result.findings) > 1
    return f"{head}: {'first, ' if others else ''}{cause_in_words(worst, result, style or Style())}"


def counts(result: Result) -> str:
    """`3 errors, 2 warnings, 1 info`, or `No finding`."""
    crashed = [f"{count(len(result.crashed), 'rule')} crashed"] if result.crashed else []
    unread = [f"{count(len(result.unread), 'file')} not read"] if result.unread else []
    return ", ".join(filter(None, [_counted(result.findings), *crashed, *unread])) or "No finding"


def worst_finding(result: Result) -> Finding | None:
    """The first of the gravest findings."""
    return max(result.findings, key=lambda finding: finding.severity.order, default=None)


def consequence(result: Result, style: Style | None = None) -> str:
    """Which exit status comes, or what `Result.ok` is; and what would fail if `--fail-on` asked for more."""
    in_python = style is not None and style.in_python
    failing = set(map(id, result.failures))
    spared = [f for f in result.findings if f.severity is not Severity.INFO and id(f) not in failing]
    head = f"result.ok is {result.ok}" if in_python else f"exit status {exit_status(result)}{_why(result)}"
    if not spared:
        return head
    wanted = failing_word(spared)
    now, more = (f"fail_on={word!r}" if in_python else f"--fail-on {word}" for word in (result.fail_on, wanted))
    return f"{head} ({now}); {_counted(spared)} would fail under {more}"


def _why(result: Result) -> str:
    """What makes the exit status 2 though all rules ran; empty where that is not so."""
    if result.is_incomplete or not result.misfits:
        return ""
    return f", since {count(len(result.misfits), 'ignore')} {'fits' if len(result.misfits) == 1 else 'fit'} no finding"


def failing_word(spared: Iterable[Finding]) -> str:
    """What `--fail-on` would have to ask for, so that all of the loud findings that it spares fail."""
    return "warning" if any(finding.severity is Severity.WARNING for finding in spared) else "error"


def exit_status(result: Result) -> int:
    """The exit status of a command line that reports this result: 0, 1 when something failed, 2 after a crash.

    An ignore that fits no finding makes it 2 as well, as a mistake in an argument does.
    """
    return 2 if result.is_incomplete or result.misfits else 0 if result.ok else 1


def cause_in_words(finding: Finding, result: Result, style: Style) -> str:
    """Who goes without, and where: `'history' gets no gradient: Round, q.py:6`; else the message."""
    states = {v.path: v.gradient for v in result.variables} | {i.key: i.gradient for i in result.inputs}
    victims = finding.inputs or finding.variables
    found = {states.get(victim) for victim in victims}
    without = next((words for state, words in _WITHOUT.items() if found == {state}), None)
    if without is None:
        return shorten(sentence(finding.message).rstrip("."), CAUSE_WIDTH, placeholder=" …")
    verb = "gets" if len(victims) == 1 else "get"
    cause = finding.cause
    where = [name(part) for part in (cause.op or cause.layer, place(cause, style)) if part]
    return f"{_named(finding)} {verb} {without}" + (f": {', '.join(where)}" if where else "")


def _named(finding: Finding) -> str:
    if finding.inputs:
        names, noun = finding.inputs, "input"
    else:
        names, noun = finding.variables, "variable"
    if len(names) > 2:
        return count(len(names), noun)
    return " and ".join(f"'{name(each, 40)}'" for each in names)


def _counted(findings: Sequence[Finding]) -> str:
    found = Counter(finding.severity for finding in findings)
    parts = [count(found[s], s.value) for s in reversed(Severity) if found[s] and s is not Severity.INFO]
    if found[Severity.INFO]:
        parts.append(f"{found[Severity.INFO]:,} info")
    return ", ".join(parts)


def _reach(result: Result) -> str:
    learning = [v.gradient for v in result.variables if v.trainable]
    # Integers and strings have no gradient by nature: they are not counted as missed.
    fed = [i.gradient for i in result.inputs if i.gradient is not GradientState.NOT_APPLICABLE]
    if all(state is GradientState.UNKNOWN for state in learning + fed):
        return "no gradient was computed"
    if ZERO_HERE in result.notes:
        return ZERO_HERE
    parts = [_share(learning, "trainable variable"), _share(fed, "input")]
    everything = all(state in FINE for state in learning + fed)
    return f"the gradient reaches {'all ' * everything}{' and '.join(part for part in parts if part)}"


def _share(states: Sequence[GradientState], noun: str) -> str:
    reached = sum(state in FINE for state in states)
    if not states:
        return ""
    return count(reached, noun) if reached == len(states) else f"{reached:,} of {count(len(states), noun)}"
