"""Whether importing a file would train a model."""

from __future__ import annotations

import pytest

from gradlint.checking.scripts import trains_when_imported

FUNCTION = "def train(model):\n    model.fit(x)\n"
GUARDED = 'if __name__ == "__main__":\n    model.fit(x)\n'
LOOPED = "x = 1\nfor batch in data:\n    optimizer.apply_gradients(batch)\n"


@pytest.mark.parametrize(
    ("code", "line"),
    [("model.fit(x)\n", 1), (LOOPED, 3), (FUNCTION, None), (GUARDED, None), ("scaler = fit\n", None), ("(", None)],
)
def test_training_at_the_top_of_a_file_is_seen_and_elsewhere_is_not(tmp_path, code, line) -> None:
    (tmp_path / "train.py").write_text(code)
    assert trains_when_imported(str(tmp_path / "train.py")) == line


def test_what_does_not_exist_trains_nothing() -> None:
    assert trains_when_imported("no_such_module_anywhere") is None
