"""Repairs of source: the finding is gone, nothing new is there, and what need not change stays as it is."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlint.checking.source import check_text, source_rules
from gradlint.cli import main
from gradlint.fixing.fixes import FIXABLE, Fixed, fixed

pytest.importorskip("libcst")

FOLDER = Path(__file__).parents[1] / "source" / "snippets"
PRELUDE = "import numpy as np, tensorflow as tf, keras\n"
SNIPPETS = [
    text if re.search("^(import|from) ", text, re.MULTILINE) else PRELUDE + text
    for path in sorted(FOLDER.glob("*.txt"))
    for part in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    for text in [part.partition("\n")[2]]
]
HEAD = """\
import tensorflow as tf

def step(model, opt, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x) - y)
    g = tape.gradient(loss, model.trainable_variables)
"""
CASES = {
    "pairs": (
        HEAD + "    opt.apply_gradients(g, model.trainable_variables)  # why\n",
        HEAD + "    opt.apply_gradients(zip(g, model.trainable_variables))  # why\n",
    ),
    "a zip read twice": (
        HEAD + "    pairs = zip(g,  model.trainable_variables)\n    for a, b in pairs:\n        print(a)\n"
        "    opt.apply_gradients(pairs)\n",
        HEAD + "    pairs = list(zip(g,  model.trainable_variables))\n    for a, b in pairs:\n        print(a)\n"
        "    opt.apply_gradients(pairs)\n",
    ),
    "a tape asked twice": (
        HEAD + "    h = tape.gradient(loss, x)\n    return g, h\n",
        HEAD.replace("Tape()", "Tape(persistent=True)") + "    h = tape.gradient(loss, x)\n    return g, h\n",
    ),
    "predict": (
        HEAD.replace("model(x) - y", "model.predict(x, verbose=0) - y") + "    return g\n",
        HEAD.replace("model(x) - y", "model(x, training=True) - y") + "    return g\n",
    ),
    "a call before the block": (
        HEAD.replace("    with", "\n    # forward\n    p = model(x)  # here\n    with").replace(
            "(model(x) - y)", "(p - y)"
        )
        + "    return g\n",
        HEAD.replace("    with", "\n    # forward\n    with")
        .replace("as tape:\n", "as tape:\n        p = model(x)  # here\n")
        .replace("(model(x) - y)", "(p - y)")
        + "    return g\n",
    ),
}
CASES |= {
    "pairs over several lines": (
        HEAD + "    opt.apply_gradients(\n        g,  # new\n        model.trainable_variables,  # all\n    )\n",
        HEAD + "    opt.apply_gradients(\n        zip(g,  # new\n        model.trainable_variables),  # all\n    )\n",
    ),
    "predict over several lines": (
        HEAD.replace(
            "model(x) - y", "model.predict(\n            x,  # all\n            verbose=0,  # quiet\n        )"
        )
        + "    return g\n",
        HEAD.replace("model(x) - y", "model(\n            x,  # all\n            training=True,  # quiet\n        )")
        + "    return g\n",
    ),
}
UNSAFE = HEAD.replace("loss =", "p = model.predict(x)\n        q = p[:, 0]\n        loss =").replace(
    "model(x) -", "q -"
)


def repaired(text: str, *, unsafe: bool = False) -> Fixed:
    return fixed(text.encode(), "step.py", source_rules(), unsafe=unsafe, is_meant=lambda _: False)


def codes(text: str) -> Counter[str]:
    return Counter(finding.code for finding in check_text(text, "step.py").findings)


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_only_what_is_wrong_changes(before: str, after: str) -> None:
    found = repaired(before)
    assert found.content.decode() == after
    assert len(found.fixed) == 1
    assert not codes(after)


def test_a_comment_on_what_goes_is_not_lost_unasked() -> None:
    text = HEAD.replace("model(x) - y", "model.predict(\n x,\n batch_size=8,  # too large else\n verbose=0)")
    assert repaired(text).content.decode() == text
    assert "training=True" in repaired(text, unsafe=True).content.decode()


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize("text", SNIPPETS)
def test_a_repaired_finding_is_gone_and_none_is_new(text: str, unsafe: bool) -> None:
    before = codes(text)
    found = repaired(text, unsafe=unsafe)
    after = codes(found.content.decode())
    assert after <= before
    assert sum(before.values()) - sum(after.values()) >= len(found.fixed)
    assert (found.content == text.encode()) == (not found.fixed)
    assert not repaired(found.content.decode(), unsafe=unsafe).fixed


def test_most_findings_of_the_rules_with_repairs_have_one() -> None:
    found = [repaired(text, unsafe=True) for text in SNIPPETS]
    assert {finding.code for each in found for finding in each.fixed} == FIXABLE


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_nothing_that_is_mutated_gets_worse(data: st.DataObject) -> None:
    text, _ = data.draw(st.sampled_from(list(CASES.values())))
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(2, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "repeat", "swap", "indent"])):
            case "drop":
                lines[where] = "    pass"
            case "repeat":
                lines.insert(where, lines[where])
            case "swap":
                lines[where], lines[-1] = lines[-1], lines[where]
            case _:
                lines[where] = f"    {lines[where]}"
    text = "\n".join(lines) + "\n"
    found = repaired(text, unsafe=True)
    assert codes(found.content.decode()) <= codes(text)


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_encodings_and_ends_of_lines_stay(newline: str) -> None:
    before, after = (f"# coding: latin-1\n# \xe9\n{each}".replace("\n", newline) for each in CASES["pairs"])
    found = fixed(before.encode("latin-1"), "step.py", source_rules(), unsafe=False, is_meant=lambda _: False)
    assert found.content == after.encode("latin-1")


class TestCommandLine:
    @pytest.fixture
    def file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "step.py").write_text(CASES["pairs"][0])
        return tmp_path / "step.py"

    def test_fix_writes_and_reports_what_is_left(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["step.py", "--fix"]) == 0
        assert file.read_text() == CASES["pairs"][1]
        assert "step.py: 1 finding repaired" in capsys.readouterr().err

    def test_diff_writes_nothing(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["step.py", "--diff"]) == 1
        assert file.read_text() == CASES["pairs"][0]
        assert "+    opt.apply_gradients(zip(g, model.trainable_variables))  # why" in capsys.readouterr().out
        assert main(["step.py", "--diff", "--ignore", "GL614"]) == 0

    def test_what_may_change_more_is_asked_for(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.write_text(UNSAFE)
        assert main(["step.py", "--fix", "--format", "concise"]) == 1
        assert file.read_text() == UNSAFE
        assert "1 more repair with --unsafe-fixes" in capsys.readouterr().err
        main(["step.py", "--fix", "--unsafe-fixes"])
        assert "model(x, training=True)" in file.read_text()

    def test_what_is_meant_stays(self, file: Path) -> None:
        Path("gradlint.toml").write_text('[per-file-ignores]\n"step.py" = ["GL614"]\n')
        assert main(["step.py", "--diff"]) == 0

    def test_stdin(self, file: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CASES["pairs"][0].encode())))
        assert main(["--stdin-filename", "step.py", "--diff", "-"]) == 1
        assert "+    opt.apply_gradients(zip(" in capfd.readouterr().out

    def test_without_libcst(
        self, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(sys.modules, "gradlint.fixing.repairs", raising=False)
        monkeypatch.setitem(sys.modules, "libcst", None)
        assert main(["step.py", "--fix"]) == 2
        assert "install keras-gradlint with the extra 'fix'" in capsys.readouterr().err
