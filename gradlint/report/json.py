"""The result as JSON, schema 1: `docs/schema/gradlint-1.schema.json`.

JSON has no NaN and no infinity, and null already means "not known": a float that is not finite is the
string `"NaN"`, `"Infinity"` or `"-Infinity"`, which Python's `float()` and JavaScript's `Number()` read.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gradlint import version
from gradlint.finding import Severity
from gradlint.report.outgoing import Syntax, outgoing
from gradlint.report.text import shortened
from gradlint.report.verdict import consequence, counts, exit_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.finding import Finding
    from gradlint.report.text import Style
    from gradlint.result import InputStatus, Result, VariableStatus

SCHEMA = 1
MOST_NAMES, LONGEST = 50_000, 200
"""All findings of a report together list so many names, or `FEW` each: a report grows in proportion to its findings."""
FEW = 20

Document = dict[str, object]


def render(result: Result, style: Style | None = None) -> str:
    """The whole result but its graph, in pure ASCII; `style` changes nothing."""
    del style
    return text_of(document(result))


def document(result: Result) -> Document:
    """The whole result but its graph, as values of JSON."""
    found = Counter(finding.severity for finding in result.findings)
    limit = names_of_each(result.findings)
    return {
        "schema": SCHEMA,
        "gradlint": version.__version__,
        "target": result.target,
        "model": result.model,
        "sample": result.sample,
        "loss": result.loss,
        "depth": result.depth,
        "fail_on": result.fail_on,
        "ok": result.ok,
        "exit_status": exit_status(result),
        "verdict": f"{counts(result)}; {consequence(result)}",
        "counts": {severity.value: found[severity] for severity in reversed(Severity)},
        "findings": [_finding(finding, limit) for finding in result.findings],
        "inputs": [_input(status) for status in result.inputs],
        "variables": [_variable(status, names_of_each(result.variables)) for status in result.variables],
        "rules": result.rules,
        "skipped": [{"code": skipped.code, "reason": skipped.reason} for skipped in result.skipped],
        "crashed": [{"code": crashed.code, "reason": crashed.reason} for crashed in result.crashed],
        "unread": result.unread,
        "notes": result.notes,
    }


def text_of(document: Document) -> str:
    """A document as text."""
    return outgoing(json.dumps(json_value(document), indent=2, allow_nan=False), Syntax.JSON)


def json_value(value: object) -> object:
    """`value` with tuples as lists and floats that are not finite as strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    return value


def names_of_each(entries: Sequence[Finding | VariableStatus]) -> int:
    """How many names each finding or variable lists; all, unless many of them list many."""
    return max(FEW, MOST_NAMES // max(len(entries), 1))


def _finding(finding: Finding, limit: int) -> Document:
    cause = finding.cause
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "inputs": finding.inputs[:limit],
        "variables": finding.variables[:limit],
        "victims": {"inputs": len(finding.inputs), "variables": len(finding.variables)},
        "cause": {"layer": cause.layer, "op": cause.op, "file": cause.file, "line": cause.line},
        "evidence": {
            key: _few(value, limit) if isinstance(value, (list, tuple)) else value
            for key, value in finding.evidence.items()
        },
    }


def _few(values: Sequence[object], limit: int) -> list[object]:
    """The first values of a list that every finding may repeat, without the middle of a very long name."""
    return [shortened(value, LONGEST) if isinstance(value, str) else value for value in values[:limit]]


def _input(status: InputStatus) -> Document:
    return {
        "key": status.key,
        "shape": status.shape,
        "dtype": status.dtype,
        "gradient": status.gradient.value,
        "norm": status.norm,
        "reached": status.reached,
    }


def _variable(status: VariableStatus, limit: int) -> Document:
    return {
        "path": status.path,
        "shape": status.shape,
        "dtype": status.dtype,
        "trainable": status.trainable,
        "gradient": status.gradient.value,
        "norm": status.norm,
        "inputs": status.inputs[:limit],
    }
