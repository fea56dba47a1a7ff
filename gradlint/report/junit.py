"""The result as JUnit XML, which most continuous integration servers read.

Each finding is a test case, failed when it is at or above `fail_on`; each rule that ran and found nothing is a
passed one, and each that did not run a skipped one.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.report.outgoing import Syntax, outgoing
from gradlint.report.text import Style, count, crash, culprit, folded, name, named, sentence, source_line
from gradlint.report.verdict import consequence, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gradlint.finding import Finding
    from gradlint.result import Result


@dataclass(frozen=True, slots=True)
class Case:
    """One test case.

    Attributes:
        target: what was checked.
        title: the rule, and where.
        outcome: `passed`, `failure`, `error` or `skipped`.
        message: why it is not passed.
        type: the code of the rule that failed.
        detail: all that is known, in several lines.
    """

    target: str
    title: str
    outcome: str = "passed"
    message: str = ""
    type: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """The test cases of one target, and what is said of all of them."""

    title: str
    cases: tuple[Case, ...]
    remarks: str = ""


def render(result: Result, style: Style | None = None) -> str:
    """One test suite, named after what was checked."""
    return text_of([suite(result, style or Style())])


def suite(result: Result, style: Style, title: str | None = None) -> Suite:
    """The test suite of a result; `title` stands for its target, if it has another name."""
    target = sentence(result.target)
    failures = set(map(id, result.failures))
    cases = [_case(finding, result, style, has_failed=id(finding) in failures) for finding in result.findings]
    loud = {finding.code for finding in result.findings} | {rule.code for rule in result.crashed}
    for code in (code for code in result.rules if code not in loud):
        rule = result.rule(code)
        cases.append(Case(target, f"{code} {rule.name}" if rule else sentence(code)))
    cases += [Case(target, sentence(rule.code), "error", crash(rule)) for rule in result.crashed]
    for skipped in result.skipped:
        cases.append(Case(target, sentence(skipped.code), "skipped", sentence(skipped.reason)))
    facts = [("model", result.model), ("sample", result.sample), ("loss", result.loss)]
    remarks = [sentence(verdict(result, style)), consequence(result)]
    remarks += [f"{label}: {sentence(fact)}" for label, fact in facts if fact]
    remarks += map(sentence, result.notes)
    return Suite(f"gradlint {target if title is None else sentence(title)}", tuple(cases), "\n".join(remarks))


def unchecked(title: str, error: str) -> Suite:
    """The test suite of a target that could not be checked."""
    return Suite(f"gradlint {sentence(title)}", (Case(sentence(title), "check", "error", sentence(error)),))


def text_of(suites: Iterable[Suite]) -> str:
    """The suites as XML, with their numbers."""
    root = ET.Element("testsuites", name="gradlint")
    for each in suites:
        element = ET.SubElement(root, "testsuite", {"name": each.title, **_numbers(each.cases), "time": "0"})
        for case in each.cases:
            _write(element, case)
        if each.remarks:
            ET.SubElement(element, "system-out").text = each.remarks
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(each.attrib[key]) for each in root)))
    root.set("time", "0")
    ET.indent(root, " ")
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")
    return outgoing(text, Syntax.MARKUP)


def _numbers(cases: tuple[Case, ...]) -> dict[str, str]:
    outcomes = [case.outcome for case in cases]
    numbers = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(len(cases)), **{key: str(outcomes.count(outcome)) for key, outcome in numbers.items()}}


def _write(suite: ET.Element, case: Case) -> None:
    element = ET.SubElement(suite, "testcase", classname=case.target, name=case.title, time="0")
    if case.outcome == "passed":
        if case.detail:
            ET.SubElement(element, "system-out").text = case.detail
        return
    said = {"message": case.message} | ({"type": case.type} if case.type else {})
    ET.SubElement(element, case.outcome, said).text = case.detail or None


def _case(finding: Finding, result: Result, style: Style, *, has_failed: bool) -> Case:
    target = sentence(result.target)
    culprit = finding.cause.layer or finding.cause.op or ", ".join(finding.inputs[:1])
    title = f"{finding.code} {sentence(finding.name)}" + (f" [{name(culprit)}]" if culprit else "")
    detail = _detail(finding, result, style)
    if has_failed:
        return Case(target, title, "failure", sentence(finding.message), finding.code, detail)
    return Case(target, title, detail=detail)


def _detail(finding: Finding, result: Result, style: Style) -> str:
    lines = [f"{finding.severity} {sentence(finding.message)}"]
    if cause := culprit(finding.cause, style):
        lines.append(f"cause: {cause}")
    if source := source_line(finding.cause):
        lines.append(f"source: {source}")
    if finding.inputs:
        lines.append(f"{count(len(finding.inputs), 'input')}: {named(finding.inputs, 10)}")
    if finding.variables:
        lines.append(folded("variable", finding.variables))
    if advice := result.advice(finding):
        lines.append(f"do: {sentence(advice)}")
    return "\n".join(lines)
