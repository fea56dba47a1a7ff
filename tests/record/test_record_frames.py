"""Which line is the user's: files decide, and not what is in them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import keras

from gradlint.record import source

if TYPE_CHECKING:
    from pathlib import Path

CODE = "def run(call):\n    return call()\n"


def test_equal_code_of_two_files_is_told_apart(tmp_path: Path) -> None:
    own = str(tmp_path / "layers.py")
    found = []
    for file in (keras.__file__, own):
        names: dict[str, object] = {}
        exec(compile(CODE, file, "exec"), names)
        run = names["run"]
        assert callable(run)
        found.append(run(lambda: source.user_frame(inspect.currentframe().f_back, __file__)))  # type: ignore[union-attr]
    assert found == [(None, None), (own, 2)]
