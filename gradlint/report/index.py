"""The reports on several targets as pages: one that lists them, and one for each."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from gradlint.finding import Severity
from gradlint.outcome import Failed
from gradlint.report.html import foot
from gradlint.report.outgoing import Syntax, outgoing
from gradlint.report.template import markup, sheet, template
from gradlint.report.text import MESSAGE_WIDTH, Style, name, sentence, shortened
from gradlint.report.verdict import verdict, worst_finding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gradlint.outcome import Outcome
    from gradlint.result import Result

_LONGEST = 100
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page_of(index: Path, target: str) -> Path:
    """The file of a target's own page: in a folder beside the list, which browsers and file managers know as its own.

    Two targets never share one, and a target has the same in every run.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]", "-", target)[:_LONGEST]
    if safe != target:
        safe += f"-{hashlib.sha256(target.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"
    return index.with_name(f"{index.stem}_files") / f"{safe}.html"


def render(outcomes: Sequence[Outcome], index: Path, total: str, style: Style) -> str:
    """The page that lists the targets, without a newline at its end.

    Args:
        outcomes: of the targets.
        index: the file that it will be, from which the pages are linked.
        total: the verdict on all of them.
        style: gives the root of the repository.
    """
    worst = max((_look(done) for done in outcomes), key=_LOOKS.index, default="info")
    page = template("index.html.jinja").render(
        policy=_POLICY,
        style=markup(sheet("colours.css", "page.css")),
        total=total,
        worst=worst,
        rows=[_row(done, index, style) for done in outcomes],
        foot=foot(),
    )
    return outgoing("\n".join(line.rstrip() for line in page.splitlines()), Syntax.MARKUP)


_LOOKS = ("info", "warning", "error")


def _look(done: Outcome) -> str:
    if isinstance(done, Failed):
        return "error"
    finding = worst_finding(done.result)
    return finding.severity.value if finding is not None else "info"


def _row(done: Outcome, index: Path, style: Style) -> dict[str, object]:
    row: dict[str, object] = {"target": name(done.name, _LONGEST), "look": _look(done)}
    if isinstance(done, Failed):
        return row | {"link": "", "verdict": f"could not be checked: {_text(done.error)}", "numbers": ("", "", "")}
    page = page_of(index, done.name)
    return row | {
        "link": quote(f"{page.parent.name}/{page.name}"),
        "verdict": _text(verdict(done.result, style)),
        "numbers": (
            *(_number(done.result, severity) for severity in (Severity.ERROR, Severity.WARNING)),
            _arrives(done.result),
        ),
    }


def _number(result: Result, severity: Severity) -> str:
    return str(sum(finding.severity is severity for finding in result.findings) or "")


def _arrives(result: Result) -> str:
    """How many of the trainable variables have a gradient that is not zero."""
    trainable = [variable for variable in result.variables if variable.trainable]
    return f"{sum(variable.gradient.rank == 2 for variable in trainable):,} of {len(trainable):,}" if trainable else ""


def _text(text: str) -> str:
    return shortened(sentence(text), MESSAGE_WIDTH)
