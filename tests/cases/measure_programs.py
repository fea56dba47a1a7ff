"""What gradlint says of the faulty training programs and of their repaired twins, as a table.

    PYTHONPATH=.:tests python -m cases.measure_programs [words]

A program counts as detected when a finding has a code that fits the kind of its fault, and as localised when such a
finding also names the place: the layer, the optimizer, the loss or the input that the study names. Findings of every
severity count. An alarm on a repaired program is a finding of severity warning or error.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from gradlint import Finding, Result

PROGRAMS = Path(__file__).parent / "programs"
SHAPES = {"GL403", "GL405", "GL406", "GL407"}
FITTING = {
    "last activation": {"GL203", "GL204", "GL409", "GL411"},
    "loss": {"GL405", "GL407", "GL409", "GL410", "GL411"},
    "labels": {*SHAPES, "GL410", "GL411"},
    "input scale": {"GL202", "GL203", "GL301", "GL302", "GL307", "GL411", "GL412"},
    "learning rate": {"GL306", "GL307"},
    "initialisation": {"GL201", "GL202", "GL203", "GL206", "GL207"},
    "missing activation": {"GL208"},
    "hidden activation": {"GL203", "GL303"},
    "metric": {"GL413"},
    "shape": SHAPES,
    "data": {"GL302", "GL414"},
    "hyperparameter": set(),
    "design": set(),
}
"""The codes that are about a kind of fault; none is about a setting or a design that one step does not show."""
OWN_PLACE = {"GL306": "optimizer", "GL307": "optimizer", "GL413": "metric"}
"""What a code names by itself."""


def load(name: str) -> ModuleType:
    return importlib.import_module(f"cases.programs.{name}")


def names() -> list[str]:
    return sorted(path.stem for path in PROGRAMS.glob("*.py"))


def fits(finding: Finding, fault: dict[str, str]) -> bool:
    return finding.code in FITTING[fault["kind"]]


def names_place(finding: Finding, fault: dict[str, str]) -> bool:
    """Whether a finding says where the fault lies."""
    where = fault["where"]
    if where == "loss":  # The finding's message names the loss or its labels.
        return finding.code in {"GL405", "GL406", "GL407", "GL409", "GL410", "GL411"}
    layers = [finding.cause.layer or "", *finding.variables, *map(str, finding.evidence.get("layers") or ())]
    parts = [part for path in layers for part in path.split("/")]
    return OWN_PLACE.get(finding.code) == where or where in parts or where in finding.inputs


def checked(case: ModuleType, *, repaired: bool) -> Result:
    import gradlint

    sample = case.fixed_sample() if repaired and hasattr(case, "fixed_sample") else case.sample()
    return gradlint.check(case.fixed() if repaired else case.build(), sample)


def alarms(result: Result) -> list[Finding]:
    return [finding for finding in result.findings if str(finding.severity) != "info"]


def main(words: list[str]) -> None:
    warnings.simplefilter("ignore")
    counts: dict[str, list[int]] = {}
    print(
        "| program | study | kind | detected | localised | loudest | said | alarms on the repaired |\n"
        + "|---" * 8
        + "|"
    )
    for name in names():
        if words and not any(word in name for word in words):
            continue
        case = load(name)
        fault = case.FAULT
        findings = checked(case, repaired=False).findings
        hits = [finding for finding in findings if fits(finding, fault)]
        placed = [finding for finding in hits if names_place(finding, fault)]
        false = alarms(checked(case, repaired=True))
        loudest = max((f.severity for f in hits), key=lambda s: s.order, default="")
        said = " ".join(f.code for f in findings)
        said_false = "; ".join(f"{f.code} {f.message[:80]}" for f in false)
        row = (
            name,
            fault["study"],
            fault["kind"],
            "yes" if hits else "",
            "yes" if placed else "",
            loudest,
            said,
            said_false,
        )
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
        tally = counts.setdefault(fault["study"], [0] * 5)
        for number, flag in enumerate((True, hits, placed, str(loudest) in ("warning", "error"), false)):
            tally[number] += bool(flag)
    print()
    for study, (total, detected, localised, loud, false) in counts.items():
        print(
            f"{study}: {total} programs, {detected} detected ({loud} at warning or error), {localised} localised, "
            f"{false} repaired programs with an alarm"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
