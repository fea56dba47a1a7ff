"""Which line is the user's: files decide, and not what is in them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import keras
from recorded import normal, recorded

from gradlint.record import source

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

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


def _most_frames_at_an_operation(depth: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many frames are looked at, at most, to say which line an operation is of, in models within models."""
    looks, counts = [0], []
    is_of_library, user_frame = source._is_of_library, source.user_frame

    def counting(file: str) -> bool:
        looks[0] += 1
        return is_of_library(file)

    def counted(*args: object) -> object:
        looks[0] = 0
        found = user_frame(*args)  # type: ignore[arg-type]
        counts.append(looks[0])
        return found

    monkeypatch.setattr(source, "_is_of_library", counting)
    monkeypatch.setattr(source, "user_frame", counted)
    part: keras.Layer = keras.layers.Dense(2)
    for _ in range(depth):
        x = keras.Input((3,))
        part = keras.Model(x, part(x))
    x = keras.Input((3,), name="x")
    model = keras.Model({"x": x}, part(x))
    model.compile("sgd", "mse")
    recorded(model, {"x": normal(4, 3), "y": normal(4, 2)})
    monkeypatch.undo()
    return max(counts)


def test_models_within_models_are_no_longer_way_to_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _most_frames_at_an_operation(8, monkeypatch) == _most_frames_at_an_operation(1, monkeypatch) > 0
