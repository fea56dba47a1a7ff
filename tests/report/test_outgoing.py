"""Nothing that leaves the program is a command of a log reader: in any format, at any width, on stderr."""

from __future__ import annotations

import contextlib
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_report_formats import nasty

from gradlint.checking.assertion import GradientsDoNotFlow
from gradlint.cli import main, parser_of_options
from gradlint.outcome import Checked, Failed
from gradlint.report import FORMATS, several
from gradlint.report.graph import GRAPH_FORMATS, render_graph
from gradlint.report.outgoing import Syntax, fitting, message, outgoing
from gradlint.report.text import Style

ATTACKS = {
    "stop": "::stop-commands::token",
    "after words": "a " * 40 + "::stop-commands::token",
    "many": " ".join(["::stop-commands::token"] * 30),
    "newline": "x\n::stop-commands::token\n  ::error::fake",
    "old": "##[error]fake ##[group]x",
    "azure": "##vso[task.setvariable variable=a]b",
    "teamcity": "##teamcity[buildStop]",
}
WIDTHS = (60, 61, 62, 63, 75, 100)


def commands(text: str) -> list[str]:
    """The lines that a log reader acts on."""
    return [line for line in text.splitlines() if line.lstrip().startswith("::") or re.search(r"##\w*\[", line)]


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("format", [format for format in FORMATS if format != "github"])
def test_no_format_lets_a_name_command(format: str, attack: str) -> None:
    for width in WIDTHS:
        assert commands(FORMATS[format](nasty(attack), Style(width=width))) == []


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_workflow_commands_are_ours_alone(attack: str) -> None:
    for line in commands(FORMATS["github"](nasty(attack), Style())):
        assert re.match(r"::(error|warning|notice) file=", line)
        assert not re.search(r"##\w*\[", line)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("format", GRAPH_FORMATS)
def test_no_graph_lets_a_name_command(format: str, attack: str) -> None:
    result = nasty(attack)
    assert commands(render_graph(result.graph, format, result.findings)) == []


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("format", [form for form in FORMATS if several.is_joinable(form) and form != "github"])
def test_no_report_on_several_targets_does(format: str, attack: str) -> None:
    done = [Checked(attack, nasty(attack)), Failed(f"{attack}2", attack)]
    assert commands(several.render(done, format, Style(width=60))) == []
    assert commands(several.summary(done, Style())) == []


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_failed_assertion_does(attack: str) -> None:
    result = nasty(attack)
    for full in (False, True):
        assert commands(GradientsDoNotFlow(result, "").text(full=full)) == []
    assert commands(GradientsDoNotFlow(replace(result, findings=result.findings * 9)).text()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["a\n::error::fake"],
        ["a\n::error::fake.keras", "b\n##[error]fake.npz"],
        ["m.keras", "s.npz", "t", "u\n::stop-commands::x"],
        ["m.keras", "--depth", "x\n::stop-commands::x"],
        ["m.keras", "--config", "x\n::stop-commands::x"],
        ["--explain", "x\n::stop-commands::x"],
        ["m\ngradlint: no findings", "--no-cache"],
        ["m.keras", "s\ngradlint: no findings", "--isolate"],
        ["m.keras", "s.npz", "t\nn"],
        ["m.keras", "--seed", "x\n::stop-commands::\x1b[2J"],
    ],
)
def test_no_argument_does_on_stderr(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):
        assert main(arguments) == 2
    said = capfd.readouterr().err
    assert said
    assert commands(said) == []
    assert [c for c in said if not c.isprintable() and c != "\n"] == []
    assert all(line.startswith(("usage: gradlint ", "gradlint: ")) for line in said.splitlines()), said


def test_the_help_is_not_touched(capsys: pytest.CaptureFixture[str]) -> None:
    parser_of_options().print_help()
    assert capsys.readouterr().out == parser_of_options().format_help()


@given(st.text(alphabet=":#[]a \n\t", max_size=40))
def test_any_text_goes_out_without_a_command_and_is_otherwise_itself(text: str) -> None:
    for syntax in Syntax:
        assert commands(outgoing(text, syntax)) == []
    assert outgoing(text).replace("\\x3a", ":").replace("\\x23", "#") == text
    assert commands(message(text)) == []
    assert message(text).count("\n") == 0


def test_what_is_spelled_out_reads_as_it_was() -> None:
    assert json.loads(outgoing(json.dumps("##[error]"), Syntax.JSON)) == "##[error]"
    assert ET.fromstring(outgoing("<a b='##[x]'>\n::y##vso[</a>", Syntax.MARKUP)).text == "\n::y##vso["


def test_other_encodings_get_ascii() -> None:
    assert fitting("größe · …", "utf-8") == "größe · …"
    assert fitting("größe · …", "UTF8") == "größe · …"
    for encoding in ("ascii", "latin-1", "cp1252", None):
        assert fitting("größe · …", encoding) == r"gr\xf6\xdfe - ..."


def test_a_terminal_of_another_encoding_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="iso-8859-1")
    monkeypatch.setattr("sys.stdout", stream)
    assert main(["--list-rules"]) == 0
    stream.flush()
    assert stream.buffer.getvalue().isascii()
