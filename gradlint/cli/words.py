"""Which words of a command line mean source files, and which a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.errors import UsageError
from gradlint.load.kinds import MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence


_MARKS = ("saved_model.pb", "config.json", "checkpoint", "dataset_spec.pb")
"""What is in folders that are models, presets, checkpoints and samples."""
_FILES_OF_MODELS = frozenset({".keras", ".h5", ".hdf5", ".npz", ".npy"})


def is_source(name: str) -> bool:
    """Whether a word of the command line means source: a Python file, a notebook, or a folder that is no model."""
    path = Path(name)
    if name.endswith((".py", ".ipynb")):
        return True
    if path.suffix in _FILES_OF_MODELS:  # A folder of such a name is a mistake, and told as one.
        return False
    return path.is_dir() and not any((path / mark).exists() for mark in _MARKS)


def is_bare_word(word: str) -> bool:
    """Whether a word names nothing that can be checked, as the commands of other tools do: `check`, `lint`."""
    return word.isidentifier() and not Path(word).exists()


def refuse_command(word: str, behind: str | None) -> None:
    """Raises UsageError for a word before a model or source that names nothing, but is the command of another tool."""
    if behind is not None and is_bare_word(word) and (Path(behind).suffix in MODELS or is_source(behind)):
        raise UsageError(f"there is no command {word!r}: leave it out, gradlint {behind}")


def holds_source(word: str) -> bool:
    """Whether a word that means source is, or holds, a file of it."""
    from gradlint.checking.exclusion import Exclusion
    from gradlint.checking.source import SUFFIXES

    path = Path(word)
    return not path.is_dir() or any(True for _ in Exclusion.of((), path).files(path, SUFFIXES))


def divided(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those of the words of a command line that are source, and the others."""
    return [word for word in words if is_source(word)], [word for word in words if not is_source(word)]
