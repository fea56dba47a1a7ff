"""The pages of the catalogue: `docs/rules/GLxxx.md`, its index, and what `--explain` prints.

`python -m gradlint.catalogue docs/rules` writes the pages; with `--check` it writes nothing and fails
when they are not up to date. `--new GL299 unscaled-input` writes the files of a new rule.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint import rules
from gradlint.errors import UsageError
from gradlint.finding import Severity
from gradlint.severity import SEVERITIES, Certainty

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gradlint.rule import Rule

GENERATED = "<!-- Generated from gradlint/rules/ by `python -m gradlint.catalogue docs/rules`. -->"


def page(rule: Rule) -> str:
    """A rule's page in Markdown; also the text of `gradlint --explain CODE`. No newline at the end."""
    at_most = "" if rule.severity is Severity.INFO else " at most"
    severity = f"Severity: {rule.severity}{at_most}. What is lost: {rule.loses.value}."
    return f"# {rule.code} {rule.name}\n\n{severity}\n\n{rule.advice}\n\n{rule.doc.strip()}"


def index(catalogue: Iterable[Rule]) -> str:
    """The page that lists all rules, in Markdown."""
    rows = [
        f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.severity} | {_cell(summary(rule))} |"
        for rule in catalogue
    ]
    head = ["# Rules", "", GENERATED, "", "| code | name | severity | what it reports |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, "", *_severities()])


def _severities() -> list[str]:
    """The table of severities by what is lost, in Markdown."""
    columns = " | ".join(certainty.value for certainty in Certainty)
    rows = [f"| {lost.value} | {' | '.join(map(str, row))} |" for lost, row in SEVERITIES.items()]
    words = [
        "How loud a finding is follows from what is lost, whichever rule speaks.",
        "The severity in the table above is the highest that a rule's findings have.",
    ]
    return ["## Severity", "", *words, "", f"| what is lost | {columns} |", "|---|---|---|", *rows]


def sections(rule: Rule) -> dict[str, str]:
    """The text under each level-2 heading of a rule's doc, by heading."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    fenced = False
    for line in rule.doc.splitlines():
        # A comment in a code example may start like a heading.
        fenced ^= line.lstrip().startswith("```")
        if line.startswith("## ") and not fenced:
            lines = found[line.removeprefix("## ").strip()] = []
        else:
            lines.append(line)
    return {heading: "\n".join(text).strip() for heading, text in found.items()}


def summary(rule: Rule) -> str:
    """The first sentence of *What it does*, on one line."""
    text = " ".join(sections(rule).get("What it does", rule.advice).split("\n\n")[0].split())
    first, stop, _ = text.partition(". ")
    return first + stop.strip()


def pages(catalogue: Sequence[Rule]) -> dict[str, str]:
    """File name to content of every page."""
    made = {f"{rule.code}.md": f"{page(rule)}\n" for rule in catalogue}
    return made | {"index.md": f"{index(catalogue)}\n"}


def stale_pages(folder: Path, wanted: dict[str, str]) -> list[str]:
    """Names of the pages in `folder` that are missing, differ, or should not be there."""
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or check them; 1 when a checked page is stale, 2 when a new rule cannot be written."""
    parser = argparse.ArgumentParser("python -m gradlint.catalogue", description="Writes the rules' pages.")
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is stale")
    parser.add_argument("--new", nargs=2, metavar=("CODE", "NAME"), help="write the files of a new rule")
    options = parser.parse_args(arguments)
    if options.new is not None:
        return _new(*options.new)
    if options.folder is None:
        parser.error("name the folder of the pages")
    folder: Path = options.folder
    wanted = pages(rules.ALL_RULES)
    stale = stale_pages(folder, wanted)
    if options.check:
        if stale:
            print(f"{folder}: {', '.join(stale)} not up to date", file=sys.stderr)
            print(f"python -m gradlint.catalogue {folder} writes them", file=sys.stderr)
        return 1 if stale else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return 0


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _new(code: str, name: str) -> int:
    from gradlint.catalogue.new import Draft, write_rule

    try:
        written = write_rule(Draft(Path(rules.__file__).parents[2], code, name), rules.ALL_RULES)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(str(path) for path in written))
    return 0
