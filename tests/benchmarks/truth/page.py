"""Rows to the page of the benchmark and its picture; no number is written by hand."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from tests.benchmarks.truth import numbers
from tests.benchmarks.truth.numbers import HEALTHY, WITH_A_BUG, Rate, of_kind, rate
from tests.benchmarks.truth.peers import NOT_RUN, PEERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.benchmarks.truth.manifest import Entry
    from tests.benchmarks.truth.scoring import Row

_KINDS = {
    "bugs": "models with one mistake",
    "programs": "programs of the published studies",
    "steps": "training steps",
    "sources": "source files",
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


def page(rows: Sequence[Row], first: dict[str, Entry], machine: str, picture: str) -> str:
    """The page in Markdown.

    Args:
        rows: of all cases.
        first: what was said of each case when it was first run.
        machine: one line on what it ran on.
        picture: file name of the picture.
    """
    parts = {"rounds/": "rounds of fresh eyes", "aside/": "cases kept elsewhere"}
    of_part = {title: [row for row in rows if row["case"].startswith(prefix)] for prefix, title in parts.items()}
    ours = [row for row in rows if not row["case"].startswith(tuple(parts))]
    sets = [("older cases of this repository", ours), *((title, part) for title, part in of_part.items() if part)]
    return _INTRODUCTION.format(machine=machine, picture=picture) + "\n\n".join(
        [
            "## In one table",
            _overview(sets),
            _public(rows),
            "## By kind of case",
            _by(of_kind(rows, *_KINDS), lambda row: _KINDS[row["kind"]]),
            "## By category of the mistake",
            _by(of_kind(rows, "bugs", "steps"), lambda row: row["category"]),
            "## Programs of the published studies, by study and kind of fault",
            _by(of_kind(rows, "programs"), lambda row: f"{row['study']}: {row['category']}"),
            "## By severity",
            _severities(of_kind(rows, *_KINDS)),
            "## What people use without gradlint",
            _peers(rows),
            "## Is the mistake there at all?",
            _symptoms(of_kind(rows, "bugs")),
            "## Does the repair work?",
            _repairs(of_kind(rows, "bugs", "steps", "sources")),
            "## Rounds of fresh eyes",
            _rounds([row for row in rows if row["case"].startswith("rounds/")], first),
            "## The first run of each case",
            _first(rows, first),
            "## What is missed, and false alarms",
            _missed(rows),
            "## Time",
            _time(rows),
        ]
    )


_INTRODUCTION = """\
# The benchmark of truth

`python -m tests.benchmarks.truth` writes this page, its picture and the verdicts that continuous integration compares
with. The cases are in `tests/cases`: models with one mistake and their repaired twins, correct models that might fool a
naive checker, and programs after the faults that studies of failing Keras programs collect. More cases of the same form
are run with them where somebody has put them into a folder `shared/cases` beside the repository.

A mistake is **found** when a finding fits its category and names the culprit, **explained** when its cause also names
the layer, the operation and the line that the case states, and its twin is **quiet** when nothing at warning or error
is said that would count. A healthy model is **clean** without any warning or error. Rates have 95% intervals (Wilson).

{machine}

![Rates with their intervals]({picture})

