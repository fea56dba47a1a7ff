"""The result as JUnit XML, which most continuous integration servers read.

Each finding is a test case, failed when it is at or above `fail_on`; each rule that ran and found nothing is a
passed one, and each that did not run a skipped one.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from gradlint.report.text import Style, count, crash, folded, listed, name, place, sentence, source_line, verdict

if TYPE_CHECKING:
    from gradlint.finding import Finding
    from gradlint.result import Result


def render(result: Result, style: Style | None = None) -> str:
    """One test suite, named after what was checked."""
    style = style or Style()
    suite = ET.Element("testsuite", name=f"gradlint {sentence(result.target)}")
    failures = set(map(id, result.failures))
    for finding in result.findings:
        culprit = finding.cause.layer or finding.cause.op or ", ".join(finding.inputs[:1])
        title = f"{finding.code} {sentence(finding.name)}" + (f" [{name(culprit)}]" if culprit else "")
        case = _case(suite, title, result)
        if id(finding) in failures:
            failure = ET.SubElement(case, "failure", message=sentence(finding.message), type=finding.code)
            failure.text = _detail(finding, result, style)
        else:
            ET.SubElement(case, "system-out").text = _detail(finding, result, style)
    quiet = set(result.rules) - {finding.code for finding in result.findings} - {rule.code for rule in result.crashed}
    for code in (code for code in result.rules if code in quiet):
        rule = result.rule(code)
        _case(suite, f"{code} {rule.name}" if rule else sentence(code), result)
    for crashed in result.crashed:
        case = _case(suite, sentence(crashed.code), result)
        ET.SubElement(case, "error", message=sentence(crash(crashed)))
    for skipped in result.skipped:
        case = _case(suite, sentence(skipped.code), result)
        ET.SubElement(case, "skipped", message=sentence(skipped.reason))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(failures)))
    suite.set("errors", str(len(result.crashed)))
    suite.set("skipped", str(len(result.skipped)))
    suite.set("time", "0")
    ET.SubElement(suite, "system-out").text = "\n".join([sentence(verdict(result)), *map(sentence, result.notes)])
    root = ET.Element("testsuites", suite.attrib | {"name": "gradlint"})
    root.append(suite)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _case(suite: ET.Element, title: str, result: Result) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=sentence(result.target), name=title, time="0")


def _detail(finding: Finding, result: Result, style: Style) -> str:
    lines = [f"{finding.severity} {sentence(finding.message)}"]
    cause = [name(part) for part in (finding.cause.layer, finding.cause.op) if part]
    if where := place(finding.cause, style):
        cause.append(where)
    if cause:
        lines.append(f"cause: {' · '.join(cause)}")
    if source := source_line(finding.cause):
        lines.append(f"source: {source}")
    if finding.inputs:
        lines.append(f"{count(len(finding.inputs), 'input')}: {listed([name(key) for key in finding.inputs], 10)}")
    if finding.variables:
        lines.append(folded("variable", finding.variables))
    if rule := result.rule(finding.code):
        lines.append(f"do: {sentence(rule.advice)}")
    return "\n".join(lines)
