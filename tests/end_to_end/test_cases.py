"""The cases of `tests/cases`: bugs are found and explained, their repaired twins and healthy models left alone."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import pytest
from cases.judging import FITTING, explains, names_culprit
from representatives import representatives

import gradlint
from gradlint import Severity

if TYPE_CHECKING:
    from types import ModuleType

    from gradlint import Finding, Result

CASES = Path(__file__).resolve().parents[1] / "cases"

# Bugs that are found and not yet explained, and why.
NOT_EXPLAINED: dict[str, str] = {}


def names(kind: str) -> list[str]:
    return sorted(path.stem for path in (CASES / kind).glob("*.py"))


def category(name: str) -> str:
    """What a bug is, as its case says; its module is not loaded for it."""
    return re.findall(r'"category": "(\w+)"', (CASES / "bugs" / f"{name}.py").read_text(encoding="utf-8"))[0]


HEALTHY = names("healthy")


@pytest.fixture
def case(kind: str, name: str) -> ModuleType:
    """The module of a case."""
    try:
        module = importlib.import_module(f"cases.{kind}.{name}")
    except ModuleNotFoundError as error:
        if error.name != "keras_hub":
            raise
        pytest.skip("keras_hub is not installed")
    if tuple(map(int, keras.__version__.split(".")[:2])) < getattr(module, "NEEDS_KERAS", ()):
        pytest.skip(f"Keras {keras.__version__} refuses to build it")
    return module


def saved_and_checked(model: keras.Model, sample: dict[str, object], folder: Path) -> Result:
    path = folder / "model.keras"
    model.save(path)
    return gradlint.check(path, sample, trust_model=True)


def alarms(result: Result) -> list[Finding]:
    return [finding for finding in result.findings if finding.severity is not Severity.INFO]


def told(findings: list[Finding]) -> str:
    return "\n".join(f"{f.code} {f.message} {f.inputs} {f.variables} {f.cause}" for f in findings) or "no findings"


def is_about(finding: Finding, expect: dict) -> bool:
    """Whether a finding has a fitting code and names the culprit."""
    return finding.code in FITTING[expect["category"]] and names_culprit(finding, expect["culprit"])


@pytest.mark.parametrize("kind", ["bugs"])
@pytest.mark.parametrize("name", representatives(names("bugs"), category, 2))
class TestBug:
    def test_is_found_and_explained(
        self, case: ModuleType, kind: str, name: str, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        findings = alarms(saved_and_checked(case.build(), case.sample(), tmp_path))
        hits = [finding for finding in findings if is_about(finding, case.EXPECT)]
        assert hits, f"not found: {told(findings)}"
        if name in NOT_EXPLAINED:
            request.applymarker(pytest.mark.xfail(strict=True, reason=NOT_EXPLAINED[name]))
        source = CASES / kind / f"{name}.py"
        assert any(explains(hit, case.EXPECT["culprit"], source) for hit in hits), f"not explained: {told(hits)}"

    def test_is_gone_from_the_repaired_twin(self, case: ModuleType) -> None:
        sample = case.fixed_sample() if hasattr(case, "fixed_sample") else case.sample()
        findings = alarms(gradlint.check(case.fixed(), sample))
        false = [f for f in findings if f.severity is Severity.ERROR or is_about(f, case.EXPECT)]
        assert not false, told(false)


@pytest.mark.parametrize("kind", ["healthy"])
@pytest.mark.parametrize("name", representatives(HEALTHY, lambda name: HEALTHY.index(name) // 4))
def test_healthy_model_is_clean(case: ModuleType, tmp_path: Path) -> None:
    findings = alarms(saved_and_checked(case.build(), case.sample(), tmp_path))
    assert not findings, told(findings)
