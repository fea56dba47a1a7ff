"""Every renderer on the shared results: the wording by snapshot, what must hold apart from it.

GRADLINT_UPDATE_SNAPSHOTS=1 rewrites the snapshots; read the difference before committing it.
"""

from __future__ import annotations

import html
import json
import math
import os
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import jsonschema
import pytest
from shared_result import FINDINGS, HEALTHY, HERE, HOSTILE, INPUTS, PREFLIGHT, RESULTS, SHARED, TOWER, VARIABLES, WIDE

from gradlint.finding import Cause, Finding, Severity
from gradlint.report import FORMATS
from gradlint.report.table import UNTESTED
from gradlint.report.text import Style
from gradlint.result import GradientState, Result, SkippedRule, VariableStatus

if TYPE_CHECKING:
    from pathlib import Path

SNAPSHOTS = HERE / "snapshots"
SCHEMA = json.loads((HERE.parents[1] / "docs/schema/gradlint-1.schema.json").read_text(encoding="utf-8"))
LOUD = [finding for finding in FINDINGS if finding.severity is not Severity.INFO]


@pytest.mark.parametrize(
    ("case", "format"),
    [*(("shared", format) for format in FORMATS), *((case, "table") for case in RESULTS if case != "shared")],
)
def test_snapshot(case: str, format: str, style: Style) -> None:
    text = FORMATS[format](RESULTS[case], style).replace(str(HERE), "<here>") + "\n"
    if format == "html":  # its looks are seen in a browser: test_report_browser.py
        text = re.sub(r"(?s)<(style|script)>.*?</\1>", r"<\1>...</\1>", text)
        text = re.sub(r"sha256-[^'&]*", "sha256-...", text)
    compare(SNAPSHOTS / f"{case}.{format}.txt", text)


def test_snapshot_in_colour() -> None:
    text = FORMATS["table"](SHARED, Style(colour=True, folder=str(HERE))) + "\n"
    compare(SNAPSHOTS / "shared.colour.txt", text.replace("\x1b", "<esc>"))


def compare(path: Path, text: str) -> None:
    if os.environ.get("GRADLINT_UPDATE_SNAPSHOTS") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("format", FORMATS)
def test_every_finding_is_in_every_report(format: str, style: Style) -> None:
    text = FORMATS[format](SHARED, style)
    for finding in FINDINGS:
        assert finding.code in text
        assert finding.name in text


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_nothing_from_a_file_acts_on_the_terminal(format: str, result: Result, style: Style) -> None:
    text = FORMATS[format](result, style)
    assert [c for c in text if not c.isprintable() and c != "\n"] == []


@pytest.mark.parametrize("format", FORMATS)
def test_reports_end_without_a_newline_and_lines_without_spaces(format: str, style: Style) -> None:
    text = FORMATS[format](SHARED, style)
    assert text == text.rstrip()
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("format", FORMATS)
def test_a_result_of_nothing_renders(format: str, style: Style) -> None:
    FORMATS[format](Result("m", "", "", "", "values", ()), style)


