"""The formats of continuous integration: what their readers ask for, and that no name from a model acts in them."""

from __future__ import annotations

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import jsonschema
import pytest
from layer_graphs import result_of, towers
from shared_result import FINDINGS, HEALTHY, HERE, HOSTILE, RESULTS, RULES, SHARED

from gradlint.finding import Cause, Finding, Severity
from gradlint.passes.layers import streamed
from gradlint.report import FORMATS, github, markdown, sarif
from gradlint.report.svg import render as svg
from gradlint.report.text import Style, repository_place
from gradlint.result import InputStatus, Result, SkippedRule, VariableStatus

if TYPE_CHECKING:
    import networkx as nx

NASTY = {
    "xml": "a]]><script>alert(1)</script>&amp;<!--",
    "html": "\"><img src=x onerror=alert('1')><svg onload=alert(2)>",
    "markdown": "[click](https://evil.example) `code` | cell | **bold** <b>html</b> @someone",
    "links": "#12 :tada: https://evil.example www.evil.example GH-1 a@evil.example",
    "terminal": HOSTILE,
    "bidi": "safe\u202egnp.exe\u2066\u200b",
    "github": "x%0A::error::fake\n::set-output name=a::b ##[error]fake",
    "sarif": "{0} [link](0) \ud800",
    "fence": "`` ` ```",
    "long": "layer/" * 60,
    "null": "a\x00b\ufffe",
}


def nasty(text: str) -> Result:
    """A result in which everything that comes from a file is `text`."""
    finding = Finding(
        "GL103",
        "nondifferentiable-op",
        Severity.ERROR,
        f"{text} has no gradient: {text}",
        (text,),
        (f"{text}/kernel", f"{text}/bias"),
        Cause(text, text, text, 3),
        {text: text, "list": [text]},
    )
    graph = towers()
    for _, data in graph.nodes(data=True):
        data["label"] = text
        if data["kind"] == "op":
            data["layer"], data["type"] = f"{data['layer']}/{text}", text
    drawn = result_of(graph)
    return replace(
        drawn,
        target=text,
        model=text,
        sample=text,
        loss=text,
        findings=(finding, replace(finding, cause=Cause(), severity=Severity.INFO, code="GL999")),
        inputs=(InputStatus(text, (1,), text, drawn.inputs[0].gradient), *drawn.inputs),
        variables=(VariableStatus(text, (1,), text, True, drawn.inputs[0].gradient, None, (text,)), *drawn.variables),
        skipped=(SkippedRule("GL202", text),),
        notes=(text,),
    )


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_no_name_acts_on_a_terminal(format: str, text: str, style: Style) -> None:
    report = FORMATS[format](nasty(text), style)
    assert [c for c in report if not c.isprintable() and c != "\n"] == []
    report.encode()  # no lone surrogates


class TestSarif:
    SCHEMA_FILE = HERE / "schemas" / "sarif-2.1.0.schema.json"

    @pytest.fixture(scope="class")
    def schema(self) -> jsonschema.Draft4Validator:
        text = self.SCHEMA_FILE.read_bytes()
        assert hashlib.sha256(text).hexdigest().startswith("d9ae9a4394e29ad68cea57a3f7ec4ec0")
        return jsonschema.Draft4Validator(json.loads(text), format_checker=jsonschema.FormatChecker())

    def run(self, result: Result, style: Style) -> dict:
        (run,) = json.loads(FORMATS["sarif"](result, style))["runs"]
        return run

    @pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
    def test_fits_the_official_schema(self, schema, result: Result, style: Style) -> None:
        schema.validate(json.loads(FORMATS["sarif"](result, style)))

    @pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
    def test_fits_it_whatever_the_names(self, schema, text: str, style: Style) -> None:
        report = FORMATS["sarif"](nasty(text), style)
        assert report.isascii()
        schema.validate(json.loads(report))
        for result in json.loads(report)["runs"][0]["results"]:
            assert "[link](0)" not in result["message"]["text"]

    def test_the_schema_would_notice(self, schema, style: Style) -> None:
        report = json.loads(FORMATS["sarif"](SHARED, style))
        report["runs"][0]["results"][0]["level"] = "fatal"
        with pytest.raises(jsonschema.ValidationError):
            schema.validate(report)

    @pytest.mark.parametrize("result", [SHARED, *map(nasty, NASTY.values())])
    def test_every_result_has_a_place_in_the_repository(self, result: Result, style: Style) -> None:
        for found in self.run(result, style)["results"]:
            (location,) = found["locations"]
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert uri
            assert not uri.startswith(("/", "."))
            assert ".." not in unquote(uri).split("/")
            assert ":" not in uri.split("/")[0]
            assert location["physicalLocation"]["region"]["startLine"] >= 1

    def test_places_and_levels(self, style: Style) -> None:
        found = self.run(SHARED, style)["results"]
        places = [
            (
                each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
                each["locations"][0]["physicalLocation"]["region"]["startLine"],
                each["level"],
            )
            for each in found
        ]
        assert places[0] == ("towers.py", 5, "error")
        assert places[1] == ("models/zwei_t%C3%BCrme.keras", 1, "warning")  # /nowhere/else is not in the repository
        assert places[2][2] == "note"

    def test_rules_have_help_and_are_found_by_index(self, style: Style) -> None:
        run = self.run(SHARED, style)
        rules = run["tool"]["driver"]["rules"]
        assert [rule["id"] for rule in rules] == [*SHARED.rules, "GL999"]
        for rule in rules[: len(RULES)]:
            assert "## What to do" in rule["help"]["markdown"]
            assert rule["help"]["text"]
        for found in run["results"]:
            assert rules[found["ruleIndex"]]["id"] == found["ruleId"]

    def test_fingerprints_tell_findings_apart_and_survive_moved_lines(self, style: Style) -> None:
        def prints(result: Result) -> list[str]:
            return [found["partialFingerprints"][sarif.FINGERPRINT] for found in self.run(result, style)["results"]]

        twice = replace(SHARED, findings=(*FINDINGS, FINDINGS[0]))
        assert len(set(prints(twice))) == len(FINDINGS) + 1
        moved = tuple(
            replace(finding, cause=replace(finding.cause, line=99), message="other words", position=7)
            for finding in FINDINGS
        )
        assert prints(replace(SHARED, findings=moved)) == prints(SHARED)


