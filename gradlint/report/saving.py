"""A result as a file: the extension says which report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.errors import UsageError
from gradlint.report import html, json, junit, markdown, sarif, table
from gradlint.report.graph import GRAPH_FORMATS, render_graph
from gradlint.report.text import Style

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from gradlint.result import Result

REPORTS: dict[str, Callable[[Result, Style | None], str]] = {
    ".html": html.render,
    ".json": json.render,
    ".md": markdown.render,
    ".txt": table.render,
    ".sarif": sarif.render,
    ".xml": junit.render,
}
"""File extension to report; the formats of graphs come besides."""
GRAPHS = tuple(f".{extension}" for extension in GRAPH_FORMATS if extension != "json")


def save(result: Result, path: str | os.PathLike[str]) -> None:
    """Write a result to a file.

    Raises:
        UsageError: the extension names no report, there is no graph to draw, or the file cannot be written.
    """
    file = Path(path)
    extension = file.suffix.lower()
    if file.is_dir():
        raise UsageError(f"{file} is a folder; name a file in it, such as {file / 'report.html'}")
    if not file.parent.is_dir():
        raise UsageError(f"cannot write {file}: there is no folder {file.parent}")
    if extension in REPORTS:
        text = REPORTS[extension](result, Style(in_python=True))
    elif extension in GRAPHS:
        if result.graph is None:
            raise UsageError(f"{file} is not written: the check ended before there was a graph")
        text = render_graph(result.graph, extension[1:], result.findings)
    else:
        raise UsageError(f"{file}: the extension names no report; choose one of {', '.join((*REPORTS, *GRAPHS))}")
    try:
        file.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror or error}") from error
