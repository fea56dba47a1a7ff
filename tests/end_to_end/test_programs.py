"""The faulty training programs of `tests/cases/programs`: their faults are named, their repaired twins left alone."""

from __future__ import annotations

import re

import pytest
from cases.measure_programs import FITTING, PROGRAMS, alarms, checked, fits, load, names
from representatives import representatives

NOT_DETECTED = {
    "digits_hidden_softmax": "the gradient is small and not vanishing, and the loss starts as it should",
    "digits_mean_squared_error": "a squared error over a softmax trains, if slowly",
    "flowers_relu_then_softmax_mse": "a squared error over a softmax trains, if slowly",
    "patients_not_scaled": "the loss starts at less than eight times that of a guess",
    "patients_sigmoids_not_scaled": "the loss starts as it should",
}
"""Faults of which the first step shows too little, and why."""


def told(findings) -> str:
    return "\n".join(f"{f.severity} {f.code} {f.message} {f.cause}" for f in findings) or "no findings"


def kind(name):
    """What the fault of a program is, as the program says; it is not run for it."""
    return re.findall(r'"kind": "([\w ]+)"', (PROGRAMS / f"{name}.py").read_text(encoding="utf-8"))[0]


@pytest.mark.parametrize("name", representatives(names(), kind))
def test_fault_is_detected(name, request):
    case = load(name)
    findings = checked(case, repaired=False).findings
    if name in NOT_DETECTED or not FITTING[case.FAULT["kind"]]:
        request.applymarker(pytest.mark.xfail(strict=True, reason=NOT_DETECTED.get(name, "one step does not show it")))
    assert any(fits(finding, case.FAULT) for finding in findings), told(findings)


@pytest.mark.parametrize("name", representatives(names(), kind))
def test_repaired_program_is_quiet(name):
    found = alarms(checked(load(name), repaired=True))
    assert not found, told(found)
