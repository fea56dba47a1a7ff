"""A comparison for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from gradlint.comparison import Comparison, Difference, Stage
from gradlint.finding import Cause
from gradlint.report.comparison import FORMATS, verdict
from gradlint.report.text import Style

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schema" / "gradlint-comparison-1.schema.json").read_text(encoding="utf-8")
)
NUMBERS = {"values": 61, "gradients": 1, "variables": 6}
FLAG = Difference(
    "training-flag",
    Stage.LOSS,
    "A says training, and B does not",
    True,
    "B, with training=True",
    "say so",
    Cause("größe\x1b[31m", "Mul"),
    Cause("dense", "MatMul", "nowhere.py", 3),
    tuple(f"dense_{n}/kernel" for n in range(9)),
    {"factor": float("nan")},
)
DIFFERENT = Comparison("fit", "my loop", (FLAG, Difference("unknown", Stage.UPDATE, "nobody knows")), False, NUMBERS)
SAME = Comparison("fit", "my loop", compared=NUMBERS)


@pytest.mark.parametrize("comparison", [SAME, DIFFERENT], ids=["same", "different"])
def test_the_json_fits_its_schema(comparison: Comparison) -> None:
    document = json.loads(comparison.to_json())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["same"] is comparison.same
    assert document["exit_status"] == comparison.exit_status == (0 if comparison.same else 1)


def test_the_report_names_places_experiments_and_what_to_do() -> None:
    text = FORMATS["table"](DIFFERENT, Style(width=60))
    for part in (
        "A: fit",
        "B: my loop",
        "MatMul in 'dense' at nowhere.py:3",
        "confirmed: B, with training=True",
        "to do: say so",
        "9 variables",
        "nobody knows",
    ):
        assert part in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b[1;31m" in FORMATS["table"](DIFFERENT, Style(colour=True))


def test_the_verdict_says_what_holds() -> None:
    assert verdict(SAME) == "the same: 61 values on the way to the losses, 1 gradient, and what becomes of 6 variables"
    assert verdict(DIFFERENT) == "2 differences; beyond the last one nothing was compared"
    assert repr(DIFFERENT) == "<gradlint.Comparison of fit and my loop: training-flag, unknown>"