class TestPlaces:
    FINDING = FINDINGS[0]

    @pytest.mark.parametrize(
        ("file", "target", "place"),
        [
            ("/repo/src/model.py", "m.keras", ("src/model.py", 5)),
            ("/repo/sub/model.py", "m.keras", ("sub/model.py", 5)),
            ("model.py", "m.keras", ("sub/model.py", 5)),
            ("/elsewhere/model.py", "m.keras", ("sub/m.keras", None)),
            ("/elsewhere/model.py", "../m.keras", ("m.keras", None)),
            ("/elsewhere/model.py", "../../m.keras", ("m.keras", None)),
            ("/elsewhere/model.py", "/elsewhere/m.keras", ("m.keras", None)),
            ("<ipython-input-1>", "package.models:make", ("sub/package/models.py", None)),
            (None, "my model", ("sub/my model", None)),
            (None, "", ("model", None)),
            (None, "..", ("model", None)),
        ],
    )
    def test_are_below_the_root(self, file: str | None, target: str, place: tuple[str, int | None]) -> None:
        finding = replace(self.FINDING, cause=Cause(file=file, line=5))
        assert repository_place(finding, target, Style(folder="/repo/sub", root="/repo")) == place


class TestGithub:
    def test_worst_come_first(self, style: Style) -> None:
        lines = FORMATS["github"](SHARED, style).splitlines()
        levels = [line.split(" ")[0] for line in lines]
        assert levels == ["::error", "::error", "::error", "::warning", "::warning", "::notice"]
        assert lines[0].startswith("::error file=towers.py,line=5,title=GL103 nondifferentiable-op::Round has no")
        assert "%0Acause: tower_2/rounding · Round · towers.py:5%0A" in lines[0]

    def test_nothing_found_is_nothing_said(self, style: Style) -> None:
        assert FORMATS["github"](HEALTHY, style) == ""

    def test_beyond_ten_of_a_level_are_plain_lines(self, style: Style) -> None:
        few, many = FINDINGS[1], tuple(replace(FINDINGS[0], position=n) for n in range(14))
        lines = FORMATS["github"](replace(SHARED, findings=(few, *many)), style).splitlines()
        assert [line.startswith("::error ") for line in lines[:14]] == [True] * 10 + [False] * 4
        assert lines[14].startswith("::warning ")
        assert lines[10].startswith("error: GL103 ")

    def test_more_victims_come_before_fewer(self) -> None:
        one, two = replace(FINDINGS[0], variables=("a",)), replace(FINDINGS[0], variables=("a", "b"))
        assert github.worst_first((one, two)) == [two, one]

    @pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
    @pytest.mark.parametrize("number", [1, 15])
    def test_a_name_is_no_command_and_ends_none(self, text: str, number: int, style: Style) -> None:
        result = nasty(text)
        result = replace(result, findings=result.findings[:1] * number)
        lines = FORMATS["github"](result, style).splitlines()
        assert len(lines) == number
        for line in lines[:10]:
            command = re.fullmatch(r"::error file=([^,:]*),line=(\d+),title=([^,:]*)::(.*)", line)
            assert command is not None
        for line in lines[10:]:
            assert not line.lstrip().startswith("::")
            assert "##[" not in line

    def test_text_comes_back_as_it_was(self, style: Style) -> None:
        text = FORMATS["github"](nasty("100%, a:b %0A"), style)
        message = text.split("::")[2].replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
        assert message.startswith("100%, a:b %0A has no gradient")


