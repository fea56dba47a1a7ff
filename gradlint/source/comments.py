"""`# gradlint: ignore[GL601]` on a line, `# gradlint: ignore-file[GL6]` anywhere: findings that are meant."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass

_COMMENT = re.compile(r"#\s*gradlint:\s*(ignore-file|ignore)\s*(?:\[([^\]]*)\])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment that ignores findings.

    Attributes:
        line: where it stands, from 1.
        codes: codes, prefixes or names, as written; empty for all.
        whole: whether it is meant for the whole file.
        covers: the lines it is meant for: those of a statement over several lines.
    """

    line: int
    codes: tuple[str, ...]
    whole: bool
    covers: range


def comments(text: str) -> list[Comment]:
    """The comments of a file, in order."""
    if _COMMENT.search(text) is None:
        return []  # to take a file apart into tokens costs half as much as to parse it
    found: list[Comment] = []
    start = 0
    waiting: list[tuple[int, tuple[str, ...], bool]] = []

    def finish(end: int) -> None:
        for line, codes, whole in waiting:
            found.append(Comment(line, codes, whole, range(min(start or line, line), max(end, line) + 1)))
        waiting.clear()

    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                match = _COMMENT.search(token.string)
                if match is not None:
                    codes = tuple(part for each in (match[2] or "").split(",") if (part := each.strip()))
                    waiting.append((token.start[0], codes, match[1].lower() == "ignore-file"))
            elif token.type in (tokenize.NEWLINE, tokenize.NL) and token.type == tokenize.NEWLINE:
                finish(token.end[0])
                start = 0
            elif token.type == tokenize.NL:
                if not start:
                    finish(token.start[0])
            elif token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING) and not start:
                start = token.start[0]
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass
    finish(start)
    return found
