"""The report as one HTML file: verdict, inputs and findings beside the picture of the layers, the rest behind one fold.

It fetches nothing, and a content security policy says so to the browser: only the script of the page may run, which
adds moving in the picture by arrow keys. Without it, everything is there and can be reached.
"""

from __future__ import annotations

import base64
import hashlib
import platform
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gradlint import version
from gradlint.finding import Severity
from gradlint.report.bars import draw_bars, layer_bars
from gradlint.report.evidence import evidence_in_words
from gradlint.report.layers import layer_picture
from gradlint.report.matrix import matrix_of
from gradlint.report.outgoing import Syntax, outgoing
from gradlint.report.picture import all_pictures
from gradlint.report.svg import draw, largest_norm, legend
from gradlint.report.template import markup, script, sheet, template
from gradlint.report.text import (
    MESSAGE_WIDTH,
    Style,
    count,
    crash,
    folded,
    most_of_each_code,
    name,
    norm_text,
    place,
    sentence,
    shape_text,
    shortened,
    source_line,
    unshown,
)
from gradlint.report.verdict import consequence, verdict, worst_finding
from gradlint.report.words import CLASS, COUNTED, GLYPH, WORD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gradlint.finding import Finding
    from gradlint.report.picture import Box, Picture
    from gradlint.report.svg import Drawing
    from gradlint.result import GradientState, Result

View = dict[str, object]
"""What a template is given."""

MOST_INPUTS = 200
MOST_VICTIMS = 200
MOST_NOTES = 200
NEARLY_FITS = 760
"""A picture that is wider, in pixels, is scrolled in a narrow window, and not shrunk until it cannot be read."""
TALL = 1100
"""A picture higher than this, in pixels, has an overview beside it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The state of a gradient as it is shown."""

    look: str
    glyph: str
    word: str


def render(result: Result, style: Style | None = None) -> str:
    """A whole page, for browsers of 2022 or later; also readable without scripts and in print."""
    style = style or Style()
    picture = _picture_of(result)
    worst = worst_finding(result)
    matrix = matrix_of(result)
    bars = draw_bars(layer_bars(result.variables))
    shown, more = most_of_each_code(result.findings)
    boxes = _boxes_of(picture)
    numbers = {id(finding): index for index, finding in enumerate(result.findings)}
    views = [(numbers[id(finding)], finding) for finding in shown]
    parts = [
        *([("inputs", "Inputs")] if result.inputs else []),
        ("findings", "Findings"),
        *([("norms", "Strength by layer")] if bars else []),
        *([("picture", "Gradient flow")] if picture is not None else []),
        ("more", "Everything else"),
    ]
    page = template("page.html.jinja").render(
        policy=_policy(),
        style=markup(sheet("colours.css", "picture.css", "page.css")),
        script=markup(script("page.js")),
        target=_text(result.target),
        verdict=_text(verdict(result, style)),
        consequence=_text(consequence(result, style)),
        worst=worst.severity.value if worst is not None else Severity.INFO.value,
        facts=_facts(result),
        parts=parts,
        inputs=_inputs(result),
        findings=[_finding(index, finding, result, style, boxes.get(index)) for index, finding in views],
        unshown=unshown(more),
        bars=markup(bars),
        picture=_shown_picture(picture, result.findings) if picture is not None else None,
        rest="all variables, notes, rules" if matrix else "notes, rules",
        matrix=matrix,
        notes=_notes(result),
        foot=foot(),
    )
    return outgoing("\n".join(line.rstrip() for line in page.splitlines()), Syntax.MARKUP)


