"""The result as SARIF 2.1.0, for code scanning.

The standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/. GitHub
shows a result only with a physical location, and refuses the whole file for a location it
cannot place: each result has one below the root of the repository.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import gradlint
from gradlint.finding import Severity
from gradlint.report.json import json_value
from gradlint.report.text import Style, crash, folded, listed, name, repository_place, sentence

if TYPE_CHECKING:
    from gradlint.finding import Finding
    from gradlint.result import Result, RuleInfo

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "gradlint/v1"
"""Changes its number when identities would change for another reason than a defect."""
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(result: Result, style: Style | None = None) -> str:
    """One run in pure ASCII; `style` gives the root of the repository."""
    style = style or Style()
    rules = _rules(result)
    order = {str(rule["id"]): index for index, rule in enumerate(rules)}
    seen: dict[str, int] = {}
    results = []
    for finding in result.findings:
        identity = fingerprint(finding)
        seen[identity] = seen.get(identity, 0) + 1
        # Two findings of one cause are two alerts.
        identity += f":{seen[identity]}"
        results.append(_result(finding, order[finding.code], identity, result, style))
    run = {
        "tool": {
            "driver": {
                "name": "gradlint",
                "semanticVersion": gradlint.__version__,
                "version": gradlint.__version__,
                "rules": rules,
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
        # Two models checked in one workflow are two analyses, whose alerts do not replace each other's.
        "automationDetails": {"id": f"gradlint/{sentence(result.target)}/"},
        "invocations": [
            {
                "executionSuccessful": not result.crashed,
                "toolExecutionNotifications": [
                    *({"level": "error", "message": {"text": crash(rule)}} for rule in result.crashed),
                    *(
                        {
                            "level": "note",
                            "message": {"text": f"{sentence(skipped.code)} did not run: {sentence(skipped.reason)}"},
                        }
                        for skipped in result.skipped
                    ),
                ],
            }
        ],
        "results": results,
    }
    report = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(json_value(report), indent=2, allow_nan=False)


def fingerprint(finding: Finding) -> str:
    """What stays the same when lines move: the rule, the layer, the operation, and the victims."""
    parts = [finding.code, finding.cause.layer or "", finding.cause.op or "", *sorted(finding.inputs)]
    if finding.cause.layer is None:
        parts += sorted(finding.variables)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _rules(result: Result) -> list[dict[str, object]]:
    """The rules that ran, then those of findings that are in no catalogue."""
    names = {finding.code: finding.name for finding in result.findings}
    levels = {finding.code: finding.severity for finding in result.findings}
    rules: list[dict[str, object]] = []
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


def _rule(rule: RuleInfo) -> dict[str, object]:
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


def _result(finding: Finding, index: int, identity: str, result: Result, style: Style) -> dict[str, object]:
    path, line = repository_place(finding, result.target, style)
    location: dict[str, object] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(path), "uriBaseId": "%SRCROOT%"},
            # Without a region, GitHub shows no alert.
            "region": {"startLine": max(line or 1, 1)},
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
            "inputs": [name(key, 200) for key in finding.inputs],
            "variables": [name(path, 200) for path in finding.variables],
            "evidence": {
                name(key): sentence(value) if isinstance(value, str) else _texts(value)
                for key, value in finding.evidence.items()
            },
        },
    }


def _texts(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [sentence(item) if isinstance(item, str) else item for item in value]
    return value


def _message(finding: Finding) -> str:
    """Plain text; SARIF reads `[text](target)` and `{0}` in it, so both are escaped."""
    parts = [sentence(finding.message)]
    if culprit := " · ".join(name(part) for part in (finding.cause.layer, finding.cause.op) if part):
        parts.append(f"Cause: {culprit}.")
    victims = [folded("variable", finding.variables)] if finding.variables else []
    if finding.inputs:
        victims.insert(0, f"input{'s' * (len(finding.inputs) > 1)} {listed([name(key) for key in finding.inputs])}")
    if victims:
        parts.append(f"Victims: {'; '.join(victims)}.")
    text = " ".join(parts)
    if "](" in text:
        text = text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return text.replace("{", "{{").replace("}", "}}")
