"""`gradlint merge`: one report of the parts of a run, the same as that of the whole run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.cli.several import refuse_early_for_several, told, with_own_file
from gradlint.errors import UsageError
from gradlint.load.files import content_of
from gradlint.project.child import ANSWER_BYTES
from gradlint.project.parts import joined, part_from
from gradlint.project.wire import MalformedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.cli.parser import Line
    from gradlint.project.parts import Run


def merge(files: Sequence[str], options: Line) -> int:
    """Print or write one report of what `--shard` wrote to these files; gives the exit status.

    Raises:
        UsageError: a file is no part, or the parts are not those of one run.
    """
    if not files:
        raise UsageError("gradlint merge needs the files that gradlint --shard K/N --format json wrote.")
    if options.shard is not None or options.write_baseline:
        raise UsageError("gradlint merge makes a report; --shard and --write-baseline belong to the checks.")
    refuse_early_for_several(options)
    run = joined([_read(file) for file in files])
    if run.source is not None:
        with_own_file(run.source, options)
    return told(replace(run, outcomes=tuple(with_own_file(done, options) for done in run.outcomes)), options)


def _read(file: str) -> Run:
    try:
        return part_from(content_of(Path(file), ANSWER_BYTES).decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except (MalformedError, UsageError) as error:
        raise UsageError(f"{file} is no part of a run: {error}.") from error
