"""The numbers behind a finding in words; the names of the JSON report are for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.report.text import MESSAGE_WIDTH, listed, name, sentence, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding

MOST_ITEMS = 20
_LABELS = {
    "activation": "activation of the last layer",
    "also": "also stopped at",
    "close_match": "closest key of the sample",
    "count": "values that are not finite",
    "depends_on": "depends on",
    "elements": "elements that the operation reads",
    "error": "error",
    "experiments": "tested",
    "inactive_share": "share of its elements that pass nothing on",
    "kernels": "kernels with equal units",
    "kind": "what happens to the value",
    "model_inputs": "inputs of the model",
    "op": "operation",
    "operand_gradient": "what the operation hands back",
    "operand_max": "largest value that goes in",
    "operand_min": "smallest value that goes in",
    "orders": "orders of magnitude from the first to the last layer",
    "orders_per_layer": "orders of magnitude in each layer",
    "output_sample": "row of the output",
    "output_step": "step of the output",
    "prediction_shape": "shape of the predictions",
    "label_shape": "shape of the labels",
    "result_shape": "shape after broadcasting",
    "sample_keys": "keys of the sample",
    "slices": "positions without gradient",
    "slope_by_finite_differences": "slope by finite differences",
    "variables": "variables that go without",
    "why": "why",
}
_SENTENCES = ("also", "experiments")
"""Lists of them, which are not shortened as names are."""
_HANDED = {
    "none": "nothing: it has no gradient for this operand",
    "unregistered": "nothing: TensorFlow knows no gradient of it",
    "raises": "nothing: its gradient function fails",
    "zero": "exactly zero",
    "non-finite": "a value that is not finite",
    "passes": "a gradient",
    "unasked": "not asked",
}
_KINDS = {
    "unread": "nothing reads it",
    "unread layer": "nothing calls the layer",
    "dropped": "it is computed, and then nothing uses it",
    "output": "only an output without a loss depends on it",
    "decision": "only a decision depends on it",
    "sub-model output": "it is an output of a sub-model that nothing uses",
}


def evidence_in_words(finding: Finding) -> Iterator[tuple[str, str]]:
    """Label and value of each number that is known; what is empty is left out."""
    for key, value in finding.evidence.items():
        if value is None or value == [] or value == "":
            continue
        words = {"operand_gradient": _HANDED, "kind": _KINDS}.get(key, {})
        label = _LABELS.get(key, sentence(key).replace("_", " "))
        if isinstance(value, str) and value in words:
            yield label, words[value]
        elif key in _SENTENCES and isinstance(value, (list, tuple)):
            said = [shortened(sentence(str(item)), MESSAGE_WIDTH) for item in value[:MOST_ITEMS]]
            more = [f"and {len(value) - MOST_ITEMS:,} more"] if len(value) > MOST_ITEMS else []
            yield label, "; ".join(said + more)
        elif key.endswith("share") and isinstance(value, float) and 0 <= value <= 1:
            yield label, f"{value:.0%}"
        else:
            yield label, _said(value)


def _said(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case int():
            return f"{value:,}"
        case list() | tuple():
            few = [name(item) if isinstance(item, str) else _said(item) for item in value[: MOST_ITEMS + 1]]
            return listed(few, MOST_ITEMS, total=len(value))
        case _:
            return sentence(str(value))
