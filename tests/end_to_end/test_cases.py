"""The cases of `tests/cases`: bugs are found and explained, their repaired twins and healthy models left alone."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import pytest

import gradlint
from gradlint import Severity

if TYPE_CHECKING:
    from types import ModuleType

    from gradlint import Finding, Result

CASES = Path(__file__).resolve().parents[1] / "cases"

CONNECTIVITY = {"GL101", "GL102", "GL103", "GL104", "GL105", "GL106", "GL107", "GL108", "GL109"}
ZERO = {"GL201", "GL202", "GL203", "GL204", "GL205", "GL206", "GL207", "GL303", "GL305", "GL409"}

# Which codes may report a bug of each category. A mistake can be seen from several sides.
FITTING = {
    "batch_mixing": {"GL501"},
    "disconnected_input": CONNECTIVITY | {"GL205", "GL408"},
    "disconnected_variable": CONNECTIVITY,
    "dtype_mismatch": {"GL404", "GL407"},
    "exploding": {"GL304"},
    "frozen": {"GL102", "GL108"},
    "index_out_of_range": {"GL407", "GL410"},
    "label_shape_broadcast": {"GL405", "GL409"},
    "missing_key": {"GL401", "GL402", "GL408"},
    "nondifferentiable_op": {"GL103", "GL105", "GL107"},
    "none_gradient": CONNECTIVITY | {"GL404"},
    "nonfinite_gradient": {"GL301", "GL302", "GL409"},
    "saturation": {"GL201", "GL203", "GL303", "GL409"},
    "shape_mismatch": {"GL403", "GL406", "GL407"},
    "stop_gradient": {"GL104"},
    "unexpected_key": {"GL401", "GL402", "GL403", "GL408"},
    "wrong_loss": {"GL409"},
    "zero_gradient": ZERO,
}


# Bugs that are found and not yet explained, and why.
NOT_EXPLAINED: dict[str, str] = {}


def names(kind: str) -> list[str]:
    return sorted(path.stem for path in (CASES / kind).glob("*.py"))


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
    culprit = expect["culprit"]
    named = (
        not {"input", "variable", "layer"} & set(culprit)
        or culprit.get("input") in finding.inputs
        or any("variable" in culprit and culprit["variable"] in path for path in finding.variables)
        or ("layer" in culprit and culprit["layer"] in (finding.cause.layer or ""))
    )
    return finding.code in FITTING[expect["category"]] and named


def explains(finding: Finding, culprit: dict[str, str], source: Path) -> bool:
    """Whether the cause of a finding has the culprit's layer, operation and line, as far as they are stated."""
    cause = finding.cause
    if culprit.get("layer", "") not in (cause.layer or ""):
        return False
    if culprit.get("op", cause.op) != cause.op:
        return False
    if "line" not in culprit:
        return True
    if cause.file is None or cause.line is None or Path(cause.file).name != source.name:
        return False
    line = source.read_text(encoding="utf-8").splitlines()[cause.line - 1]
    return "".join(culprit["line"].split()) in "".join(line.split())


@pytest.mark.parametrize("kind", ["bugs"])
@pytest.mark.parametrize("name", names("bugs"))
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
@pytest.mark.parametrize("name", names("healthy"))
def test_healthy_model_is_clean(case: ModuleType, tmp_path: Path) -> None:
    findings = alarms(saved_and_checked(case.build(), case.sample(), tmp_path))
    assert not findings, told(findings)
