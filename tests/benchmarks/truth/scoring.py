"""What gradlint says of a case: the same for every case of a kind, and nothing that depends on one."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradlint
from gradlint import Severity
from gradlint.rules import ALL_RULES
from tests.benchmarks.truth.cases import FITS
from tests.benchmarks.truth.numbers import HEALTHY
from tests.cases import measure_programs as programs
from tests.cases.judging import explains, names_culprit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from gradlint import Finding, Result
    from tests.benchmarks.truth.cases import Case

Row = dict[str, Any]
OF_STEPS = {rule.code for rule in ALL_RULES if rule.code.startswith("GL6")}


def alarms(result: Result) -> list[Finding]:
    return [finding for finding in result.findings if finding.severity is not Severity.INFO]


def checked(model: object, sample: object) -> Result:
    """As on the command line: the model is saved, and gradlint loads the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)  # type: ignore[attr-defined]
        return gradlint.check(path, sample, trust_model=True)


def sample_of(module: ModuleType, *, repaired: bool) -> object:
    return module.fixed_sample() if repaired and hasattr(module, "fixed_sample") else module.sample()


def _stated(place: dict[str, Any]) -> dict[str, Any]:
    """What a place says; what is None in it says nothing."""
    return {part: value for part, value in place.items() if value is not None}


def hits(result: Result, expect: dict[str, Any], fits: set[str] | None) -> list[tuple[Finding, dict[str, Any]]]:
    """Findings that fit the category and name the culprit, or a place that the case calls as good."""
    return [
        (finding, place)
        for place in map(_stated, (expect.get("culprit") or {}, *expect.get("also", ())))
        for finding in result.findings
        if finding.severity.order >= Severity(place.get("severity", "warning")).order
        and (fits is None or finding.code in fits)
        and names_culprit(finding, place)
    ]


def _verdict(found: list[tuple[Finding, dict[str, Any]]], source: Path) -> Row:
    severities = [finding.severity for finding, _ in found]
    loudest = max(severities, key=lambda severity: severity.order, default=None)
    row: Row = {
        "found": bool(found),
        "explained": any(explains(finding, place, source) for finding, place in found),
        "severity": loudest.value if loudest is not None else "",
    }
    if found:
        finding = found[0][0]
        experiments = finding.evidence.get("experiments")
        row["finding"] = {"code": finding.code, "layer": finding.cause.layer, "experiments": experiments or []}
    return row


def bug(case: Case, module: ModuleType) -> Row:
    expect = module.EXPECT
    fits = FITS[expect["category"]]
    row: Row = {"category": expect["category"], "source": str(expect.get("source", expect.get("url", "")))}
    row |= _verdict(hits(checked(module.build(), module.sample()), expect, fits), case.file)
    repaired = checked(module.fixed(), sample_of(module, repaired=True))
    false = [
        finding
        for finding in alarms(repaired)
        if finding.severity is Severity.ERROR
        or (fits is not None and finding.code in fits and names_culprit(finding, _stated(expect.get("culprit") or {})))
    ]
    return row | {"quiet": not false, "false": [finding.code for finding in false]}


def healthy(case: Case, module: ModuleType) -> Row:
    notes = getattr(module, "NOTES", {})
    accepted = {entry["code"]: Severity(entry["severity"]).order for entry in notes.get("accept", ())}
    false = [
        finding
        for finding in alarms(checked(module.build(), module.sample()))
        if finding.severity.order > accepted.get(finding.code, Severity.INFO.order)
    ]
    return {"category": str(notes.get("family", "")), "clean": not false, "false": [finding.code for finding in false]}


def program(case: Case, module: ModuleType) -> Row:
    fault = module.FAULT
    said = gradlint.check(module.build(), module.sample()).findings
    found = [finding for finding in said if programs.fits(finding, fault)]
    placed = [finding for finding in found if programs.names_place(finding, fault)]
    loudest = max((finding.severity for finding in found), key=lambda severity: severity.order, default=None)
    false = alarms(gradlint.check(module.fixed(), sample_of(module, repaired=True)))
    return {
        "category": fault["kind"],
        "study": fault["study"],
        "found": bool(found),
        "explained": bool(placed),
        "severity": loudest.value if loudest is not None else "",
        "quiet": not false,
        "false": [finding.code for finding in false],
    }


def _step_checked(module: ModuleType, step: Callable[..., object], built: Any) -> Result:
    parts = built.values() if isinstance(built, dict) else built if isinstance(built, (list, tuple)) else [built]
    models = module.models(built) if hasattr(module, "models") else parts
    models = [part for part in models if hasattr(part, "trainable_variables")]
    return gradlint.check_step(step, built, module.sample(), models=models)


def healthy_step(case: Case, module: ModuleType) -> Row:
    false = alarms(_step_checked(module, module.step, module.build()))
    return {"category": "training step", "clean": not false, "false": [finding.code for finding in false]}


def step(case: Case, module: ModuleType) -> Row:
    expect = module.EXPECT
    fits = FITS[expect["category"]]
    fits = None if fits is None else fits | OF_STEPS

    def run(repaired: bool) -> Result:
        built = module.fixed() if repaired and hasattr(module, "fixed") else module.build()
        return _step_checked(module, module.fixed_step if repaired else module.step, built)

    row: Row = {"category": expect["category"], "source": str(expect.get("source", ""))}
    row |= _verdict(hits(run(False), expect, fits), case.file)
    false = alarms(run(True))
    return row | {"quiet": not false, "false": [finding.code for finding in false]}


def source(case: Case) -> Row:
    line = int(case.file.read_text(encoding="utf-8").split("LINE ", 1)[1].split(":", 1)[0])
    found = alarms(gradlint.check_source(case.file))
    false = alarms(gradlint.check_source(case.twin_of_source))
    loudest = max((finding.severity for finding in found), key=lambda severity: severity.order, default=None)
    return {
        "category": "source",
        "found": bool(found),
        "explained": any(finding.cause.line == line for finding in found),
        "severity": loudest.value if loudest is not None else "",
        "quiet": not false,
        "false": [finding.code for finding in false],
    }


SCORES: dict[str, Callable[[Case, ModuleType], Row]] = {
    "bugs": bug,
    "healthy": healthy,
    "programs": program,
    "steps": step,
    "healthy_steps": healthy_step,
}


def scored(case: Case) -> Row:
    """The verdict on a case; a case that cannot be built here is skipped, and a check that fails finds nothing."""
    row: Row = {"case": case.name, "kind": case.kind, "hash": case.hash}
    try:
        module = case.module() if case.kind != "sources" else None
        if module is not None and case.kind not in ("steps", "healthy_steps"):
            module.build()
    except Exception as error:
        return row | {"skipped": f"{type(error).__name__}: {error}"[:160]}
    begun = time.perf_counter()
    try:
        if module is None:
            row |= source(case)
        else:
            row |= SCORES[case.kind](case, module)
    except Exception as error:
        is_healthy = case.kind in HEALTHY
        failed = {"clean": False} if is_healthy else {"found": False, "explained": False, "quiet": False}
        row |= {"category": "", "severity": "", "false": ["crash"], **failed}
        row |= {"note": f"{type(error).__name__}: {error}"[:160]}
    return row | {"seconds": round(time.perf_counter() - begun, 2)}
