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
    from difflib import get_close_matches  # only where something is misspelt

    close = get_close_matches(word, list(dict.fromkeys(known)), n=most)
    return f"; did you mean {' or '.join(map(shown, close))}?" if close else ""


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
