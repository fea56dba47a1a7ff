"""`--fix`, `--diff` and `--unsafe-fixes`: repair source files, or show how."""

from __future__ import annotations

import sys
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.cli.output import FAILED, FINDINGS, OK, print_whole
from gradlint.errors import UsageError
from gradlint.load.files import content_of
from gradlint.project.terminal import say
from gradlint.report.text import count
from gradlint.source.reading import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.cli.parser import Line
    from gradlint.fixing.fixes import Fixed
    from gradlint.project.config import Config


def fix_sources(paths: Sequence[str], options: Line, config: Config) -> int | None:
    """Repair files; gives the exit status where that is all: of `--diff`, and of source on stdin.

    Raises:
        UsageError: a file cannot be written, or LibCST is not installed.
    """
    shown = []
    changed = False
    unread: list[str] = []
    for path, before, done in _fixed(paths, options, config, unread):
        changed |= done.content != before
        if options.diff:
            shown.append(_diff(path, before, done.content))
        elif options.stdin_filename is not None:
            sys.stdout.buffer.write(done.content)
        elif done.content != before:
            try:
                Path(path).write_bytes(done.content)
            except OSError as error:
                raise UsageError(f"{path} cannot be written: {error.strerror}") from error
        if done.fixed and not options.diff:
            say(f"gradlint: {path}: {count(len(done.fixed), 'finding')} repaired")
        if done.unsafe:
            say(f"gradlint: {path}: {count(done.unsafe, 'more repair')} with --unsafe-fixes")
    if options.diff:
        if unread:
            say(*unread)
        return print_whole("\n".join(filter(None, shown)), FAILED if unread else FINDINGS if changed else OK)
    return None if options.stdin_filename is None else OK


def _fixed(
    paths: Sequence[str], options: Line, config: Config, unread: list[str]
) -> Iterator[tuple[str, bytes, Fixed]]:
    """Yields path, content and repaired content of each file; says of those that cannot be read why, a line each."""
    from gradlint.checking.source import source_rules
    from gradlint.fixing.fixes import fixed
    from gradlint.project.sources import files_of, is_meant

    said = options.settings.over(config.settings).options
    rules = source_rules(said.select, said.ignore)
    if options.stdin_filename is not None:
        read = [(options.stdin_filename, sys.stdin.buffer.read())]
    else:
        files = files_of(paths, config, options.exclude, is_strict=options.force_exclude)
        read = [(str(file), content) for file in files if (content := _content(file, unread)) is not None]
    for path, content in read:
        meant = partial(is_meant, path=path, config=config)
        yield path, content, fixed(content, path, rules, unsafe=options.unsafe_fixes, is_meant=meant)


def _content(file: Path, unread: list[str]) -> bytes | None:
    try:
        return content_of(file, LARGEST)
    except OSError as error:
        unread.append(f"gradlint: {file}: {error.strerror or error}")
        return None


def _diff(path: str, before: bytes, after: bytes) -> str:
    old, new = (content.decode("utf-8", "replace").splitlines() for content in (before, after))
    return "\n".join(unified_diff(old, new, path, path, lineterm=""))
