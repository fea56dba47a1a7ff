"""Answers that need no model: versions, the list of rules, the page of one."""

from __future__ import annotations

import sys
from textwrap import shorten

from gradlint import version
from gradlint.report.text import columns_of_stdout, wrapped

_DISTRIBUTIONS = {
    "TensorFlow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly"),
    "Keras": ("keras", "keras-nightly"),
}


def versions_line() -> str:
    """The versions of gradlint, Python, TensorFlow and Keras, one a line; nothing is imported for it."""
    parts = [f"gradlint {version.__version__}", f"Python {sys.version.split()[0]}"]
    for name, distributions in _DISTRIBUTIONS.items():
        found = next(filter(None, map(_installed, distributions)), "not found")
        parts.append(f"{name} {found}")
    return "\n".join(parts)


def _installed(distribution: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def list_of_rules() -> str:
    """All rules as a table."""
    from tabulate import tabulate

    from gradlint import rules
    from gradlint.catalogue import summary

    rows = [[rule.code, rule.name, rule.severity.value] for rule in rules.ALL_RULES]
    taken = sum(2 + max(map(len, column)) for column in zip(*rows, strict=True))
    room = columns_of_stdout() - taken
    summaries = [shorten(summary(rule), room, placeholder=" …") for rule in rules.ALL_RULES]
    return tabulate(
        [[*row, said] for row, said in zip(rows, summaries, strict=True)], tablefmt="plain", disable_numparse=True
    )


def explanation(pattern: str) -> str:
    """The pages of the rules that a code, a prefix or a name stands for, with lines that a terminal has room for."""
    from gradlint.catalogue import page
    from gradlint.rules import rules_matching

    pages = "\n\n".join(page(rule) for rule in rules_matching(pattern))
    return _refilled(pages, columns_of_stdout()) if sys.stdout.isatty() else pages


def _refilled(page: str, width: int) -> str:
    """The paragraphs of a page in Markdown filled anew; examples and headings stay as they are."""
    lines: list[str] = []
    paragraph: list[str] = []
    is_code = False
    for line in [*page.splitlines(), ""]:
        is_fence = line.startswith("```")
        is_text = bool(line) and not is_code and not is_fence and not line.startswith("#")
        if not is_text or line.startswith("- "):
            lines += wrapped(" ".join(paragraph), width)
            paragraph = []
        if is_text:
            paragraph.append(line)
        else:
            lines.append(line)
        is_code ^= is_fence
    return "\n".join(lines[:-1])
