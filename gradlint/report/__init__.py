"""Reports: pure functions from a `Result` to text, one file per format. They never judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint import comparison as comparisons
from gradlint.report import concise, github, json, junit, markdown, sarif, table, verdict
from gradlint.report.text import Style, columns_of_stdout, name, shortened
from gradlint.result import install_forms

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from gradlint.comparison import Comparison
    from gradlint.result import Result


def _html(result: Result, style: Style | None = None) -> str:
    from gradlint.report import html  # with its pictures a third of this package, and few ask for it

    return html.render(result, style)


FORMATS: dict[str, Callable[[Result, Style | None], str]] = {
    "table": table.render,
    "concise": concise.render,
    "json": json.render,
    "sarif": sarif.render,
    "github": github.render,
    "junit": junit.render,
    "markdown": markdown.render,
    "html": _html,
}
"""Name of a format to its renderer; the text has no newline at its end."""


def _text(result: Result) -> str:
    return table.render(result, Style(in_python=True, width=columns_of_stdout()))


def _line(result: Result) -> str:
    return f"<gradlint.Result of {name(result.target)}: {shortened(verdict.verdict(result), 150)}>"


def _cell(result: Result) -> str:
    from gradlint.report import notebook

    return notebook.render(result)


def _save(result: Result, path: str | os.PathLike[str]) -> None:
    from gradlint.report import saving

    saving.save(result, path)


def _comparison(compared: Comparison) -> str:
    from gradlint.report import comparison

    return comparison.render(compared, Style(width=columns_of_stdout()))


def _comparison_json(compared: Comparison) -> str:
    from gradlint.report import comparison

    return comparison.render_json(compared)


install_forms(text=_text, json=json.render, line=_line, cell=_cell, save=_save)
comparisons.install_forms(text=_comparison, json=_comparison_json)
