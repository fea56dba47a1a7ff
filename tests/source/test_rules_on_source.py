"""Each rule of the source on snippets: what it must report stands on its line as a comment, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradlint.checking.source import check_text, source_rules

FOLDER = Path(__file__).parent / "snippets"
PRELUDE = "import numpy as np, tensorflow as tf, keras\n"
MARK = re.compile(r"#\s*(GL6\d\d(?:, GL6\d\d)*)\s*$")


def snippets() -> list[tuple[str, str]]:
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        for part in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            title, _, text = part.partition("\n")
            found.append(
                (f"{path.stem}: {title}", text if re.search("^(import|from) ", text, re.MULTILINE) else PRELUDE + text)
            )
    return found


def marks(text: str) -> list[tuple[int, str]]:
    return [
        (number, code)
        for number, line in enumerate(text.splitlines(), 1)
        if (match := MARK.search(line))
        for code in match[1].split(", ")
    ]


@pytest.mark.parametrize(
    ("title", "text"), snippets(), ids=lambda value: value if ":" in value and "\n" not in value else ""
)
def test_findings_are_where_they_are_marked(title: str, text: str) -> None:
    report = check_text(text, "step.py")
    assert not report.broken
    assert not report.crashed
    assert [(finding.cause.line, finding.code) for finding in report.findings] == marks(text), title
    assert ("QUIET" in title) == (not marks(text))


def test_every_rule_has_snippets_of_both_kinds() -> None:
    bad = {code for _, text in snippets() for _, code in marks(text)}
    assert bad == {rule.code for rule in source_rules()}
    names = {path.stem.replace("_", "-") for path in FOLDER.glob("*.txt")}
    assert names == {rule.name for rule in source_rules()}
    for path in FOLDER.glob("*.txt"):
        assert path.read_text(encoding="utf-8").count("=== QUIET") >= 1
