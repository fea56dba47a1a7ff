"""The failure of an assertion: the report, folded; or with every victim and all evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.cells import line_in_words
from gradlint.report.evidence import evidence_in_words
from gradlint.report.outgoing import outgoing, printable
from gradlint.report.table import body, ending, render
from gradlint.report.text import Style, count, listed, name, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.result import Result

MOST_FINDINGS = 5
"""A folded message shows this many findings, the failing ones first, and counts the rest."""


class GradientsDoNotFlow(AssertionError):
    """An assertion on the gradients failed; the message is the report.

    Attributes:
        result: what the check found.
    """

    def __init__(self, result: Result, remarks: str = "") -> None:
        self.result = result
        self.remarks = remarks
        super().__init__(self.text())

    def text(self, *, full: bool = False) -> str:
        """The message; `full` shows every finding, every victim and the evidence."""
        report = full_report(self.result) if full else folded_report(self.result)
        return outgoing("\n\n".join(part for part in (headline(self.result), report, self.remarks) if part))


# pytest shows the class by its full name: the one that users import it by.
GradientsDoNotFlow.__module__ = "gradlint"


def headline(result: Result) -> str:
    """`gradients do not flow: GL103 at nearest_code, GL201`; what a summary of many tests shows."""
    places = [f"{f.code} at {name(f.cause.layer)}" if f.cause.layer else f.code for f in result.failures]
    return f"gradients do not flow: {listed(list(dict.fromkeys(places)))}"


def folded_report(result: Result) -> str:
    """The report with the first findings only."""
    findings = result.findings
    if len(findings) <= MOST_FINDINGS + 1:
        return render(result, Style(in_python=True))
    worst_first = sorted(range(len(findings)), key=lambda index: -findings[index].severity.order)
    kept = tuple(findings[index] for index in sorted(worst_first[:MOST_FINDINGS]))
    more = f"and {count(len(findings) - len(kept), 'more finding')}; pytest -vv shows all of them"
    style = Style(in_python=True)
    # The verdict counts all of them.
    return "\n\n".join([body(replace(result, findings=kept), style), more, ending(result, style)])


def full_report(result: Result) -> str:
    """The whole report, followed by what it folds: the victims and the evidence of every finding."""
    details = "\n\n".join("\n".join(_detail(finding)) for finding in result.findings)
    report = render(result, Style(in_python=True))
    return f"{report}\n\nin full\n\n{details}" if details else report


def _detail(finding: Finding) -> Iterator[str]:
    yield f"{finding.code} {finding.name}: {sentence(finding.message)}"
    if finding.cause.file is not None:
        yield f"  at {printable(line_in_words(finding.cause.file, finding.cause.line))}"
    for title, names in (("inputs", finding.inputs), ("variables", finding.variables)):
        if names:
            yield f"  {title}"
            yield from (f"    {printable(one)}" for one in names)
    if finding.evidence:
        yield "  evidence"
        yield from (f"    {label}: {value}" for label, value in evidence_in_words(finding))