def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(script("page.js").encode()).digest()).decode()
    # The picture's own attributes need no style of their own; the sheet above is inline.
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def versions() -> str:
    """`gradlint 0.1.0, Python 3.11.7, TensorFlow 2.21.0, Keras 3.15.0`."""
    from importlib import metadata

    found = [f"gradlint {version.__version__}", f"Python {platform.python_version()}"]
    for title, distribution in (("TensorFlow", "tensorflow"), ("Keras", "keras")):
        try:
            found.append(f"{title} {metadata.version(distribution)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def today() -> str:
    """The day of the report, as `2026-11-26`."""
    return date.today().isoformat()


def foot() -> str:
    """What stands at the end of a page: the day, and what made it."""
    return f"{today()} · {versions()}"


def _facts(result: Result) -> list[tuple[str, str]]:
    facts = [("model", result.model), ("sample", result.sample), ("loss", result.loss)]
    if result.depth != "values":
        facts.append(("depth", result.depth))
    return [(label, _text(fact)) for label, fact in facts if fact]


def state_shown(state: GradientState) -> Shown:
    """A state as the page shows it."""
    return Shown(CLASS[state], GLYPH[state], WORD[state])


def _inputs(result: Result) -> View:
    trainable = sum(variable.trainable for variable in result.variables)
    rows = [
        {
            "key": name(status.key),
            "shape": "missing" if status.shape is None else shape_text(status.shape),
            "dtype": _text(status.dtype or "-"),
            "state": state_shown(status.gradient),
            "norm": norm_text(status.norm),
            "reached": "-" if status.reached is None else f"{status.reached:,} of {trainable:,}",
        }
        for status in result.inputs[:MOST_INPUTS]
    ]
    more = len(result.inputs) - MOST_INPUTS
    return {"rows": rows, "more": count(more, "more input") if more > 0 else ""}


def _finding(index: int, finding: Finding, result: Result, style: Style, box: Box | None) -> View:
    cause = finding.cause
    many = len(finding.variables) > 4
    return {
        "index": index,
        "severity": finding.severity.value,
        "title": f"{sentence(finding.code)} {sentence(finding.name)}",
        "message": _text(finding.message),
        "source": shortened(source_line(cause) or "", MESSAGE_WIDTH),
        "cause": [name(part) for part in (cause.layer, cause.op) if part],
        "line": place(cause, style) or "",
        "inputs": [name(key) for key in finding.inputs[:MOST_VICTIMS]],
        "more_inputs": _and_more(len(finding.inputs)),
        "victims": folded("variable", finding.variables) if finding.variables else "",
        "variables": [name(path, 120) for path in finding.variables[:MOST_VICTIMS]] if many else [],
        "more_variables": _and_more(len(finding.variables)),
        "box": {"id": box.id, "title": name(box.path or box.label)} if box is not None else None,
        "advice": _text(result.advice(finding)),
        "evidence": [(label, _text(text)) for label, text in evidence_in_words(finding)],
    }


def _and_more(number: int) -> str:
    return f" and {number - MOST_VICTIMS:,} more" if number > MOST_VICTIMS else ""


def _notes(result: Result) -> list[str]:
    lines = [crash(rule) for rule in result.crashed]
    lines += [_text(note) for note in result.notes]
    lines += [f"{_text(skipped.code)} did not run: {_text(skipped.reason)}" for skipped in result.skipped]
    if len(lines) > MOST_NOTES:
        lines[MOST_NOTES:] = [f"and {len(lines) - MOST_NOTES:,} more"]
    if result.rules:
        lines.append(f"{count(len(result.rules), 'rule')} ran: {_text(', '.join(result.rules))}")
    return lines


# -- the picture ---------------------------------------------------------------------------------------


def _picture_of(result: Result) -> Picture | None:
    if result.graph is None or not len(result.graph):
        return None
    return layer_picture(result.graph, result.findings)


def _boxes_of(picture: Picture | None) -> dict[int, Box]:
    """For each finding the innermost box that shows it."""
    if picture is None:
        return {}
    pictures = [picture, *(inner for _, inner in all_pictures(picture))]
    return {index: box for each in pictures for box in each.boxes for index in box.findings}


def _shown_picture(picture: Picture, findings: Sequence[Finding]) -> View:
    largest = largest_norm(picture)
    return {
        "hint": _hint(picture),
        "legend": legend(),
        "view": _canvas(draw(picture, findings, largest), "the model", "model"),
        "folds": _folds(picture, findings, largest),
    }


def _hint(picture: Picture) -> str:
    stops = _stops(picture)
    places = f"it stops at {count(stops, 'place')}" if stops else "it stops nowhere"
    return f"Arrows lead from the inputs to the loss; their look is that of the gradient that comes back: {places}."


def _stops(picture: Picture) -> int:
    """How many places there are; one that lies inside of a box counts there."""
    opened = {box.id for box in picture.boxes if box.stops}
    inside = sum(_stops(box.inside) for box in picture.boxes if box.inside is not None)
    return inside + len({link.target for link in picture.links if link.is_cut and link.target not in opened})


def _canvas(drawing: Drawing, title: str, id: str) -> View:
    radius = max(drawing.height / 90, 9)
    marks = [{"box": box, "x": f"{x:g}", "y": f"{y:g}", "radius": f"{radius:g}"} for box, (x, y) in drawing.cuts]
    return {
        "id": id,
        "title": title,
        "width": f"{drawing.width:g}",
        "height": f"{drawing.height:g}",
        "shrinks": drawing.width <= NEARLY_FITS,
        "drawn": drawing.text,
        "marks": marks if drawing.height >= TALL else None,
    }


def _folds(picture: Picture, findings: Sequence[Finding], largest: float | None) -> list[View]:
    views: list[View] = []
    for box in picture.boxes:
        if box.inside is None:
            continue
        title = name(box.path or box.label, 100)
        views.append(
            {
                "box": box.id,
                "stops": box.stops,
                "title": title,
                "about": _about(box.about, box.variables),
                "view": _canvas(draw(box.inside, findings, largest), f"inside {title}", box.id),
                "inside": _folds(box.inside, findings, largest),
            }
        )
    return views


def _about(about: str, variables: Mapping[GradientState, int]) -> str:
    states = ", ".join(f"{number:,} {COUNTED[state]}" for state, number in variables.items())
    return _text(about) + (f"; variables: {states}" if states else "")


def _text(text: str) -> str:
    return shortened(sentence(text), MESSAGE_WIDTH)
