from __future__ import annotations

import pytest
from contracts import facts, model

from gradlint.finding import Severity
from gradlint.rules.gl404_input_dtype import RULE


def one(expected, dtype, whole=None):
    return facts(model(("x", (None, 1), {"dtype": expected})), x=((8, 1), dtype, whole))


FIRES = {
    "text for numbers": (one("float32", "string"), Severity.ERROR),
    "numbers for text": (one("string", "int64"), Severity.ERROR),
    "fractions for integers": (one("int32", "float32", False), Severity.ERROR),
    "perhaps fractions for integers": (one("int32", "float64", None), Severity.WARNING),
    "complex for real": (one("float32", "complex64"), Severity.ERROR),
    "complex for integer": (one("int32", "complex64"), Severity.ERROR),
    "text as a label": (facts(model(("x", (None, 1))), x=(8, 1), y=((8,), "string")), Severity.ERROR),
}
QUIET = {
    "same": one("float32", "float32"),
    "double": one("float32", "float64", False),
    "integers for floats": one("float32", "int64"),
    "pixels": one("float32", "uint8"),
    "booleans": one("float32", "bool"),
    "whole floats for integers": one("int32", "float32", True),
    "text for text": one("string", "string"),
    "complex for complex": one("complex64", "complex128"),
    "text as a label of one's own loss": facts(
        model(("x", (None, 1)), loss={"class_name": "Mine", "module": "mine", "config": {}}),
        x=(8, 1),
        y=((8,), "string"),
    ),
}


@pytest.mark.parametrize(("given", "severity"), FIRES.values(), ids=FIRES)
def test_fires(given, severity):
    (finding,) = RULE.check(given)
    assert finding.severity is severity


@pytest.mark.parametrize("given", QUIET.values(), ids=QUIET)
def test_is_quiet(given):
    assert not list(RULE.check(given))
