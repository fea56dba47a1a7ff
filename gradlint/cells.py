"""Lines of code as people know them: of a file, or of a cell in a notebook or at IPython's prompt."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PurePath

_NUMBERED = re.compile(r"ipython-input-(\d+)-")
"""What IPython calls a cell by itself, `<ipython-input-2-0f3…>`; Colab makes a file name of it."""
_OF_A_KERNEL = re.compile(r"^(ipykernel_\d+|ipython-input-\d+)")


def line_in_words(file: str, line: int | None) -> str:
    """`model.py:12`, or `cell In[2], line 12`, as IPython itself says it."""
    cell = cell_of(file)
    if line is None:
        return cell or file
    return f"{cell}, line {line}" if cell is not None else f"{file}:{line}"


def as_typed(file: Path) -> str:
    """The path as a user in the current folder would type it."""
    try:
        return os.path.relpath(file) if file.resolve().is_relative_to(Path.cwd().resolve()) else str(file)
    except (OSError, ValueError):
        return str(file)


def line_as_typed(file: str, line: int | None) -> str:
    """The same of a file below the current folder as a user there would type it."""
    return line_in_words(file if cell_of(file) else as_typed(Path(file)), line)


def cell_of(file: str) -> str | None:
    """`cell In[2]`, or `notebook cell` where the number is not to be had; None for what is in a file.

    A kernel names a cell by a hash, and only its compiler knows the numbers, from the last time that the cell ran.
    """
    if numbered := _NUMBERED.search(PurePath(file).name):
        return f"cell In[{numbered[1]}]"
    if not _is_named_by_a_kernel(PurePath(file)):
        return None
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    spoken = getattr(getattr(shell, "compile", None), "format_code_name", lambda file: None)(file)
    return f"cell {spoken[1]}" if spoken else "notebook cell"


def _is_named_by_a_kernel(path: PurePath) -> bool:
    """Whether nobody has this file: ipykernel names one in its own folder for temporary files, Colab beside it."""
    return bool(_OF_A_KERNEL.match(path.parent.name) or _OF_A_KERNEL.match(path.name))
