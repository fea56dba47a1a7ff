"""What an error says, without what TensorFlow and Keras add to it."""

from __future__ import annotations

import re

_DUMP = re.compile(r"\s*(?:<?tf\.(?:Tensor|Variable)\b|\[\s*\[|array\(|\[\s*-?\d)")
_VALUES = re.compile(r",?\s*numpy=\s*(?:array\()?(?:\[.*\]|[^>\s]+)[^>]*(?=>)", re.DOTALL)
"""How TensorFlow prints the values of a tensor or a variable."""
_MOST_CHARACTERS = 160


def plain(error: BaseException) -> str:
    """The message of an error without TensorFlow's node names and Keras's dump of the arguments."""
    text = str(getattr(error, "message", None) or error)
    text = re.sub(r"\{\{function_node [^}]*\}\}\s*", "", text)
    text = re.sub(r"^Exception encountered when calling [^\n]*\n+", "", text)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = text.split("\n\nArguments received by")[0]
    text = re.sub(r"\s*\[Op:(\w+)\].*", r" [Op:\1]", text, flags=re.DOTALL)
    return " ".join(_VALUES.sub("", text).split())[:400]


def in_a_sentence(error: BaseException) -> str:
    """The type of an error and the first sentence of its message, without the arrays that it prints."""
    text = plain(error)
    dump = _DUMP.search(text)
    text = text[: dump.start()] if dump else text
    text = re.split(r"(?<=\w\w[.;:])\s", text, maxsplit=1)[0].rstrip(" .:;,")
    if len(text) > _MOST_CHARACTERS:
        text = text[:_MOST_CHARACTERS].rsplit(" ", 1)[0] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
