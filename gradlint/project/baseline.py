"""Findings that are known already: a file of identities, which outlive renumbered layers and moved lines.

A finding is found again by what it is, not by where it stood. Keras numbers the layers of a process
(`dense_3` is `dense_4` when another model was built before), so numbers at the end of a name count only by
their order among the names of one folder that differ in nothing else: `dense_3` and `dense_7` are
`dense[1/2]` and `dense[2/2]`. Line numbers do not count, the text of the line does.

Known and present findings are paired in four rounds, each finding at most once; a round takes what the
rounds before left over:

1. same rule, operation, layer, inputs and variables;
2. same rule, operation, layer and inputs: the cause has lost or won a victim;
3. same rule, inputs and source line, where the known layer is no longer in the model: it has been renamed;
4. same rule, operation and inputs, and the same layer without its number, where the known layer is no longer
   in the model: a layer was put in before it.
"""

from __future__ import annotations

import json
import linecache
import os
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradlint import version
from gradlint.errors import UsageError
from gradlint.load.files import close_to, content_of
from gradlint.report.text import count

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence
    from pathlib import Path

    from gradlint.finding import Finding
    from gradlint.result import Result

SCHEMA = 1
_LARGEST = 2**28
"""Bytes of a baseline."""
DEFAULT_FILE = "gradlint-baseline.json"
_NUMBERED = re.compile(r"(?P<base>.+?)(?:_(?P<number>\d+))?")
_RANK = re.compile(r"\[\d+/\d+\]")


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a finding the same finding in another run.

    Attributes:
        layer: where the gradient stops, numbers replaced by ranks: `tower[1/2]/dense`.
        victims: digest of the variables, numbers replaced by ranks, or of the line of source; empty without any.
        source: text of the line where the gradient stops; empty when not known.
        message: for those who read the file; never compared.
    """

    code: str
    op: str
    layer: str
    inputs: tuple[str, ...]
    victims: str
    source: str
    message: str


@dataclass(frozen=True, slots=True)
class Identities:
    """The identities of a result's findings, in their order, and the layers that the model has now."""

    findings: tuple[Identity, ...] = ()
    layers: frozenset[str] = frozenset()


Baseline = Mapping[str, tuple[Identity, ...]]
"""The known findings by target."""


def identities(result: Result) -> Identities:
    """Identify the findings of a result; needs those of its graph to know the layers without variables."""
    names = [status.path for status in result.variables]
    names += [path for finding in result.findings for path in finding.variables]
    names += [finding.cause.layer for finding in result.findings if finding.cause.layer]
    if result.drawn is not None:
        names += result.drawn.layers
    ranked = _ranked(names)
    present = {"/".join(path.split("/")[:end]) for path in ranked.values() for end in range(1, path.count("/") + 2)}
    in_source = result.depth == "source"
    return Identities(tuple(_identity(finding, ranked, in_source) for finding in result.findings), frozenset(present))


def _identity(finding: Finding, ranked: Mapping[str, str], in_source: bool) -> Identity:
    cause = finding.cause
    victims = "\n".join(sorted(ranked[path] for path in finding.variables))
    source = ""
    is_source = cause.file is not None and cause.file.endswith((".py", ".ipynb")) and os.path.isfile(cause.file)
    if is_source and cause.file is not None and cause.line is not None:
        linecache.checkcache(cause.file)
        source = " ".join(linecache.getline(cause.file, cause.line).split())
    if in_source:
        victims = source  # nothing else tells two findings of one rule in one file apart
    import hashlib

    return Identity(
        code=finding.code,
        op=cause.op or "",
        layer=ranked[cause.layer] if cause.layer else "",
        inputs=tuple(sorted(finding.inputs)),
        victims=hashlib.sha256(victims.encode()).hexdigest()[:16] if victims else "",
        source=source,
        message=" ".join(finding.message.split()),
    )


def _ranked(paths: Iterable[str]) -> dict[str, str]:
    """Every path with the numbers at the end of its parts replaced by ranks among their siblings."""
    paths = set(paths)
    siblings: dict[tuple[str, str], set[int]] = defaultdict(set)
    for path in paths:
        for folder, base, number in _steps(path):
            siblings[folder, base].add(number)
    ranks = {key: {number: rank for rank, number in enumerate(sorted(each), 1)} for key, each in siblings.items()}

    def rank(folder: str, base: str, number: int) -> str:
        numbers = ranks[folder, base]
        return base if len(numbers) == 1 else f"{base}[{numbers[number]}/{len(numbers)}]"

    return {path: "/".join(rank(*step) for step in _steps(path)) for path in paths}


