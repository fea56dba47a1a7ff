"""Which of the loaded files whoever called the check has at hand: what was made for it was made in one of them.

Under pytest, every test of a project is loaded, and most of them write the same keys and names.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING

from gradlint.upstream.libraries import file_of, is_library_file

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_ITEMS = 200
"""Of a longer container, only the first items are looked at."""
DEPTH = 3
"""How many containers and objects deep."""


def files_at_hand() -> frozenset[str] | None:
    """The user's files that the callers of this check, or what their names stand for, come from.

    None where no code of the user's called: the command line has imported nothing but what it was told to.
    """
    frame, callers = inspect.currentframe(), []
    while frame is not None:
        if not is_library_file(frame.f_code.co_filename):
            callers.append(frame)
        frame = frame.f_back
    if not callers:
        return None
    # A fixture of pytest's comes from no name that its test has.
    files = {file for file in map(file_of, list(sys.modules.values())) if file and file.endswith("conftest.py")}
    pending: list[ModuleType] = []
    for caller in callers:
        files.add(caller.f_code.co_filename)
        for value in (*caller.f_globals.values(), *caller.f_locals.values()):
            pending += _modules(value, DEPTH)
    seen: set[str] = set()
    while pending:
        module = pending.pop()
        file = file_of(module)
        if file is None or module.__name__ in seen or is_library_file(file):
            continue
        seen.add(module.__name__)
        files.add(file)
        for value in list(vars(module).values()):
            pending += _modules(value, DEPTH)
    return frozenset(files)


def _modules(value: object, depth: int) -> Iterator[ModuleType]:
    """The modules that an object, or what it holds, comes from."""
    if isinstance(value, ModuleType):
        yield value
        return
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        for item in list(value.values() if isinstance(value, Mapping) else value)[: MOST_ITEMS * bool(depth)]:
            yield from _modules(item, depth - 1)
        return
    name = getattr(value, "__module__", None) or type(value).__module__
    module = sys.modules.get(name) if isinstance(name, str) else None
    if module is None or is_library_file(file_of(module) or ""):
        return
    yield module
    if depth and not isinstance(value, type) and isinstance(getattr(value, "__dict__", None), dict):
        yield from _modules(vars(value), depth - 1)
