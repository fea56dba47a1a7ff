"""Findings that are meant: a rule allowed at a path, by `allow=` in code or a per-layer ignore in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gradlint.checking.meant import advice, likely_place, likely_rule, places_of
from gradlint.errors import UsageError
from gradlint.report.text import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gradlint.finding import Finding
    from gradlint.result import Result


@dataclass(frozen=True, slots=True)
class Allowance:
    """Rules that may report at paths of one pattern.

    Attributes:
        rule: the code, prefix or name of a rule, as the user wrote it.
        codes: the rules it stands for.
        pattern: a path pattern: `target_*`, `encoder/*/attention`, `**/frozen`.
        origin: where the user wrote it, `pyproject.toml:12`; empty for an argument.
        meant: where it fits nothing, what it was likely meant to say; no part of what it is.
    """

    rule: str
    codes: tuple[str, ...]
    pattern: str
    origin: str = ""
    meant: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.rule} at {self.pattern!r}"


def allowances(allow: Mapping[str, str | Sequence[str]], origin: str = "") -> tuple[Allowance, ...]:
    """What `allow={"GL104": "target_*", "dead-relu": ["a/*", "b"]}` says, one allowance for each pattern.

    Raises:
        UsageError: a rule does not exist, or a pattern is no text.
    """
    if not isinstance(allow, Mapping):
        raise UsageError(f"allow must map rules to path patterns, such as {{'GL104': 'target_*'}}, not {allow!r}")
    found = []
    for rule, patterns in allow.items():
        from gradlint.rules import codes_matching  # all rules, with their passes: nobody waits for them in vain

        codes = codes_matching([rule])
        for pattern in patterns if isinstance(patterns, (list, tuple)) else [patterns]:
            if not isinstance(pattern, str) or not pattern:
                raise UsageError(f"allow: {rule} needs a path pattern such as 'target_*', not {pattern!r}")
            found.append(Allowance(rule, codes, pattern, origin))
    return tuple(found)


def is_allowed(finding: Finding, allowance: Allowance) -> bool:
    """Whether an allowance is meant for a finding.

    The pattern must fit the layer where the gradient stops, or every variable that it costs; a finding
    that names no variable goes by its input keys.
    """
    if finding.code not in allowance.codes:
        return False
    if finding.cause.layer and matches(finding.cause.layer, allowance.pattern):
        return True
    victims = finding.variables or finding.inputs
    return bool(victims) and all(matches(victim, allowance.pattern) for victim in victims)


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern fits a path or a folder that it is in.

    `*`, `?` and `[...]` stay within one part of the path, and `**` stands for any number of parts:
    `target_*` fits `target_net/dense/kernel`, `*/dense` fits `target_net/dense`.
    """
    return _fits(path.split("/"), pattern.strip("/").split("/"))


def _fits(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return True
    if wanted[0] == "**":
        return any(_fits(parts[start:], wanted[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], wanted[0]) and _fits(parts[1:], wanted[1:])


def suppress(result: Result, allowed: Iterable[Allowance]) -> tuple[Result, tuple[Allowance, ...]]:
    """The result without what is allowed, with a note that says how much that is.

    Returns:
        the result, and the allowances that fit no finding.
    """
    allowed = tuple(allowed)
    if not allowed:
        return result, ()
    pairs = [(finding, [a for a in allowed if is_allowed(finding, a)]) for finding in result.findings]
    used = {id(allowance) for _, fitting in pairs for allowance in fitting}
    kept = tuple(finding for finding, fitting in pairs if not fitting)
    notes = tuple(
        note_of(allowance, number)
        for allowance in allowed
        if (number := sum(fitting[:1] == [allowance] for _, fitting in pairs))
    )
    # An allowance is not blamed where it could not fit: the model did not run, or its rules were not asked for.
    ran = set(result.rules) if result.depth != "preflight" else set()
    unused = tuple(a for a in allowed if id(a) not in used and ran.intersection(a.codes))
    unused = tuple(replace(a, meant=likely_meant(a, kept)) for a in unused)
    return replace(result, findings=kept, notes=(*result.notes, *notes)), unused


def likely_meant(
    allowance: Allowance,
    left: Sequence[Finding],
    places: Callable[[Finding], Iterable[str]] = places_of,
    fits: Callable[[Finding, Allowance], bool] = is_allowed,
) -> str:
    """What an allowance that fits nothing was likely meant to say: another pattern, quoted, or another rule.

    Args:
        allowance: fits no finding.
        left: the findings that no allowance fits.
        places: the paths of a finding that patterns are for.
        fits: whether an allowance is meant for a finding.
    """
    of_rule = [finding for finding in left if finding.code in allowance.codes]

    def is_fitting(pattern: str) -> bool:
        return any(fits(finding, replace(allowance, pattern=pattern)) for finding in of_rule)

    if place := likely_place(allowance.pattern, (path for each in of_rule for path in places(each)), is_fitting):
        return repr(place)
    return likely_rule(allowance.rule, (each for each in left if fits(each, replace(allowance, codes=(each.code,)))))


def note_of(allowance: Allowance, number: int) -> str:
    """What a result says of findings that are allowed."""
    return f"{count(number, 'finding')} allowed: {allowance}"


def unused_error(unused: Sequence[Allowance]) -> UsageError:
    """The error for allowances that fit no finding: they would hide the next one."""
    lines = [f"{f'{a.origin}: ' if a.origin else ''}{a} fits no finding; {advice(a.meant)}" for a in unused]
    return UsageError(*lines)


def left_out(ignored: Sequence[str]) -> Iterator[str]:
    """What nobody knows, since its rules were not to run: without it no finding would look like none to find."""
    if ignored:
        yield f"not looked for, since it is ignored: {', '.join(ignored)}"
