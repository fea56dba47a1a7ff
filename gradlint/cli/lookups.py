"""Answers that need no model: versions, the list of rules, the page of one."""

from __future__ import annotations

import sys
from textwrap import shorten

from gradlint import version
from gradlint.cli.output import style_of_terminal

COLUMNS = 44
"""What code, name and severity of a rule take in their list."""
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

    room = max(style_of_terminal().width - COLUMNS, 20)
    rows = [
        [rule.code, rule.name, rule.severity.value, shorten(summary(rule), room, placeholder=" …")]
        for rule in rules.ALL_RULES
    ]
    return tabulate(rows, tablefmt="plain", disable_numparse=True)


def explanation(pattern: str) -> str:
    """The pages of the rules that a code, a prefix or a name stands for."""
    from gradlint.catalogue import page
    from gradlint.rules import rules_matching

    return "\n\n".join(page(rule) for rule in rules_matching(pattern))