def _steps(path: str) -> Iterable[tuple[str, str, int]]:
    """Yields (folder, name without its number, number) for each part; a name without number comes first."""
    parts = path.split("/")
    for end, part in enumerate(parts):
        match = _NUMBERED.fullmatch(part)
        base, number = (match["base"], match["number"]) if match else (part, None)
        yield "/".join(parts[:end]), base, -1 if number is None else int(number)


# -- comparing -------------------------------------------------------------------------------------------


def compare(
    result: Result, found: Identities, known: Sequence[Identity], file: object
) -> tuple[Result, tuple[Identity, ...]]:
    """The result without the findings that are known, and the known ones that are gone.

    Nothing counts as gone that this check could not have found: rules that did not run, and a check that
    ended before the model ran.
    """
    pairs = _pairs(found, known)
    new = tuple(finding for number, finding in enumerate(result.findings) if number not in pairs)
    ran = set(result.rules) if result.depth != "preflight" else set()
    gone = tuple(entry for number, entry in enumerate(known) if number not in pairs.values() and entry.code in ran)
    notes = list(result.notes)
    if pairs:
        notes.append(note_of_known(len(pairs), file))
    return replace(result, findings=new, notes=tuple(notes)), gone


def note_of_known(number: int, file: object) -> str:
    """What a result says of findings that a baseline knows."""
    return f"{count(number, 'finding')} known from {file}"


def _pairs(found: Identities, known: Sequence[Identity]) -> dict[int, int]:
    """Index of a finding to that of the known one that it is."""
    pairs: dict[int, int] = {}
    for key, needs_absence in _ROUNDS:
        waiting: dict[Hashable, list[int]] = defaultdict(list)
        for number, entry in enumerate(known):
            if number in pairs.values() or (needs_absence and entry.layer in found.layers):
                continue
            if (wanted := key(entry)) is not None:
                waiting[wanted].append(number)
        for number, identity in enumerate(found.findings):
            if number not in pairs and (wanted := key(identity)) is not None and waiting[wanted]:
                pairs[number] = waiting[wanted].pop(0)
    return pairs


def _same(identity: Identity) -> Hashable:
    return identity.code, identity.op, identity.layer, identity.inputs, identity.victims


def _same_place(identity: Identity) -> Hashable:
    # Without a place there would be nothing left but the rule.
    if not (identity.layer or identity.inputs):
        return None
    return identity.code, identity.op, identity.layer, identity.inputs


def _same_line(identity: Identity) -> Hashable:
    return (identity.code, identity.inputs, identity.source) if identity.source else None


def _same_name(identity: Identity) -> Hashable:
    if not identity.layer:
        return None
    return identity.code, identity.op, _RANK.sub("", identity.layer), identity.inputs


_ROUNDS: tuple[tuple[Callable[[Identity], Hashable], bool], ...] = (
    (_same, False),
    (_same_place, False),
    (_same_line, True),
    (_same_name, True),
)


# -- the file --------------------------------------------------------------------------------------------


def read_baseline(file: Path) -> dict[str, tuple[Identity, ...]]:
    """The known findings by target.

    Raises:
        UsageError: the file is missing, broken, or of a schema that this gradlint does not know.
    """
    try:
        content: object = json.loads(content_of(file, _LARGEST))
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no baseline {file}{close_to(file)}; gradlint --write-baseline writes one"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"the baseline {file} cannot be read: {reason}; gradlint --write-baseline renews it"
        ) from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise UsageError(f"{file} is no baseline of schema {SCHEMA}; gradlint --write-baseline renews it")
    targets = content.get("targets")
    try:
        if not isinstance(targets, dict):
            raise TypeError("'targets' is no object")
        return {name: tuple(_entry(item) for item in entries) for name, entries in targets.items()}
    except (TypeError, KeyError) as error:
        raise UsageError(f"the baseline {file} is broken: {error}; gradlint --write-baseline renews it") from error


def _entry(item: Mapping[str, object]) -> Identity:
    inputs = item["inputs"]
    if not isinstance(inputs, list):
        raise TypeError("'inputs' is no list")
    names = ("code", "op", "layer", "victims", "source", "message")
    code, op, layer, victims, source, message = (str(item[name]) for name in names)
    return Identity(code, op, layer, tuple(map(str, inputs)), victims, source, message)


def baseline_text(baseline: Baseline) -> str:
    """The file for these known findings: sorted, one line a value, so that changes read well in a diff."""
    targets = {
        name: [
            {
                "code": entry.code,
                "op": entry.op,
                "layer": entry.layer,
                "inputs": list(entry.inputs),
                "victims": entry.victims,
                "source": entry.source,
                "message": entry.message,
            }
            for entry in sorted(entries, key=lambda e: (e.code, e.layer, e.op, e.inputs, e.victims))
        ]
        for name, entries in sorted(baseline.items())
        if entries
    }
    content = {"schema": SCHEMA, "gradlint": version.__version__, "targets": targets}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
