"""The one point where text leaves the program: reports, graphs, and what is said on stderr.

What names hold comes from files. Two things must not act, wherever a line begins after wrapping: control characters,
and the commands that log readers take out of any step's output. GitHub's runner reads `::command::` at the beginning of
a line (blanks before it are skipped) and `##[command]` anywhere in one; Azure's reads `##vso[`, TeamCity's
`##teamcity[` (`actions/runner`, ActionCommand.cs). A renderer escapes for its own syntax; this comes last and needs to
know only how that syntax spells a character that it must not say as it is.
"""

from __future__ import annotations

import re
from enum import Enum

_COLON = re.compile(r"(?m)^([^\S\n]*):(?=:)")
_HASHES = re.compile(r"#(?=#\w*\[)")
_ACTS = re.compile(r"(?m)##\w*\[|^[^\S\n]*::")


class Syntax(Enum):
    """How a format spells a character by its number, as a pattern for `str.format`."""

    PLAIN = "\\x{:02x}"
    JSON = "\\u{:04x}"
    MARKUP = "&#{};"

    def spelled(self, character: str) -> str:
        """`character` by its number."""
        return self.value.format(ord(character))


def outgoing(text: str, syntax: Syntax = Syntax.PLAIN) -> str:
    """Text of several lines in which no line is a command of a log reader; all else stays as it is."""
    if _ACTS.search(text) is None:
        return text
    text = _COLON.sub(lambda found: found[1] + syntax.spelled(":"), text)
    return _HASHES.sub(lambda _: syntax.spelled("#"), text)


def printable(text: str) -> str:
    r"""`text` with every control, format or unassigned character written as an escape such as `\x1b`.

    Names come from files; one that holds terminal escapes or right-to-left overrides must not act.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


LONGEST_LINE, _START, _END = 4_000, 3_000, 500
"""Characters of a line on stderr, and what is shown of a longer one: a name that a file gives may have a megabyte."""


def message(*lines: str) -> str:
    """A message for stderr: its lines are these, and whatever in them could act, line ends too, is spelled out."""
    return outgoing("\n".join(printable(_shortened(line)) for line in lines))


def _shortened(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[:_START]} ... {line[-_END:]}"


_IN_ASCII = str.maketrans(
    {
        "·": "-",
        "…": "...",
        "─": "-",
        "▸": ">",
        "●": "*",
        "○": "o",
        "✕": "x",
        "✅": "[ok]",
        "❌": "[failed]",
        "⚠": "!",
        "\ufe0f": "",
    }
    | {"🔴": "", "🟠": "", "🔵": "", "—": "-", "–": "-", "’": "'", "×": "x", "→": "->", "≈": "~"}  # noqa: RUF001
)
"""The signs of our own that many encodings lack."""


def fitting(text: str, encoding: str | None) -> str:
    """`text` for a stream of this encoding: ours in ASCII where it is not Unicode, the rest spelled by numbers."""
    encoding = encoding or "ascii"
    if encoding.lower().replace("-", "").replace("_", "").startswith("utf"):
        return text
    return text.translate(_IN_ASCII).encode("ascii", "backslashreplace").decode("ascii")
