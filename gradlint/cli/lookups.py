"""Answers that need no model: versions, the list of rules, the page of one."""

from __future__ import annotations

import sys

import gradlint

_DISTRIBUTIONS = {
    "TensorFlow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly"),
    "Keras": ("keras", "keras-nightly"),
}


def versions_line() -> str:
    """The versions of gradlint, Python, TensorFlow and Keras, one a line; nothing is imported for it."""
    parts = [f"gradlint {gradlint.__version__}", f"Python {sys.version.split()[0]}"]
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

    rows = [[rule.code, rule.name, rule.severity.value, summary(rule)] for rule in rules.ALL_RULES]
    return tabulate(rows, tablefmt="plain", disable_numparse=True, maxcolwidths=[None, None, None, 60])


def explanation(pattern: str) -> str:
    """The pages of the rules that a code, a prefix or a name stands for."""
    from gradlint.catalogue import page
    from gradlint.rules import rules_matching

    return "\n\n".join(page(rule) for rule in rules_matching(pattern))
