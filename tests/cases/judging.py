"""What counts as a bug that is found and explained, in the tests and in the benchmark of truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlint import Finding

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


def names_culprit(finding: Finding, place: dict[str, Any]) -> bool:
    """Whether a finding has one of the parts that a place states."""
    if place.get("inputs"):
        return bool(set(place["inputs"]) & set(finding.inputs))
    if not {"input", "variable", "layer"} & set(place):
        return True
    return bool(
        place.get("input") in finding.inputs
        or any("variable" in place and place["variable"] in path for path in finding.variables)
        or ("layer" in place and place["layer"] in (finding.cause.layer or ""))
    )


def explains(finding: Finding, place: dict[str, Any], source: Path) -> bool:
    """Whether the cause has the layer, the operation and the line of a place, as far as they are stated."""
    cause = finding.cause
    if place.get("layer", "") not in (cause.layer or "") or place.get("op", cause.op) != cause.op:
        return False
    if "line" not in place:
        return True
    if cause.file is None or cause.line is None or Path(cause.file).name != source.name:
        return False
    line = source.read_text(encoding="utf-8").splitlines()[cause.line - 1]
    return "".join(place["line"].split()) in "".join(line.split())
