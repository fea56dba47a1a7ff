"""What stops a check. Every message says what was wrong, where, and what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def alike(word: str, known: Iterable[str], shown: Callable[[str], str] = str, most: int = 1) -> str:
    """`; did you mean word?` for the end of a message on one that is misspelt; empty where nothing is much like it.

    Args:
        word: what was written.
        known: what there is.
        shown: how a suggestion is written.
        most: how many suggestions, the closest first.
    """
    close = closest(word, known, most)
    return f"; did you mean {' or '.join(map(shown, close))}?" if close else ""


def closest(word: str, known: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """What a word is likely meant to be: the fewest slips away, and of those with the same letters.

    Args:
        word: what was written.
        known: what there is.
        most: how many are wanted.
        cutoff: similarity from which something counts, as in `difflib`.
    """
    from difflib import SequenceMatcher, get_close_matches  # only where something is misspelt

    close = get_close_matches(word, list(dict.fromkeys(known)), n=most + _MORE, cutoff=cutoff)

    def distance(other: str) -> tuple[int, bool, float]:
        return _slips(word, other), sorted(word) != sorted(other), -SequenceMatcher(None, word, other).ratio()

    return sorted(close, key=distance)[:most]


_MORE = 4
"""Candidates beyond the wanted ones: to have many letters in common is not yet to be close."""


def _slips(word: str, other: str) -> int:
    """Letters that are left out, put in, exchanged, or swapped with the next one."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(word, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and (a, b) == (other[j - 2], word[i - 2]):
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


class GradlintError(Exception):
    """A check could not run; the command line prints the message and exits with 2.

    The arguments are the lines of the message, one as a rule: a line end within one is a name's, and is shown escaped.
    """

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))


class UsageError(GradlintError):
    """The arguments do not fit together, or name something that does not exist."""


class ConfigError(UsageError):
    """The configuration file has mistakes; the message lists all of them with their lines."""


class ModelFileError(GradlintError):
    """The model file cannot be read or is not a Keras model."""


class UnsafeModelError(ModelFileError):
    """The model file carries code that gradlint was not told to trust."""


class SampleError(GradlintError):
    """The sample cannot be read or does not hold numeric arrays."""


class UnknownVersionError(GradlintError):
    """TensorFlow or Keras is of a release whose private parts are not where gradlint knows them."""


class StoppedError(GradlintError):
    """The check crashed, or took more time or memory than it may."""


class ModelRunError(GradlintError):
    """The model was loaded, but its own code failed for a reason that is not a gradient's."""