class TestTable:
    def test_is_what_a_result_prints(self) -> None:
        assert str(SHARED) == FORMATS["table"](SHARED, Style(in_python=True))

    def render(self, result: Result, **look: object) -> str:
        return FORMATS["table"](result, replace(Style(folder=str(HERE)), **look))

    @pytest.mark.parametrize(
        ("findings", "verdict"),
        [
            (
                FINDINGS,
                "3 errors, 2 warnings, 1 info: first, Round has no gradient for its input, so 1 input and 12 variables "
                "of tower_2 learn nothing from this loss exit status 1 (--fail-on error); 2 warnings would fail "
                "under --fail-on warning",
            ),
            (
                FINDINGS[1:2],
                "1 warning: The gradient of größe is exactly zero from Mul on exit status 0 (--fail-on error); "
                "1 warning would fail under --fail-on warning",
            ),
            (FINDINGS[2:3], "1 info: the gradient reaches all 2 trainable variables and 2 inputs exit status 0"),
            ((), "No finding: the gradient reaches all 2 trainable variables and 2 inputs exit status 0"),
        ],
    )
    def test_verdict(self, findings: tuple[Finding, ...], verdict: str) -> None:
        report = self.render(replace(HEALTHY, findings=findings))
        assert " ".join(report.split("\n\n")[-1].split()) == verdict

    def test_the_verdict_names_who_goes_without_and_where(self) -> None:
        report = self.render(replace(SHARED, findings=FINDINGS[:1]))
        assert report.endswith("1 error: 'model2' gets no gradient: Round, towers.py:5\nexit status 1")

    @pytest.mark.parametrize(
        ("fail_on", "consequence"),
        [
            ("error", "result.ok is False (fail_on='error'); 2 warnings would fail under fail_on='warning'"),
            ("never", "result.ok is True (fail_on='never'); 3 errors, 2 warnings would fail under fail_on='warning'"),
        ],
    )
    def test_where_python_called_it_says_what_ok_is(self, fail_on: str, consequence: str) -> None:
        result = replace(SHARED, fail_on=fail_on)
        assert consequence in " ".join(str(result).split())
        assert consequence in " ".join(html.unescape(result._repr_html_()).split())
        assert "exit status" not in str(result) + result._repr_html_()

    @pytest.mark.parametrize(
        ("fail_on", "consequence"),
        [
            ("error", "exit status 1 (--fail-on error); 2 warnings would fail under --fail-on warning"),
            ("warning", "exit status 1"),
            ("never", "exit status 0 (--fail-on never); 3 errors, 2 warnings would fail under --fail-on warning"),
        ],
    )
    @pytest.mark.parametrize("format", ["table", "markdown", "html", "junit", "sarif", "json"])
    def test_every_report_says_which_exit_status_comes(self, format: str, fail_on: str, consequence: str) -> None:
        report = FORMATS[format](replace(SHARED, fail_on=fail_on), Style(width=200))
        assert consequence in report

    @pytest.mark.parametrize("format", [format for format in FORMATS if format not in ("concise", "github")])
    def test_every_report_says_which_sample_and_which_loss(self, format: str) -> None:
        result = replace(HEALTHY, sample="2 inputs, made up here", loss="random projection of outputs")
        report = FORMATS[format](result, Style(width=200))
        assert "2 inputs, made up here" in report
        assert "random projection of outputs" in report

    def test_a_clean_check_does_not_claim_more_than_it_saw(self) -> None:
        assert self.render(PREFLIGHT).endswith("No finding: no gradient was computed\nexit status 0")
        assert self.render(WIDE).endswith(
            "the gradient reaches 2 trainable variables and 127 of 128 inputs\nexit status 0"
        )

    def test_findings_keep_their_order_and_infos_come_last(self) -> None:
        text = self.render(SHARED)
        places = [text.index(finding.message[:20]) for finding in LOUD[:3]]
        assert places == sorted(places)
        assert text.index("\ninfo GL205") > text.index("warning GL999")

    def test_a_source_line_is_quoted(self) -> None:
        assert "> hard = tf.round(x)\n" in self.render(SHARED)

    @pytest.mark.parametrize("file", ["/etc/passwd", "/nowhere/model.py", "<nowhere>"])
    def test_other_files_are_not_quoted(self, file: str) -> None:
        finding = replace(FINDINGS[0], cause=Cause(file=file, line=1))
        assert "  > " not in self.render(replace(SHARED, findings=(finding,)))

    def test_victims_are_folded(self) -> None:
        text = " ".join(self.render(SHARED).split())
        assert "input model2; 12 variables under tower_2/: block_0/dense/kernel" in text
        assert "and 9 more" in text
        assert TOWER[-1] not in text

    def test_states_are_told_apart(self) -> None:
        rows = {line.split()[0]: line for line in self.render(SHARED).splitlines() if line.startswith("  ")}
        for status in INPUTS[:5]:
            assert f" {status.gradient.value} " in rows[status.key]
        assert re.search(r" zero +0 ", rows["größe"])
        assert re.search(r" absent +- ", rows["model2"])
        assert re.search(r" non-finite +nan ", rows["loud"])
        tiny = replace(INPUTS[0], norm=1e-300)
        assert "1.00e-300" in self.render(replace(SHARED, inputs=(tiny,)))

    def test_many_inputs_show_those_that_need_a_look(self) -> None:
        text = self.render(WIDE)
        assert "feature_99 " in text
        assert "and 108 more inputs: all finite" in text
        assert len(text.splitlines()) < 40

    def test_colour_changes_only_colour(self) -> None:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", self.render(SHARED, colour=True))
        assert plain == self.render(SHARED)

    @pytest.mark.parametrize("width", [60, 80, 100])
    def test_sentences_keep_the_width(self, width: int) -> None:
        text = self.render(replace(SHARED, inputs=(), variables=(), findings=FINDINGS[:3]), width=width)
        assert max(map(len, text.splitlines())) <= width

    @pytest.mark.parametrize("format", FORMATS)
    def test_a_crashed_rule_has_a_line_of_its_own(self, format: str, style: Style) -> None:
        result = replace(HEALTHY, crashed=(SkippedRule("GL303", "KeyError: 'x'"),))
        assert not result.ok
        text = " ".join(html.unescape(FORMATS[format](result, style)).replace("\\", "").split())
        assert "KeyError: 'x'" in text
        assert "GL303" in text
        assert "KeyError" not in FORMATS[format](HEALTHY, style)

    def test_at_sixty_columns_no_word_is_cut(self) -> None:
        inputs = tuple(status for status in INPUTS if status.key != HOSTILE)
        text = self.render(replace(SHARED, inputs=inputs, findings=FINDINGS[:3]), width=60)
        assert max(map(len, text.splitlines())) <= 60
        words = self.render(replace(SHARED, inputs=inputs, findings=FINDINGS[:3]), width=200).split()
        assert {word for word in text.split() if word.strip("-")} <= set(words)

    @pytest.mark.parametrize(
        ("width", "key", "columns"),
        [
            (80, "model1", "input shape dtype gradient norm variables reached"),
            (100, "k" * 50, "input shape dtype gradient norm variables reached"),
            (80, "k" * 50, "input shape gradient norm"),
            (60, "k" * 50, "input gradient norm"),
        ],
    )
    def test_the_table_shows_the_columns_that_there_is_room_for(self, width: int, key: str, columns: str) -> None:
        text = self.render(replace(SHARED, inputs=(replace(INPUTS[0], key=key),)), width=width, colour=True)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
        header = next(line for line in plain if "gradient" in line and line.lstrip().startswith("input"))
        assert " ".join(header.split()) == columns
        assert max(map(len, plain[: plain.index(header) + 4])) <= width

    @pytest.mark.parametrize("width", range(60, 70))
    def test_a_shape_is_not_broken(self, width: int) -> None:
        finding = replace(FINDINGS[0], message="'model1' has shape (8, 32), but the input takes (None, 10, 32) [8, 7]")
        lines = self.render(replace(SHARED, inputs=(), findings=(finding,)), width=width).splitlines()
        assert all(any(shape in line for line in lines[5:]) for shape in ("(8, 32)", "(None, 10, 32)", "[8, 7]"))

    def test_what_fits_on_a_line_stays_on_it(self) -> None:
        variables = (VARIABLES[0],)
        assert "  1 trainable variable: all finite\n" in self.render(replace(SHARED, variables=variables), width=60)

    def test_in_a_terminal_python_prints_no_wider(self, monkeypatch: pytest.MonkeyPatch) -> None:
        inputs = tuple(status for status in INPUTS if status.key != HOSTILE)
        subject = replace(SHARED, inputs=inputs, findings=FINDINGS[:3])
        monkeypatch.setenv("COLUMNS", "60")
        assert max(map(len, str(subject).splitlines())) > 60
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        assert max(map(len, str(subject).splitlines())) <= 60

    def test_skipped_rules_share_their_reason(self) -> None:
        skipped = tuple(SkippedRule(f"GL{n}", "the model did not run") for n in range(201, 208))
        text = self.render(replace(HEALTHY, skipped=skipped))
        assert "skipped:  GL201, GL202, GL203 and 4 more: the model did not run" in text

    @pytest.mark.parametrize("severity", [Severity.ERROR, Severity.INFO])
    @pytest.mark.parametrize("tried", [["the first trial", "the second one"], []])
    def test_what_was_tried_stands_under_a_finding_that_is_to_be_explained(self, severity, tried) -> None:
        finding = Finding("GL999", "made-up", severity, "Something.", evidence={"experiments": tried})
        result = replace(SHARED, findings=(finding,))
        lines = self.render(result, explains=True).splitlines()
        told = [line.split("tested:")[1].strip() for line in lines if "tested:" in line]
        assert told == (tried or [UNTESTED])
        assert "tested:" not in self.render(result)


