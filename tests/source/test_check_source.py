"""Files, notebooks, comments and the command line of the source lint."""

from __future__ import annotations

import gc
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steps_in_source import BAD

import gradlint
from gradlint.checking.source import check_text, source_rules
from gradlint.cli import main
from gradlint.errors import UsageError
from gradlint.source.reading import without_magics

SNIPPETS = sorted(Path(__file__).parent.joinpath("snippets").glob("*.txt"))


HOLDING_ONE_ANOTHER = """\
import tensorflow as tf, keras


class Net:
    def __init__(self, parts):
        self.parts = parts

    def step(self, model, x):
        with tf.GradientTape() as tape:
            for _ in range(3):
                self.parts = self.parts[0]
                self.rest = self.parts[1]
                self.parts = self.rest[0]
                x = self.parts(x)
        return tape.gradient(x, model.trainable_variables)


class Tree(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.left = Tree()
        self.one = self.other
        self.other = self.one

    def call(self, x):
        with tf.GradientTape() as tape:
            y = self.one * x
        self.optimizer.apply_gradients(zip([tape.gradient(y, self.one)], [self.one]))
        return y


class Holder:
    def __init__(self):
        self.tree = Tree()


class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.holder = Holder()
"""


def notebook(*cells: str) -> str:
    return json.dumps(
        {"cells": [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells], "nbformat": 4},
        indent=1,
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "step.py").write_text(BAD)
    return tmp_path


def codes(result: gradlint.Result) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.cause.line) for finding in result.findings]


class TestFiles:
    def test_a_file_and_its_column(self, project: Path) -> None:
        result = gradlint.check_source("step.py")
        assert codes(result) == [("GL603", 5)]
        assert result.findings[0].cause.file == "step.py"
        assert result.findings[0].evidence["column"] == 13
        assert not result.ok

    def test_folders_are_searched_without_what_is_ignored(self, project: Path) -> None:
        for name in ("src/a.py", "src/out/b.py", "venv/c.py", "src/keep/d.py", "src/gen_e.py"):
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(BAD)
        (project / ".gitignore").write_text("out/\ngen_*\n")
        found = gradlint.check_source(".", exclude=["keep"])
        assert [finding.cause.file for finding in found.findings] == ["src/a.py", "step.py"]

    def test_rules_are_selected(self, project: Path) -> None:
        assert gradlint.check_source("step.py", ignore=["predict-in-tape"]).ok
        assert gradlint.check_source("step.py", select=["GL601"]).ok
        with pytest.raises(UsageError, match="no rule is called"):
            gradlint.check_source("step.py", select=["GL699"])
        with pytest.raises(UsageError, match="does not exist"):
            gradlint.check_source("nothing.py")

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            (b"def f(:\n", "step.py:1: "),
            (b"# coding: nonsense\n", "step.py: unknown encoding"),
            (b"x = '\xff'  # GradientTape\n", "step.py: "),
            (b"\0", "null"),
            (b"x = " + b"(" * 5000 + b")" * 5000 + b" # GradientTape", "step.py"),
        ],
    )
    def test_a_broken_file_is_one_line_and_the_rest_is_checked(self, project: Path, content: bytes, line: str) -> None:
        (project / "step.py").write_bytes(content)
        (project / "other.py").write_text(BAD)
        result = gradlint.check_source(["step.py", "other.py"])
        assert codes(result) == [("GL603", 5)]
        assert len(result.notes) == 1
        assert line in result.notes[0]
        assert "\n" not in result.notes[0]

    def test_encodings_are_respected(self, project: Path) -> None:
        (project / "step.py").write_bytes(b"# coding: latin-1\n# \xe9\n" + BAD.encode())
        assert codes(gradlint.check_source("step.py")) == [("GL603", 7)]

    def test_long_chains_are_no_trouble(self) -> None:
        text = f"{BAD}\nx = {' + '.join(['1'] * 2000)}\n" + "y = [1, 2]\n" * 3000
        assert [finding.code for finding in check_text(text, "big.py").findings] == ["GL603"]

    def test_a_generated_file_of_many_lines(self, project: Path) -> None:
        rows = "    x = y\n    y = x\n" * 25_000
        text = f"def forward(x, y):\n{rows}    return y\n\n\n{BAD}"
        (project / "step.py").write_text(text)
        result = gradlint.check_source("step.py")
        assert [code for code, _ in codes(result)] == ["GL603"]
        assert result.unread == ()

    @pytest.mark.parametrize("depth", [30, 3000])
    def test_deep_nesting_hides_nothing_else(self, project: Path, depth: int) -> None:
        nested = "".join(f"{' ' * level}if x:\n" for level in range(min(depth, 90))) + " " * min(depth, 90) + "pass\n"
        chain = f"y = {'f(' * depth}x{')' * depth}\n"
        (project / "deep.py").write_text(f"x = 1\n{nested}{chain}{BAD}")
        result = gradlint.check_source(["deep.py", "step.py"])
        assert ("GL603", 5) in codes(result)
        assert len(result.unread) == (0 if depth == 30 else 1)

    def test_a_file_leaves_no_circles_behind(self) -> None:
        check_text(BAD, "step.py")
        gc.collect()
        gc.disable()
        try:
            check_text(BAD, "step.py")
            assert gc.collect() == 0
        finally:
            gc.enable()

    def test_objects_that_hold_one_another_are_no_trouble(self) -> None:
        report = check_text(HOLDING_ONE_ANOTHER, "step.py")
        assert (report.findings, report.broken, report.crashed) == ((), (), ())