class TestJunit:
    def suite(self, result: Result, style: Style) -> ET.Element:
        root = ET.fromstring(FORMATS["junit"](result, style))
        assert root.tag == "testsuites"
        (suite,) = root
        return suite

    @pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
    def test_counts_are_those_of_the_cases(self, result: Result, style: Style) -> None:
        suite = self.suite(result, style)
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == len(result.failures)
        assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped")) == len(result.skipped)

    def test_what_fails_is_what_fails_the_check(self, style: Style) -> None:
        strict = replace(SHARED, fail_on="warning")
        for result, failed in [(SHARED, 3), (strict, 5), (replace(SHARED, fail_on="never"), 0)]:
            failures = self.suite(result, style).findall("testcase/failure")
            assert len(failures) == failed

    def test_a_rule_that_found_nothing_has_passed(self, style: Style) -> None:
        cases = self.suite(HEALTHY, style).findall("testcase")
        assert [case.get("name") for case in cases] == [f"{rule.code} {rule.name}" for rule in RULES]
        assert all(len(case) == 0 for case in cases)

    @pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
    def test_any_name_is_text(self, text: str, style: Style) -> None:
        suite = self.suite(nasty(text), style)
        assert {element.tag for element in suite.iter()} <= {
            *("testsuite", "testcase", "failure", "skipped", "system-out")
        }
        assert "has no gradient" in suite.find("testcase/failure").get("message")


class TestMarkdown:
    def html(self, text: str) -> str:
        from markdown_it import MarkdownIt

        return MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text)

    def test_worst_first_and_the_verdict_on_top(self, style: Style) -> None:
        text = FORMATS["markdown"](SHARED, style)
        assert text.startswith(
            "### ❌ gradlint: 3 errors, 2 warnings, 1 info: first, 'model2' gets no gradient: Round, "
        )
        assert text.index("error GL101") < text.index("warning GL201") < text.index("info GL205")
        assert FORMATS["markdown"](HEALTHY, style).startswith("### ✅ gradlint: No finding")

    def test_fits_in_a_comment(self, style: Style) -> None:
        many = tuple(replace(FINDINGS[0], position=n) for n in range(500))
        text = FORMATS["markdown"](replace(SHARED, findings=many), style)
        assert len(text) < 65_536
        assert re.search(r"\*\d+ more findings did not fit in here\.\*", text)

    @pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
    def test_any_name_is_text(self, text: str, style: Style) -> None:
        pytest.importorskip("markdown_it")
        html = self.html(FORMATS["markdown"](nasty(text), style))
        for tag in re.findall(r"<(/?[a-z0-9]+)", html):
            assert tag.lstrip("/") in {
                *("h3", "h4", "p", "ul", "li", "code", "details", "summary", "span"),
                *("table", "thead", "tbody", "tr", "th", "td"),
            }
        assert "<strong" not in html
        assert "<a " not in html
        rows = html.split("<tbody>")[1].split("</tbody>")[0].split("</tr>")
        assert {row.count("<td") for row in rows[:-1]} == {5}
        plain = re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL)
        assert not re.search(r"@\w|#\d|:tada:|https?://|www\.\w", plain)

    def test_code_holds_any_backticks(self) -> None:
        assert markdown.code("a`b") == "``a`b``"
        assert markdown.code("`") == "`` ` ``"
        assert markdown.cell("a|b") == "`a\\|b`"


class TestSvg:
    def test_snapshot(self) -> None:
        from layer_graphs import ARGMAX
        from test_reports import compare

        compare(HERE / "snapshots" / "layers.svg.txt", svg(towers(), [ARGMAX]).replace("><", ">\n<") + "\n")

    @pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
    def test_any_name_is_text(self, text: str) -> None:
        result = nasty(text)
        drawn = svg(result.graph, result.findings)
        root = ET.fromstring(drawn)
        tags = {element.tag.partition("}")[2] for element in root.iter()}
        shapes = {"path", "rect", "circle", "text", "tspan", "title"}
        assert tags <= {"svg", "style", "defs", "marker", "g", "a"} | shapes
        for element in root.iter():
            assert not [key for key in element.attrib if key.startswith("on")]
            assert element.get("href", "#").startswith("#")

    def test_the_graph_of_the_shared_tests_is_drawn(self, graph: nx.DiGraph) -> None:
        assert ET.fromstring(svg(streamed(graph))).tag.endswith("svg")
