"""Whether importing a file would train a model."""

from __future__ import annotations

import pytest

from gradlint.checking.scripts import overwrites_when_imported, trains_when_imported

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


SAVES = 'model.fit(x)\nmodel.save("models/buyer.keras")\n'


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (SAVES, (2, "buyer.keras")),
        ('np.savez(os.path.join(HERE, "buyer.npz"), x=x)\n', (1, "buyer.npz")),
        (SAVES.replace("buyer", "other"), None),
        ('if __name__ == "__main__":\n    model.save("buyer.keras")\n', None),
        ('model = load_model("buyer.keras")\n', None),
    ],
)
def test_a_script_that_would_write_over_what_is_checked(tmp_path, code, found) -> None:
    (tmp_path / "train.py").write_text(code)
    assert overwrites_when_imported(str(tmp_path / "train.py"), ["buyer.keras", "buyer.npz"]) == found
