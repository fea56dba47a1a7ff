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

import gradlint
from gradlint.finding import Severity

if TYPE_CHECKING:
    from gradlint.finding import Finding
    from gradlint.report.text import Style
    from gradlint.result import InputStatus, Result, VariableStatus

SCHEMA = 1


def render(result: Result, style: Style | None = None) -> str:
    """The whole result but its graph, in pure ASCII; `style` changes nothing."""
    del style
    found = Counter(finding.severity for finding in result.findings)
    report = {
        "schema": SCHEMA,
        "gradlint": gradlint.__version__,
        "target": result.target,
        "model": result.model,
        "sample": result.sample,
        "loss": result.loss,
        "depth": result.depth,
        "fail_on": result.fail_on,
        "ok": result.ok,
        "counts": {severity.value: found[severity] for severity in reversed(Severity)},
        "findings": [_finding(finding) for finding in result.findings],
        "inputs": [_input(status) for status in result.inputs],
        "variables": [_variable(status) for status in result.variables],
        "rules": result.rules,
        "skipped": [{"code": skipped.code, "reason": skipped.reason} for skipped in result.skipped],
        "crashed": [{"code": crashed.code, "reason": crashed.reason} for crashed in result.crashed],
        "notes": result.notes,
    }
    return json.dumps(json_value(report), indent=2, allow_nan=False)


def json_value(value: object) -> object:
    """`value` with tuples as lists and floats that are not finite as strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    return value


def _finding(finding: Finding) -> dict[str, object]:
    cause = finding.cause
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "inputs": finding.inputs,
        "variables": finding.variables,
        "cause": {"layer": cause.layer, "op": cause.op, "file": cause.file, "line": cause.line},
        "evidence": finding.evidence,
    }


def _input(status: InputStatus) -> dict[str, object]:
    return {
        "key": status.key,
        "shape": status.shape,
        "dtype": status.dtype,
        "gradient": status.gradient.value,
        "norm": status.norm,
        "reached": status.reached,
    }


def _variable(status: VariableStatus) -> dict[str, object]:
    return {
        "path": status.path,
        "shape": status.shape,
        "dtype": status.dtype,
        "trainable": status.trainable,
        "gradient": status.gradient.value,
        "norm": status.norm,
        "inputs": status.inputs,
    }
