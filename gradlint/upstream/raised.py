"""What an exception says, in a few words, and at which line of the user's."""

from __future__ import annotations

import re

from gradlint.cells import line_as_typed
from gradlint.upstream.libraries import is_library_file

REASON_LENGTH = 300
"""Characters of Keras's own explanation that a message repeats: Keras appends whole configurations."""


def blame(error: BaseException) -> str:
    """`TypeError: message (file.py:12)`, with the innermost line of the user's own code, if any."""
    where, traceback = "", error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not is_library_file(file):
            where = f" ({line_as_typed(file, traceback.tb_lineno)})"
        traceback = traceback.tb_next
    return f"{type(error).__name__}: {first_words(error)}{where}"


def first_words(error: BaseException) -> str:
    """The part of an error's text that says something, on one line and without terminal codes."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    # Keras wraps the true cause in the whole configuration, and appends the arguments of the call.
    text = text.rsplit("Exception encountered: ", 1)[-1].split("\n\nArguments received by", 1)[0]
    text = "".join(char for char in " ".join(text.split()) if char.isprintable())
    return text if len(text) <= REASON_LENGTH else f"{text[:REASON_LENGTH].rsplit(' ', 1)[0]} ..."
