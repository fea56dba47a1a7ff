"""A result in a notebook and in a file: short, and nothing that notebooks remove or that names can act in."""

from __future__ import annotations

import base64
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from layer_graphs import ARGMAX, chain, result_of, towers
from shared_result import FINDINGS, HEALTHY, SHARED
from test_report_formats import NASTY, nasty

import gradlint.report  # noqa: F401 - gives results their forms
from gradlint.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from gradlint.result import Result

pytest_plugins = ["pytester"]
TOWERS = result_of(towers(), ARGMAX)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))


def cell(result: Result) -> str:
    return result._repr_html_()


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_any_name_is_text(text: str) -> None:
    for tag, attributes in Tags(cell(nasty(text))).found:
        assert tag in {"div", "p", "strong", "small", "br", "code", "pre", "details", "summary", "img"}
        assert set(attributes) <= {"style", "alt", "src", "open"}
        assert (attributes.get("src") or "data:image/svg+xml;base64,").startswith("data:image/svg+xml;base64,")


def test_verdict_findings_lines_and_picture() -> None:
    text = cell(replace(TOWERS, findings=(*FINDINGS[:1], ARGMAX)))
    assert "GL103 nondifferentiable-op" in text
    assert "towers.py:5" in text
    assert "result.ok is False" in text
    (picture,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', text)
    assert ET.fromstring(base64.b64decode(picture)).tag.endswith("svg")
    assert "<img" not in cell(replace(TOWERS, drawn=None))


def test_a_thousand_layers_are_less_than_a_megabyte() -> None:
    assert len(cell(result_of(chain(1000, skips=7)))) < 1_000_000


def test_the_repr_is_short_and_says_the_verdict() -> None:
    assert repr(HEALTHY).startswith("<gradlint.Result of models/healthy.keras: No finding: the gradient reaches")
    assert len(repr(SHARED)) < 240  # what pytest shows of a value
    assert "first, 'model2' gets no gradient: Round" in repr(SHARED)


def test_a_failed_assertion_in_pytest_prints_the_verdict(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import gradlint.report
        from gradlint.finding import Finding, Severity
        from gradlint.result import Result

        def test_it():
            found = Finding("GL101", "disconnected-input", Severity.ERROR, "No path leads from 'b' to the loss.")
            result = Result("m.keras", "", "", "", "values", (found,))
            assert result.ok
        """
    )
    ran = pytester.runpytest_inprocess("-p", "no:randomly")
    ran.stdout.fnmatch_lines(["*<gradlint.Result of m.keras: 1 error: No path leads from 'b' to the loss>*"])


@pytest.mark.parametrize("extension", ["html", "json", "md", "txt", "sarif", "xml", "svg", "dot", "mermaid", "graphml"])
def test_save_writes_what_the_extension_says(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"report.{extension}"
    TOWERS.save(path)
    text = path.read_text(encoding="utf-8")
    match extension:
        case "html":
            assert text.startswith("<!DOCTYPE html>")
        case "json" | "sarif":
            assert ("schema" in json.loads(text)) == (extension == "json")
        case "xml" | "svg" | "graphml":
            ET.fromstring(text)
        case "md":
            assert text.startswith("### ❌ gradlint")
    assert "ArgMax" in text


def test_save_refuses_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"report\.pdf: the extension names no report; choose one of \.html"):
        TOWERS.save(tmp_path / "report.pdf")
    with pytest.raises(UsageError, match="before there was a graph"):
        HEALTHY.save(str(tmp_path / "flow.svg"))
    with pytest.raises(UsageError, match=r"cannot write .*: there is no folder .*missing$"):
        HEALTHY.save(tmp_path / "missing" / "report.html")
    with pytest.raises(UsageError, match=r"is a folder; name a file in it, such as .*report\.html$"):
        HEALTHY.save(tmp_path)