class TestNotebooks:
    def test_findings_stand_in_their_cell(self, project: Path) -> None:
        (project / "n.ipynb").write_text(notebook("%matplotlib inline\n!ls\nimport tensorflow as tf", BAD))
        result = gradlint.check_source("n.ipynb")
        assert [finding.code for finding in result.findings] == ["GL603"]
        evidence = result.findings[0].evidence
        assert (evidence["cell"], evidence["cell_line"]) == (2, 5)
        line = (project / "n.ipynb").read_text().splitlines()[(result.findings[0].cause.line or 0) - 1]
        assert "model.predict" in line

    def test_reports_for_people_name_the_cell_and_quote_its_line(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """They named the line of the file, which is its only one where it has no line ends, and quoted nothing."""
        book = notebook("%matplotlib inline\nimport tensorflow as tf", BAD)
        (project / "n.ipynb").write_text(json.dumps(json.loads(book)))
        assert main(["n.ipynb"]) == 1
        said = capsys.readouterr().out
        assert "n.ipynb, cell 2, line 5\n" in said
        assert "> " in said
        assert "model.predict" in said
        assert main(["n.ipynb", "--format", "concise"]) == 1
        assert capsys.readouterr().out.startswith("n.ipynb:cell 2:5:")

    def test_messages_count_lines_as_their_cells_do(self, project: Path) -> None:
        """They counted those of all cells together."""
        head = "import tensorflow as tf\nimport keras\nmodel = keras.Sequential([keras.layers.Dense(1)])"
        ask = "slopes = tape.gradient(loss, model.trainable_variables)"
        before = f"p = model(x)\nwith tf.GradientTape() as tape:\n    loss = tf.reduce_mean(p)\n{ask}"
        (project / "n.ipynb").write_text(notebook(head, before))
        (finding,) = gradlint.check_source("n.ipynb").findings
        assert finding.message.startswith("the model is called before the tape of line 2 opens")
        opened = "with tf.GradientTape() as tape:\n    p = model(x)"
        (project / "n.ipynb").write_text(notebook(head, opened, f"loss = tf.reduce_mean(p)\n{ask}"))
        (finding,) = gradlint.check_source("n.ipynb").findings
        assert "after the block of the tape of cell 2, line 1 has ended" in finding.message

    def test_a_broken_cell_does_not_hide_the_others(self, project: Path) -> None:
        (project / "n.ipynb").write_text(notebook("def f(:", BAD))
        result = gradlint.check_source("n.ipynb")
        assert len(result.findings) == 1
        assert "cell 1" in result.notes[0]

    def test_a_cell_that_is_indented_as_a_whole(self, project: Path) -> None:
        indented = "\n" + "".join(f"  {line}" for line in BAD.splitlines(keepends=True))
        Path("whole.ipynb").write_text(notebook("x = 1\n", indented))
        found = gradlint.check_source("whole.ipynb")
        assert [finding.code for finding in found.findings] == ["GL603"]
        assert found.findings[0].evidence["cell"] == 2
        assert found.findings[0].evidence["cell_line"] == 6

    @pytest.mark.parametrize("content", ["", "[]", "{}", "{", '{"cells": 3}'])
    def test_no_notebook(self, project: Path, content: str) -> None:
        (project / "n.ipynb").write_text(content)
        assert "no notebook" in gradlint.check_source("n.ipynb").notes[0]

    @pytest.mark.parametrize(
        ("cell", "plain"),
        [
            ("x = 7\n%time f()\ny", "x = 7\n\ny"),
            ("files = !ls\nf?", "files = None\n"),
            ("%%bash\necho 1", "\n"),
            ("%%time\nx = 1", "\nx = 1"),
            ("%%backend tensorflow\nimport tensorflow as tf", "\nimport tensorflow as tf"),
            ("%%unknown\nSELECT *\nFROM t", "\n\n"),
            ("%%writefile x.py\nx = 1", "\n"),
            ("a = (7\n  % 3)", "a = (7\n  % 3)"),
            ("if x:\n    !ls", "if x:\n    pass"),
        ],
    )
    def test_magics(self, cell: str, plain: str) -> None:
        assert without_magics(cell) == plain


class TestComments:
    @pytest.mark.parametrize("comment", ["ignore[GL603]", "ignore[predict-in-tape, GL601]", "ignore", "ignore[GL6]"])
    def test_a_line_is_ignored(self, comment: str) -> None:
        text = BAD.replace("model.predict(x)", f"model.predict(x)  # gradlint: {comment}")
        report = check_text(text, "step.py")
        assert (report.findings, report.unused, report.ignored) == ((), (), 1)

    def test_a_statement_over_several_lines(self) -> None:
        text = BAD.replace("model.predict(x)", "model.predict(\n            x\n        )  # gradlint: ignore[GL603]")
        assert check_text(text, "step.py").findings == ()

    def test_a_file_is_ignored(self) -> None:
        assert check_text(f"# gradlint: ignore-file[GL603]\n{BAD}", "step.py").findings == ()

    def test_what_fits_nothing_is_reported(self) -> None:
        report = check_text(f"x = 1  # gradlint: ignore[GL603]\n{BAD}", "step.py")
        assert len(report.findings) == 1
        assert report.unused == ("step.py:1: `# gradlint: ignore[GL603]` fits no finding; remove it",)
        assert "no rule is called" in check_text("x = 1  # gradlint: ignore[GL699]\n", "step.py").unused[0]

    def test_the_rule_that_speaks_there_is_named(self) -> None:
        text = BAD.replace("model.predict(x)", "model.predict(x)  # gradlint: ignore[GL601]")
        assert "fits no finding; did you mean GL603? If not, remove it" in check_text(text, "step.py").unused[0]

    @pytest.mark.parametrize("comment", ["ignore", "ignore[GL6]", "ignore[GL603, GL601]", "ignore[GL601]"])
    def test_what_was_not_looked_for_is_not_missed(self, comment: str) -> None:
        text = BAD.replace("model.predict(x)", f"model.predict(x)  # gradlint: {comment}")
        assert check_text(text, "step.py", source_rules(["GL604"])).unused == ()
        assert bool(check_text(text, "step.py", source_rules(["GL601"])).unused) == (comment == "ignore[GL601]")

    def test_text_in_a_string_is_no_comment(self) -> None:
        assert check_text("x = '# gradlint: ignore'\n", "step.py").unused == ()


class TestCommandLine:
    def test_findings_are_status_1(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["step.py", "--format", "concise"]) == 1
        assert "step.py:5:13: GL603" in capsys.readouterr().out

    def test_sarif_has_the_line(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["step.py", "--format", "sarif"]) == 1
        place = json.loads(capsys.readouterr().out)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] == 5

    def test_stdin(self, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
        assert main(["--stdin-filename", "train.py", "-", "--format", "concise"]) == 1
        assert "train.py:5:13: GL603" in capsys.readouterr().out

    def test_a_broken_file_is_status_2(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (project / "broken.py").write_text("def f(:\n")
        assert main(["broken.py", "step.py", "--format", "concise"]) == 2
        captured = capsys.readouterr()
        assert "step.py:5:13: GL603" in captured.out
        assert captured.err.count("\n") == 1

    def test_several_paths_and_options(self, project: Path) -> None:
        (project / "src").mkdir()
        (project / "src" / "a.py").write_text("x = 1\n")
        (project / "b.py").write_text("x = 1\n")
        assert main(["step.py", "src", "b.py", "--ignore", "GL603"]) == 0

    def test_tensorflow_is_not_imported(self, project: Path) -> None:
        code = "import sys, gradlint; gradlint.check_source('step.py'); print('tensorflow' in sys.modules)"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout == "False\n"


def lines_of_snippets() -> list[str]:
    return [line for path in SNIPPETS for line in path.read_text(encoding="utf-8").splitlines() if "===" not in line]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_a_rule(data: st.DataObject) -> None:
    lines = lines_of_snippets()
    start = data.draw(st.integers(0, len(lines) - 40))
    chosen = lines[start : start + 40]
    for _ in range(data.draw(st.integers(0, 6))):
        where = data.draw(st.integers(0, len(chosen) - 1))
        match data.draw(st.sampled_from(["drop", "repeat", "swap", "other"])):
            case "drop":
                chosen[where] = "pass"
            case "repeat":
                chosen.insert(where, chosen[where])
            case "swap":
                chosen[where], chosen[0] = chosen[0], chosen[where]
            case _:
                chosen[where] = data.draw(st.sampled_from(lines))
    report = check_text("import numpy as np, tensorflow as tf, keras\n" + "\n".join(chosen), "x.py")
    assert not report.crashed


def test_without_a_finding_the_closing_line_says_what_was_looked_at(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import keras\nmodel = keras.Sequential()\n", encoding="utf-8")
    said = " ".join(str(gradlint.check_source(tmp_path)).split())
    assert "No finding in 1 source file: tapes, optimizers and training steps are read, and nothing is run" in said


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("GL628", "def f(x):\n    a = tf.TensorArray(tf.float32, 1)\n    a.write(0, x)\n    return a.stack()\n"),
        ("GL623", "class C:\n    def __init__(self):\n        self.n = 0\n\n    @tf.function\n    def f(self, x):\n"
                  "        self.n += 1\n        return x * self.n\n"),
    ],
)  # fmt: skip
def test_files_without_a_tape_are_read(code: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "without.py"
    file.write_text("import tensorflow as tf\n\n\n" + text)
    assert [finding.code for finding in gradlint.check_source(file).findings] == [code]
