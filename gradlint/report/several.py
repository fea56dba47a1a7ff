"""Reports on several targets: the reports of those with findings, and one summary of all."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from gradlint import version
from gradlint.errors import UsageError
from gradlint.finding import Severity
from gradlint.outcome import Checked, Failed
from gradlint.report import FORMATS, github, json, junit, markdown, sarif
from gradlint.report.outgoing import outgoing
from gradlint.report.text import Style, count, name, sentence, wrapped
from gradlint.report.verdict import exit_status, failing_word, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gradlint.outcome import Outcome
    from gradlint.result import Result

PLACE = "{target}"
"""Stands for the name of the target in `--output`."""
_COLOUR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "green"}


def refuse_unknown_places(output: str) -> None:
    """Raises UsageError for a word in braces, in the name of a file, that stands for nothing."""
    for found in re.findall(r"\{[A-Za-z_]\w*\}", output):
        if found != PLACE:
            raise UsageError(f"--output {output}: {found} stands for nothing; did you mean {PLACE}?")


def path_of(output: str, target: str) -> str:
    """The file of a target: `PLACE` is where its name goes."""
    return output.replace(PLACE, target.replace("/", "-"))


def is_joinable(form: str) -> bool:
    """Whether several reports of a format can be one."""
    return form in _JOINT


def render(outcomes: Sequence[Outcome], form: str, style: Style) -> str:
    """The reports on all targets as one text, without a newline at its end.

    Raises:
        UsageError: a report of this format is on one target.
    """
    if form not in _JOINT:
        raise UsageError(f"--format {form} describes one target; write pages with --output FILE, or name one")
    return _JOINT[form](outcomes, style)


def summary(outcomes: Sequence[Outcome], style: Style) -> str:
    """A line for each target, or several where the terminal is narrow, and the totals."""
    names = [name(done.name) for done in outcomes]
    column = min(max(map(len, names), default=0), style.width // 2)
    lines: list[str] = []
    for shown, done in zip(names, outcomes, strict=True):
        said, colour = _state(done, style)
        parts = wrapped(said, max(20, style.width - column - 4))
        lines += [shown] if len(shown) > column else []
        labels = ["" if len(shown) > column else shown, *[""] * len(parts[1:])]
        lines += [f"{label:{column}}  {style.paint(part, colour)}" for label, part in zip(labels, parts, strict=True)]
    return outgoing("\n".join([*(f"  {line}" for line in lines), "", *_totals(outcomes, style)]))


def _totals(outcomes: Sequence[Outcome], style: Style) -> list[str]:
    return [style.paint(line, "bold") for line in wrapped(total(outcomes), style.width)]


def total(outcomes: Sequence[Outcome]) -> str:
    """One line: how many targets have findings, and which exit status follows."""
    if not outcomes:
        return "no target falls to this part; exit status 0"
    found = Counter(_kind(done) for done in outcomes)
    parts = [f"{found[kind]:,} {kind}" for kind in ("with findings", "without findings", "not checked") if found[kind]]
    return f"{count(len(outcomes), 'target')}: {', '.join(parts)}; {_consequence(outcomes)}"


def _consequence(outcomes: Sequence[Outcome]) -> str:
    results = [result for _, result in _results(outcomes)]
    if len(results) < len(outcomes):
        return "exit status 2"
    worst = max(map(exit_status, results), default=0)
    if worst:
        return f"exit status {worst}"
    spared = [f for result in results for f in result.findings if f.severity is not Severity.INFO]
    more = f" ({count(len(spared), 'finding')} would fail under --fail-on {failing_word(spared)})" if spared else ""
    return f"exit status 0{more}"


def _results(outcomes: Iterable[Outcome]) -> list[tuple[str, Result]]:
    """Name and result of each target that could be checked."""
    return [(done.name, done.result) for done in outcomes if isinstance(done, Checked)]


def _tables(outcomes: Sequence[Outcome], style: Style) -> str:
    blocks = []
    for title, result in _results(outcomes):
        if result.findings:
            rule = style.paint(f"── {name(title)} ", "bold") + style.paint("─" * 20, "dim")
            blocks.append(f"{rule}\n\n{FORMATS['table'](result, style)}")
    return outgoing("\n\n".join([*blocks, summary(outcomes, style)]))


def _kind(done: Outcome) -> str:
    if isinstance(done, Failed):
        return "not checked"
    return "with findings" if any(f.severity is not Severity.INFO for f in done.result.findings) else "without findings"


def _state(done: Outcome, style: Style) -> tuple[str, str]:
    """What became of a target, and in which colour."""
    if isinstance(done, Failed):
        return "could not be checked", "red"
    worst = max((f.severity for f in done.result.findings), key=lambda s: s.order, default=Severity.INFO)
    remarks = [sentence(note) for note in done.result.notes]
    return "; ".join([verdict(done.result, style), *remarks]), _COLOUR[worst]


def _json(outcomes: Sequence[Outcome], style: Style) -> str:
    del style
    checked = _results(outcomes)
    return json.text_of(
        {
            "schema": json.SCHEMA,
            "gradlint": version.__version__,
            "ok": len(checked) == len(outcomes) and all(result.ok for _, result in checked),
            "targets": {title: json.document(result) for title, result in checked},
            "failed": {done.name: done.error for done in outcomes if isinstance(done, Failed)},
        }
    )


def _concise(outcomes: Sequence[Outcome], style: Style) -> str:
    texts = [FORMATS["concise"](result, style) for _, result in _results(outcomes)]
    return "\n".join(text for text in texts if text)


def _markdown(outcomes: Sequence[Outcome], style: Style) -> str:
    return markdown.joined([result for _, result in _results(outcomes)], style)


def _github(outcomes: Sequence[Outcome], style: Style) -> str:
    return github.joined([result for _, result in _results(outcomes)], style)


def _sarif(outcomes: Sequence[Outcome], style: Style) -> str:
    """One run for each target; code scanning tells them apart by the name of the target."""
    runs = [sarif.run(result, style, title) for title, result in _results(outcomes)]
    return json.text_of(sarif.document(runs))


def _junit(outcomes: Sequence[Outcome], style: Style) -> str:
    checked = [junit.suite(result, style, title) for title, result in _results(outcomes)]
    failed = [junit.unchecked(done.name, done.error) for done in outcomes if isinstance(done, Failed)]
    return junit.text_of([*checked, *failed])


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
