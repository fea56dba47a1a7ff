"""What an ignore that fits no finding was most likely meant for: a word that is misspelt, or another rule."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import accumulate, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gradlint.finding import Finding

MOST_PLACES = 1000
"""Of a finding, among which a misspelt one is looked for."""
_CLOSE = 3


def likely_place(pattern: str, places: Iterable[str], is_fitting: Callable[[str], bool]) -> str:
    """The pattern that was likely meant; empty when none of the places is much like it.

    Args:
        pattern: fits nothing.
        places: paths that there are.
        is_fitting: whether another pattern would fit.
    """
    paths = list(dict.fromkeys(folder for path in islice(places, MOST_PLACES) for folder in _folders(path)))
    close = get_close_matches(pattern, dict.fromkeys([*_mended(pattern, paths), *paths]), n=_CLOSE)
    return next((found for found in close if found != pattern and is_fitting(found)), "")


def likely_rule(rule: str, there: Iterable[Finding]) -> str:
    """The rule that was likely meant where others speak, as a code or as a name; empty when none does."""
    is_code = rule[:2].upper() == "GL"
    names = list(dict.fromkeys(finding.code if is_code else finding.name for finding in there))
    return next(iter(get_close_matches(rule.upper() if is_code else rule.lower(), names, n=1, cutoff=0.0)), "")


def places_of(finding: Finding) -> Iterator[str]:
    """The paths by which a pattern may fit a finding: where the gradient stops, and what that costs."""
    if finding.cause.layer:
        yield finding.cause.layer
    yield from finding.variables or finding.inputs


def advice(meant: str) -> str:
    """What to do about an ignore that fits no finding."""
    return f"did you mean {meant}? If not, remove it" if meant else "remove it"


def _folders(path: str) -> Iterator[str]:
    """`a`, `a/b` and `a/b/c` of `a/b/c`."""
    return accumulate(path.split("/"), lambda folder, name: f"{folder}/{name}")


def _mended(pattern: str, paths: Sequence[str]) -> Iterator[str]:
    """The pattern with one of its parts as it is written in a path; its other wildcards stay."""
    names = list(dict.fromkeys(path.rpartition("/")[2] for path in paths))
    parts = pattern.strip("/").split("/")
    for place, part in enumerate(parts):
        for name in get_close_matches(part, names, n=_CLOSE):
            yield "/".join([*parts[:place], name, *parts[place + 1 :]])
