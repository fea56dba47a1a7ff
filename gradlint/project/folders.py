"""Which folders of the user this process may import from, and which it must not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.load import search

if TYPE_CHECKING:
    from gradlint.project.config import Config

FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def leave_folders(config: Config, model: str | None, *, is_named: bool) -> None:
    """Import nothing from the current folder, the configuration's and the models', until a module is named.

    What the configuration names is looked for beside it; only the command line names what is in the current folder.

    Args:
        config: the configuration; without a file, it is of the current folder.
        model: what the command line names, if anything.
        is_named: the command line names modules to import.
    """
    here = Path.cwd()
    is_factory = model is not None and FACTORY.fullmatch(model) is not None and config.target(model) is None
    search.use([here, config.folder] if is_named or is_factory else [config.folder])
    models = [target.model for target in config.targets] + ([model] if model is not None else [])
    search.close([here, config.folder, *(Path(name).parent for name in models if not FACTORY.fullmatch(name))])