"""


def _overview(sets: Sequence[tuple[str, Sequence[Row]]]) -> str:
    measures = [
        ("mistakes found (recall)", numbers.recall),
        ("explained", numbers.explained),
        ("repaired twins quiet", numbers.quiet),
        ("healthy models clean", numbers.clean),
        ("alarms that are right (precision)", numbers.precision),
        ("alarms for each model without a mistake", lambda rows: f"{numbers.alarms_each(rows):.3f}"),
    ]
    return table(["", *(title for title, _ in sets)], [[title, *(of(r) for _, r in sets)] for title, of in measures])


def _public(rows: Sequence[Row]) -> str:
    """How many cases there are, and how many of them somebody has reported."""
    bugs = of_kind(rows, *WITH_A_BUG)
    public = [row for row in bugs if row.get("source", "").startswith("http")]
    return (
        f"{len(bugs)} mistakes, {len(public)} of them rebuilt after a public report whose address is in the case, and "
        f"{len(of_kind(rows, *HEALTHY))} healthy models and steps beside the repaired twins."
    )


def _rounds(rows: Sequence[Row], first: dict[str, Entry]) -> str:
    """What was said when nobody who writes gradlint had seen the cases, and what is said now."""
    known = [(row, first[row["case"]].verdict.split()) for row in rows if row["case"] in first and "skipped" not in row]

    def rates(kinds: Sequence[str], word: str) -> list[object]:
        mine = [(row, then) for row, then in known if row["kind"] in kinds]
        return [Rate(sum(word in t for _, t in mine), len(mine)), rate([row for row, _ in mine], lambda row: row[word])]

    lines = [
        [title, word, *rates(kinds, word)]
        for title, kinds, words in (
            ("models with one mistake", ("bugs",), ("found", "explained", "quiet")),
            ("training steps with one mistake", ("steps",), ("found", "explained", "quiet")),
            ("healthy models", ("healthy",), ("clean",)),
            ("healthy training steps", ("healthy_steps",), ("clean",)),
        )
        for word in words
    ]
    text = (
        "`tests/cases/rounds` has cases by people who knew no more of gradlint than the names of its rules, from "
        "public reports and from their own experience; each was verified by plain TensorFlow and then judged once, "
        "before anybody who writes gradlint had seen it. They are kept as they were written."
    )
    return text + "\n\n" + table(["", "", "first pass", "now"], lines)


def _by(rows: Sequence[Row], key: object) -> str:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row) or "crash", []).append(row)  # type: ignore[operator]
    return table(
        ["", "found", "explained", "twin quiet"],
        [
            [title, *(rate(group, lambda row, word=word: row[word]) for word in ("found", "explained", "quiet"))]
            for title, group in sorted(groups.items())
        ],
    )


def _severities(rows: Sequence[Row]) -> str:
    found = [row for row in rows if row["found"]]
    counted = Counter(row["severity"] for row in found)
    return table(
        ["the loudest fitting finding is", "of what is found"],
        [[severity, Rate(counted[severity], len(found))] for severity in ("error", "warning", "info")],
    )


def _peers(rows: Sequence[Row]) -> str:
    asked = [row for row in of_kind(rows, "bugs", "programs") if "peers" in row]
    well = [row for row in of_kind(rows, "healthy") if "peers" in row]
    lines = [["gradlint", rate(asked, lambda r: r["found"]), rate(asked, lambda r: r["quiet"]), numbers.clean(well)]]
    for peer, words in PEERS.items():
        lines.append(
            [
                words,
                rate(asked, lambda row, peer=peer: row["peers"][peer][0]),
                rate(asked, lambda row, peer=peer: not row["peers"][peer][1]),
                rate(well, lambda row, peer=peer: not row["peers"][peer][0]),
            ]
        )
    text = table(["", "says something on the mistake", "quiet on the twin", "quiet on healthy models"], lines)
    return (
        f"{text}\n\nOn models with a mistake and on programs, one step each. Of gradlint, only what names the "
        "culprit counts; of the others, anything at all. None of them names an operation or a line of the model.\n\n"
        "Not run:\n\n" + "\n".join(f"- {words}" for words in NOT_RUN)
    )


def _symptoms(rows: Sequence[Row]) -> str:
    told = [row for row in rows if row.get("symptom") is not None]
    return (
        "One step by plain TensorFlow, without gradlint, compares each model with its twin in what the category of "
        "the mistake says: no gradient, a zero or far weaker one, values that are not finite, a step that fails, "
        "shapes that differ, rows that mix.\n\n"
        + table(
            ["", ""],
            [
                ["the symptom is there", rate(told, lambda row: row["symptom"])],
                ["and it is less, or gone, in the twin", rate(told, lambda row: row["gone"])],
                ["one step cannot tell for this category", f"{len(rows) - len(told)} of {len(rows)}"],
            ],
        )
        + "\n\nNot confirmed in this way: "
        + (", ".join(f"`{row['case']}`" for row in told if not row["gone"]) or "none")
        + "."
    )


def _repairs(rows: Sequence[Row]) -> str:
    found = [row for row in rows if row["found"]]
    groups: dict[str, list[Row]] = {}
    for row in found:
        groups.setdefault(row["category"], []).append(row)
    lines = []
    for title, group in [*sorted(groups.items()), ("all", found)]:
        done = [row["repair"] for row in group if row.get("repair")]
        lines.append([title, len(group), rate(done, lambda each: each["works"]), len(group) - len(done)])
    ways = Counter(row["repair"]["way"] for row in found if row.get("repair"))
    failed = [
        f"`{row['case']}` ({row['repair']['way']})" for row in found if row.get("repair") and not row["repair"]["works"]
    ]
    return (
        "For each mistake that is found, what the finding says to do is done, and one step by plain TensorFlow looks "
        "whether the symptom is less or gone. Nobody rewrites a line of a model's code: where an operation stops the "
        "gradient, gradlint's own experiment lets it through on the model itself, and the repair works when the "
        "victims receive one then. Of steps and source, what `--fix` makes of the file is run before and after.\n\n"
        + table(["", "found", "the repair works", "no repair that can be tried"], lines)
        + "\n\nTried: "
        + (", ".join(f"{way} ({number})" for way, number in ways.most_common()) or "nothing")
        + ". Does not work: "
        + (", ".join(failed) or "none")
        + "."
    )


def _first(rows: Sequence[Row], first: dict[str, Entry]) -> str:
    known = [(row, first[row["case"]]) for row in rows if row["case"] in first and "skipped" not in row]
    bugs = [(row, entry) for row, entry in known if row["kind"] not in HEALTHY]
    changed = [
        (f"`{row['case']}`", entry.first_run, entry.verdict, numbers.verdict(row))
        for row, entry in known
        if entry.verdict != numbers.verdict(row)
    ]
    days = sorted({entry.first_run for _, entry in known})
    found = Rate(sum("found" in entry.verdict.split() for _, entry in bugs), len(bugs))
    text = (
        "`tests/benchmarks/truth/manifest.jsonl` has the hash of each case, the day on which it was first run here, "
        "and what was said then; it is added to and never rewritten, and a case that is changed is a new one. The "
        f"manifest begins on {days[0] if days else 'no day'}. Cases that are older were known while gradlint was "
        "written, and their first run in it is not a blind one.\n\n"
        f"Found at the first run: {found}."
    )
    return text + ("\n\n" + table(["case", "first run", "then", "now"], changed) if changed else "")


def _missed(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        if "skipped" in row:
            lines.append([f"`{row['case']}`", "not run", row["skipped"]])
        elif row["kind"] in HEALTHY:
            if not row["clean"]:
                lines.append([f"`{row['case']}`", "false alarm", ", ".join(row["false"])])
        elif not (row["found"] and row["explained"] and row["quiet"]):
            words = [word for word, key in (("not found", "found"), ("not explained", "explained")) if not row[key]]
            words = words[:1] + (["alarm on the twin"] if not row["quiet"] else [])
            lines.append([f"`{row['case']}`", ", ".join(words), ", ".join(row["false"]) or row.get("note", "")])
    return table(["case", "what", ""], lines) if lines else "Nothing."


def _time(rows: Sequence[Row]) -> str:
    lines = []
    for kind in (*_KINDS, *HEALTHY):
        times = sorted(row["seconds"] for row in of_kind(rows, kind))
        if times:
            middle, late = times[len(times) // 2], times[int(len(times) * 0.95)]
            lines.append([kind, len(times), f"{middle:.1f} s", f"{late:.1f} s", f"{times[-1]:.1f} s"])
    return table(["", "cases", "median", "95%", "longest"], lines) + (
        "\n\nThe check of the model, and of its twin where it has one, in a process that has imported TensorFlow."
    )


# -- the picture -----------------------------------------------------------------------------------------

_LEFT, _WIDTH, _ROW = 300, 420, 24


def picture(rows: Sequence[Row]) -> str:
    """The rates of the page as dots with their intervals, as SVG."""
    shown = [
        ("found", numbers.recall(rows)),
        ("explained", numbers.explained(rows)),
        ("twins quiet", numbers.quiet(rows)),
        ("healthy models clean", numbers.clean(rows)),
        ("precision", numbers.precision(rows)),
    ]
    asked = [row for row in of_kind(rows, "bugs", "programs") if "peers" in row]
    shown += [
        (f"{title} says something", rate(asked, lambda row, peer=peer: row["peers"][peer][0]))
        for peer, title in (("keras", "Keras"), ("tape", "a plain tape"), ("numerics", "check_numerics"))
    ]
    height = _ROW * (len(shown) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 60}" height="{height}" '
        f'viewBox="0 0 {_LEFT + _WIDTH + 60} {height}" font-family="system-ui, sans-serif" font-size="13">',
        "<title>Rates with 95% intervals</title>",
        f'<rect width="{_LEFT + _WIDTH + 60}" height="{height}" fill="white"/>',
    ]
    for percent in range(0, 101, 20):
        x = _x(percent / 100)
        parts.append(f'<line x1="{x}" y1="{_ROW / 2:g}" x2="{x}" y2="{height - _ROW}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{height - _ROW / 3:g}" text-anchor="middle" fill="#555">{percent}%</text>')
    for place, (title, each) in enumerate(shown):
        y = _ROW * (place + 1)
        low, high = each.interval
        middle = _x(each.hits / each.of if each.of else 0)
        parts.append(f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(title)}</text>')
        parts.append(f'<line x1="{_x(low)}" y1="{y}" x2="{_x(high)}" y2="{y}" stroke="#1a6b8f" stroke-width="3"/>')
        parts.append(f'<circle cx="{middle}" cy="{y}" r="5" fill="#1a6b8f"/>')
    return "\n".join([*parts, "</svg>"])


def _x(share: float) -> str:
    return f"{_LEFT + _WIDTH * share:.1f}"
