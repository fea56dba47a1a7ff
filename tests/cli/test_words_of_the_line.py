"""Words and options of the command line that mean nothing where they stand: each is refused or named."""

from __future__ import annotations

import pytest

from gradlint.cli import main

SOURCE = """
import tensorflow as tf

def step(model, x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x))
    return tape.gradient(loss, model.trainable_variables)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_settings_of_runs_are_named_where_source_alone_is_checked(folder, capsys):
    assert main(["train.py", "--batch", "3", "--seed", "4", "--loss", "mse"]) == 0
    said = capsys.readouterr().err
    assert "has no use for --seed, --batch, --loss; gradlint train.py:FUNCTION runs a function of it" in said
    assert main(["train.py", "--select", "GL6", "--fail-on", "warning"]) == 0
    assert "no use" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--graph", "--compare"])
def test_what_only_a_run_can_give_is_refused_for_source(folder, capsys, option):
    assert main(["train.py", option, "other.svg"]) == 2
    assert f"{option} needs something to run, and source is read alone" in capsys.readouterr().err


def test_source_alone_is_split_into_parts(folder, capsys):
    for part in ("1/2", "2/2"):
        assert main(["train.py", "--shard", part, "--output", f"p{part[0]}.json"]) == 0
    assert "no target falls to this part" in capsys.readouterr().err
    assert main(["merge", "p1.json", "p2.json"]) == 0
    assert "1 target: 1 without findings" in capsys.readouterr().out
    assert main(["train.py", "--shard", "1/2", "--output", "p.html"]) == 0
    assert "p.html is no part that gradlint merge joins: these are JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-", "source on stdin needs the name of its file: gradlint --stdin-filename FILE.py -"),
        ("check model.keras", "there is no command 'check': leave it out, gradlint model.keras"),
        ("lint train.py", "there is no command 'lint': leave it out, gradlint train.py"),
        ("model.keras train.py --compare b.keras", "--compare is for one model or training step; name it alone."),
    ],
)
def test_words_that_name_nothing(folder, capsys, words, said):
    assert main(words.split()) == 2
    assert said in capsys.readouterr().err


def test_a_changed_file_that_is_not_there_is_named(folder, capsys):
    assert main(["--changed", "trian.py"]) == 0
    assert "there is no file trian.py; did you mean train.py?" in capsys.readouterr().err


def test_a_baseline_of_a_name_much_like_it_is_named(folder, capsys):
    (folder / "gradlint-baseline.json").write_text("{}")
    assert main(["train.py", "--baseline", "gradlint-basline.json"]) == 2
    assert "there is no baseline gradlint-basline.json; did you mean gradlint-baseline.json?" in capsys.readouterr().err
