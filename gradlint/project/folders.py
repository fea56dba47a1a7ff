"""Which folders of the user this process may import from, and which it must not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.load import search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.project.config import Config


def leave_folders(config: Config, names: Sequence[str], *, is_named: bool) -> None:
    """Import nothing from the current folder, the configuration's and the models', until a module is named.

    What the configuration names is looked for beside it; only the command line names what is in the current folder.

    Args:
        config: the configuration; without a file, it is of the current folder.
        names: the model and the sample that the command line names, if any.
        is_named: the command line names modules to import.
    """
    here = Path.cwd()
    own = [name for name in names if config.target(name) is None]
    search.use([here, config.folder] if is_named or any(map(search.NAMED.fullmatch, own)) else [config.folder])
    files = [
        name for name in (*(target.model for target in config.targets), *names) if not search.NAMED.fullmatch(name)
    ]
    search.close([here, config.folder, *(Path(name).parent for name in files)])
