"""Reports: pure functions from a `Result` to text, one file per format. They never judge."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gradlint import comparison as comparisons
from gradlint.report import verdict
from gradlint.report.text import Style, columns_of_stdout, name, shortened
from gradlint.result import install_forms

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from gradlint.comparison import Comparison
    from gradlint.result import Result


def _rendered_by(module: str) -> Callable[[Result, Style | None], str]:
    """The `render` of a module of this package, which is imported when a report is made: one run makes one."""

    def render(result: Result, style: Style | None = None) -> str:
        text: str = import_module(f"{__name__}.{module}").render(result, style)
        return text

    return render


FORMATS: dict[str, Callable[[Result, Style | None], str]] = {
    each: _rendered_by(each) for each in ("table", "concise", "json", "sarif", "github", "junit", "markdown", "html")
}
"""Name of a format to its renderer; the text has no newline at its end."""


def _text(result: Result) -> str:
    return FORMATS["table"](result, Style(in_python=True, width=columns_of_stdout()))


def _json(result: Result) -> str:
    return FORMATS["json"](result, None)


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


install_forms(text=_text, json=_json, line=_line, cell=_cell, save=_save)
comparisons.install_forms(text=_comparison, json=_comparison_json)
