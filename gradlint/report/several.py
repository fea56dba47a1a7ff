"""Reports on several targets: the reports of those with findings, and one summary of all."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from typing import TYPE_CHECKING

from tabulate import tabulate

import gradlint
from gradlint.errors import UsageError
from gradlint.finding import Severity
from gradlint.report import FORMATS
from gradlint.report.text import Style, count, name, sentence, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gradlint.project.targets import Outcome

PLACE = "{target}"
"""Stands for the name of the target in `--output`."""
_WORST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def is_joinable(form: str) -> bool:
    """Whether several reports of a format can be one."""
    return form in _JOINT


def render(outcomes: Sequence[Outcome], form: str, style: Style) -> str:
    """The reports on all targets as one text, without a newline at its end.

    Raises:
        UsageError: a report of this format is on one target.
    """
    if form not in _JOINT:
        raise UsageError(
            f"--format {form} describes one target; write a file for each with --output 'report-{PLACE}', or name one"
        )
    return _JOINT[form](outcomes, style)


def summary(outcomes: Sequence[Outcome], style: Style) -> str:
    """A line for each target, and the totals."""
    rows = [[name(done.name), _state(done, style)] for done in outcomes]
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    found = Counter(_kind(done) for done in outcomes)
    parts = [f"{found[kind]:,} {kind}" for kind in ("with findings", "without findings", "not checked") if found[kind]]
    total = style.paint(f"{count(len(outcomes), 'target')}: {', '.join(parts)}", "bold")
    return "\n".join([*(f"  {line}" for line in table.splitlines()), "", total])


def _tables(outcomes: Sequence[Outcome], style: Style) -> str:
    blocks = []
    for done in outcomes:
        if done.result is not None and done.result.findings:
            rule = style.paint(f"── {name(done.name)} ", "bold") + style.paint("─" * 20, "dim")
            blocks.append(f"{rule}\n\n{FORMATS['table'](done.result, style)}")
    return "\n\n".join([*blocks, summary(outcomes, style)])


def _kind(done: Outcome) -> str:
    if done.result is None:
        return "not checked"
    return "with findings" if any(f.severity is not Severity.INFO for f in done.result.findings) else "without findings"


def _state(done: Outcome, style: Style) -> str:
    if done.result is None:
        return style.paint("could not be checked", "red")
    worst = max((f.severity for f in done.result.findings), key=lambda s: s.order, default=Severity.INFO)
    colour = dict(zip(_WORST_FIRST, ("red", "yellow", "green"), strict=True))[worst]
    remarks = [sentence(note) for note in done.result.notes]
    return style.paint(verdict(done.result), colour) + "".join(f"; {remark}" for remark in remarks)


def _json(outcomes: Sequence[Outcome], style: Style) -> str:
    del style
    checked = [(done.name, done.result) for done in outcomes if done.result is not None]
    report = {
        "schema": 1,
        "gradlint": gradlint.__version__,
        "ok": len(checked) == len(outcomes) and all(result.ok for _, result in checked),
        "targets": {title: json.loads(result.to_json()) for title, result in checked},
        "failed": {done.name: done.error for done in outcomes if done.result is None},
    }
    return json.dumps(report, indent=2, allow_nan=False)


def _texts(outcomes: Sequence[Outcome], form: str, style: Style) -> list[tuple[str, str]]:
    """Name and report of each target that could be checked."""
    return [(done.name, FORMATS[form](done.result, style)) for done in outcomes if done.result is not None]


def _concise(outcomes: Sequence[Outcome], style: Style) -> str:
    return "\n".join(text for _, text in _texts(outcomes, "concise", style) if text)


def _markdown(outcomes: Sequence[Outcome], style: Style) -> str:
    return "\n\n".join(text for _, text in _texts(outcomes, "markdown", style) if text)


def _github(outcomes: Sequence[Outcome], style: Style) -> str:
    lines = [line for _, text in _texts(outcomes, "github", style) for line in text.splitlines()]
    levels = ("::error", "::warning", "::notice")
    # GitHub shows the first ten of a level only, of all targets together.
    return "\n".join(
        sorted(lines, key=lambda line: next((order for order, level in enumerate(levels) if line.startswith(level)), 3))
    )


def _sarif(outcomes: Sequence[Outcome], style: Style) -> str:
    """One run for each target; code scanning tells them apart by the name of the target."""
    parts = [(title, json.loads(text)) for title, text in _texts(outcomes, "sarif", style)]
    runs = []
    for title, part in parts:
        for run in part["runs"]:
            runs.append(run | {"automationDetails": {"id": f"gradlint/{sentence(title)}/"}})
    head = parts[0][1] if parts else {"version": "2.1.0"}
    return json.dumps(head | {"runs": runs}, indent=2, allow_nan=False)


def _junit(outcomes: Sequence[Outcome], style: Style) -> str:
    root = ET.Element("testsuites", name="gradlint")
    for title, text in _texts(outcomes, "junit", style):
        for suite in ET.fromstring(text).iter("testsuite"):
            suite.set("name", f"gradlint {sentence(title)}")
            root.append(suite)
    for done in outcomes:
        if done.result is None:
            suite = ET.SubElement(
                root, "testsuite", name=f"gradlint {sentence(done.name)}",
                tests="1", failures="0", errors="1", skipped="0", time="0",
            )  # fmt: skip
            case = ET.SubElement(suite, "testcase", classname=sentence(done.name), name="check", time="0")
            ET.SubElement(case, "error", message=sentence(done.error))
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


_JOINT: dict[str, Callable[[Sequence[Outcome], Style], str]] = {
    "table": _tables,
    "json": _json,
    "concise": _concise,
    "github": _github,
    "markdown": _markdown,
    "sarif": _sarif,
    "junit": _junit,
}
"""Formats whose reports can be one, and how."""