class TestConcise:
    def test_place_comes_first(self, style: Style) -> None:
        lines = FORMATS["concise"](SHARED, style).splitlines()
        assert len(lines) == len(FINDINGS)
        assert lines[0].startswith("towers.py:5: GL103 nondifferentiable-op: Round has")
        assert lines[0].endswith(" [tower_2/rounding, Round]")
        assert lines[1].startswith("/nowhere/else/model.py:7: GL201 ")

    def test_target_stands_in_for_a_place(self, style: Style) -> None:
        finding = replace(FINDINGS[0], cause=Cause(file="/a/b.py", line=None))
        text = FORMATS["concise"](replace(SHARED, findings=(finding,)), style)
        assert text.startswith("models/zwei_türme.keras: GL103 ")

    def test_nothing_found_is_nothing_said(self, style: Style) -> None:
        assert FORMATS["concise"](HEALTHY, style) == ""


class TestJson:
    @pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
    def test_fits_the_schema(self, result: Result) -> None:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        jsonschema.validate(strictly(result.to_json()), closed(SCHEMA))

    def test_is_the_same_data(self) -> None:
        report = strictly(SHARED.to_json())
        assert report["schema"] == 1
        assert report["ok"] is False
        assert report["counts"] == {"error": 3, "warning": 2, "info": 1}
        assert [finding["code"] for finding in report["findings"]] == [f.code for f in FINDINGS]
        assert report["findings"][0]["variables"] == list(TOWER)
        assert report["findings"][4]["inputs"] == [HOSTILE]
        assert [status["gradient"] for status in report["inputs"]] == [s.gradient.value for s in INPUTS]
        assert report["inputs"][5]["shape"] is None
        assert report["inputs"][6]["shape"] == [None, 3]

    def test_floats_that_are_not_finite_are_strings_and_stay_apart(self) -> None:
        text = SHARED.to_json()
        report = strictly(text)
        evidence = report["findings"][0]["evidence"]
        assert (evidence["worst"], evidence["best"]) == ("NaN", "-Infinity")
        assert math.isnan(float(evidence["worst"]))
        assert float(report["variables"][3]["norm"]) == math.inf
        assert [status["norm"] for status in report["inputs"]][1:3] == [None, 0.0]

    @pytest.mark.parametrize("state", GradientState)
    def test_every_state_is_in_the_schema(self, state: GradientState) -> None:
        variable = VariableStatus("v", (), "float32", True, state)
        jsonschema.validate(strictly(replace(HEALTHY, variables=(variable,)).to_json()), closed(SCHEMA))


def strictly(text: str) -> dict:
    """Parsed as every other language would: bare NaN and Infinity are refused."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"bare {constant}")

    return json.loads(text, parse_constant=refuse)


def closed(schema: object) -> object:
    """The schema with every property documented: one that is not would be refused."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if "properties" in inner and inner.get("type") == "object":
        inner["additionalProperties"] = False
    return inner


def test_a_spared_error_has_no_tick_and_would_fail_by_default() -> None:
    finding = Finding("GL103", "nondifferentiable-op", Severity.ERROR, "Round has no gradient")
    text = FORMATS["markdown"](Result("m", "", "", "", "values", (finding,), fail_on="never"), Style())
    assert text.startswith("### ⚠️ gradlint")
    assert "1 error would fail under --fail-on error" in text.replace("\\", "")
