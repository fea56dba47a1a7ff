from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradlint import rules
from gradlint.finding import Severity
from gradlint.severity import SEVERITIES, Certainty, Consequence, severity_of


def test_every_consequence_has_a_severity_for_each_certainty():
    assert set(SEVERITIES) == set(Consequence)
    assert all(len(row) == len(Certainty) for row in SEVERITIES.values())


@pytest.mark.parametrize("consequence", Consequence)
def test_what_is_seen_in_one_sample_only_is_never_louder(consequence):
    certain, in_sample = (severity_of(consequence, certainty) for certainty in Certainty)
    assert in_sample.order <= certain.order
    assert in_sample is not Severity.ERROR


def test_losing_more_is_never_quieter():
    orders = [[severity.order for severity in row] for row in SEVERITIES.values()]
    assert orders == sorted(orders, reverse=True)


def test_no_rule_names_a_severity_of_its_own():
    texts = {file.name: file.read_text(encoding="utf-8") for file in Path(rules.__file__).parent.glob("*.py")}
    assert [name for name, text in texts.items() if re.search(r"Severity\.[A-Z]", text)] == []
