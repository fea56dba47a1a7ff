"""The result as SARIF 2.1.0, for code scanning.

The standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/. GitHub
shows a result only with a physical location, and refuses the whole file for a location it
cannot place: each result has one below the root of the repository.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from gradlint import version
from gradlint.finding import Severity
from gradlint.report.json import Document, text_of
from gradlint.report.text import (
    MOST_COMPARED,
    Style,
    crash,
    folded,
    name,
    named,
    repository_place,
    sentence,
    shortened,
)
from gradlint.report.verdict import consequence, counts, exit_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.finding import Finding
    from gradlint.result import Result, RuleInfo, SkippedRule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST_NAMES = 20
"""A result lists so many of the names of each kind, and their number."""
FINGERPRINT = "gradlint/v1"
"""Changes its number when identities would change for another reason than a defect."""
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(result: Result, style: Style | None = None) -> str:
    """One run in pure ASCII; `style` gives the root of the repository."""
    return text_of(document([run(result, style or Style())]))


def document(runs: Sequence[Document]) -> Document:
    """A log of these runs."""
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": list(runs)}


def run(result: Result, style: Style, title: str | None = None) -> Document:
    """One run, as values of JSON.

    Args:
        result: what was found.
        style: gives the root of the repository.
        title: names the analysis; the result's target when None.
    """
    rules = _rules(result)
    order = {str(rule["id"]): index for index, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
    results = []
    for finding in result.findings:
        identity = fingerprint(finding)
        seen[identity] += 1
        # Two findings of one cause are two alerts.
        identity += f":{seen[identity]}"
        results.append(_result(finding, order[finding.code], identity, result, style))
    driver = {
        "name": "gradlint",
        "semanticVersion": version.__version__,
        "version": version.__version__,
        "rules": rules,
    }
    invocation = {
        "executionSuccessful": not result.is_incomplete,
        "exitCode": exit_status(result),
        "exitCodeDescription": f"{counts(result)}; {consequence(result)}",
        "toolExecutionNotifications": [
            *({"level": "error", "message": {"text": crash(rule)}} for rule in result.crashed),
            *({"level": "error", "message": {"text": sentence(line)}} for line in result.unread),
            *({"level": "note", "message": {"text": _unrun(skipped)}} for skipped in result.skipped),
        ],
    }
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
        # Two models checked in one workflow are two analyses, whose alerts do not replace each other's.
        "automationDetails": {"id": f"gradlint/{sentence(result.target if title is None else title)}/"},
        "invocations": [invocation],
        "results": results,
        "properties": {
            label: sentence(fact)
            for label, fact in (("model", result.model), ("sample", result.sample), ("loss", result.loss))
        },
    }


def _unrun(skipped: SkippedRule) -> str:
    return f"{sentence(skipped.code)} did not run: {sentence(skipped.reason)}"


def fingerprint(finding: Finding) -> str:
    """What stays the same when lines move: the rule, the layer, the operation, and the victims."""
    parts = [finding.code, finding.cause.layer or "", finding.cause.op or "", *sorted(finding.inputs[:MOST_COMPARED])]
    if finding.cause.layer is None:
        parts += sorted(finding.variables[:MOST_COMPARED])
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _rules(result: Result) -> list[Document]:
    """The rules that ran, then those of findings that are in no catalogue."""
    names = {finding.code: finding.name for finding in result.findings}
    levels = {finding.code: finding.severity for finding in result.findings}
    rules: list[Document] = []
    for code in dict.fromkeys((*result.rules, *names)):
        rule = result.rule(code)
        rules.append(
            _rule(rule)
            if rule is not None
            else {
                "id": code,
                "name": names.get(code, code),
                "shortDescription": {"text": names.get(code, code)},
                "help": {"text": "This rule is not in the catalogue."},
                "defaultConfiguration": {"level": _LEVEL[levels.get(code, Severity.WARNING)]},
            }
        )
    return rules


def _rule(rule: RuleInfo) -> Document:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.name.replace("-", " ")},
        "fullDescription": {"text": rule.advice},
        "help": {"text": f"{rule.advice}\n\n{rule.doc.strip()}", "markdown": f"{rule.advice}\n\n{rule.doc.strip()}"},
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
        "properties": {"tags": ["gradient", "keras"], "precision": "high", "problem.severity": _problem(rule.severity)},
    }


def _problem(severity: Severity) -> str:
    return "recommendation" if severity is Severity.INFO else severity.value


def _result(finding: Finding, index: int, identity: str, result: Result, style: Style) -> Document:
    path, line = repository_place(finding, result.target, style)
    location: Document = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(path), "uriBaseId": "%SRCROOT%"},
            # Without a region, GitHub shows no alert.
            "region": _region(finding, line),
        }
    }
    if finding.cause.layer:
        location["logicalLocations"] = [
            {"fullyQualifiedName": name(finding.cause.layer, 200), "kind": "resource"},
        ]
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVEL[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [location],
        "partialFingerprints": {FINGERPRINT: identity},
        "properties": {
            "layer": finding.cause.layer and name(finding.cause.layer, 200),
            "op": finding.cause.op and name(finding.cause.op, 200),
            "inputs": [name(key, 200) for key in finding.inputs[:MOST_NAMES]],
            "variables": [name(path, 200) for path in finding.variables[:MOST_NAMES]],
            "victims": {"inputs": len(finding.inputs), "variables": len(finding.variables)},
            "evidence": {
                name(key): sentence(value) if isinstance(value, str) else _texts(value)
                for key, value in finding.evidence.items()
            },
        },
    }


def _region(finding: Finding, line: int | None) -> Document:
    region: Document = {"startLine": max(line or 1, 1)}
    return region if finding.column is None else {**region, "startColumn": finding.column}


def _texts(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [shortened(sentence(item), 200) if isinstance(item, str) else item for item in value[:MOST_NAMES]]
    return value


def _message(finding: Finding) -> str:
    """Plain text; SARIF reads `[text](target)` and `{0}` in it, so both are escaped."""
    parts = [sentence(finding.message)]
    if culprit := " · ".join(name(part) for part in (finding.cause.layer, finding.cause.op) if part):
        parts.append(f"Cause: {culprit}.")
    victims = [folded("variable", finding.variables)] if finding.variables else []
    if finding.inputs:
        victims.insert(0, f"input{'s' * (len(finding.inputs) > 1)} {named(finding.inputs)}")
    if victims:
        parts.append(f"Victims: {'; '.join(victims)}.")
    text = " ".join(parts)
    if "](" in text:
        text = text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return text.replace("{", "{{").replace("}", "}}")
