"""The command line, with a stand-in for `check()`: arguments, exit status, what goes where."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import networkx as nx
import pytest

import gradlint.checking  # noqa: F401 - keeps the real catalogue, whatever stands in later
from gradlint import cli, rules
from gradlint.errors import ModelFileError
from gradlint.finding import Finding, Severity
from gradlint.load.limits import Limits
from gradlint.result import LateGraph, Result, SkippedRule
from gradlint.rule import SECTIONS, Rule
from gradlint.severity import Consequence
from gradlint.thresholds import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

ERROR = Finding("GL101", "disconnected-input", Severity.ERROR, "No path leads from 'b' to the loss.", ("b",))
WARNING = Finding("GL201", "zero-gradient", Severity.WARNING, "Zero from Mul on.")


def rule(code: str, name: str) -> Rule:
    doc = "\n".join(f"## {title}\n\nText of {title}. And more.\n" for title in SECTIONS)
    return Rule(code, name, Consequence.BRANCH, f"Mend the {name}.", doc, lambda facts: ())


def result(*findings: Finding, **parts: object) -> Result:
    return Result("m.keras", "m: 1 layer", "s.npz", "mse", "values", findings, **parts)


@pytest.fixture(autouse=True)
def stand_in_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = (
        rule("GL101", "disconnected-input"),
        rule("GL103", "nondifferentiable-op"),
        rule("GL201", "zero-gradient"),
    )
    monkeypatch.setattr(rules, "ALL_RULES", catalogue)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Callable[..., Result]], list]:
    """Put a stand-in in the place of `gradlint.checking.check`; gives the list of calls to come."""

    def install(answer: Callable[..., Result]) -> list:
        seen: list = []

        def check(model: str, sample: str | None = None, **options: object) -> Result:
            seen.append((model, sample, options))
            return answer(**options)

        monkeypatch.setattr("gradlint.checking.check", check)
        # What a stand-in answers must not be kept for others.
        monkeypatch.setattr("gradlint.project.answers.default_folder", lambda: tmp_path / "answers")
        return seen

    return install


class TestExitStatus:
    @pytest.mark.parametrize(
        ("findings", "fail_on", "status"),
        [
            ((), "error", 0),
            ((WARNING,), "error", 0),
            ((WARNING,), "warning", 1),
            ((ERROR, WARNING), "error", 1),
            ((ERROR,), "never", 0),
        ],
    )
    def test_follows_fail_on(self, calls, findings, fail_on, status) -> None:
        calls(lambda fail_on, **_: result(*findings, fail_on=fail_on))
        assert cli.main(["m.keras", "s.npz", "--fail-on", fail_on]) == status

    def test_two_for_a_rule_that_crashed_whatever_the_others_found(self, calls, capsys) -> None:
        calls(lambda **_: result(ERROR, crashed=(SkippedRule("GL303", "KeyError: 'x'"),)))
        assert cli.main(["m.keras"]) == 2
        assert "GL303 crashed: KeyError: 'x'" in capsys.readouterr().out

    def test_findings_go_to_stdout_and_nothing_to_stderr(self, calls, capsys) -> None:
        calls(lambda **_: result(ERROR))
        cli.main(["m.keras"])
        out, err = capsys.readouterr()
        assert "GL101" in out
        assert out.endswith("to the loss\nexit status 1\n")
        assert err == ""

    def test_two_for_what_could_not_run(self, calls, capsys) -> None:
        def fail(**_: object) -> Result:
            raise ModelFileError("m\x1b\n.keras is not a zip archive.", "Save it again.")

        calls(fail)
        assert cli.main(["m.keras"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err == "gradlint: m\\x1b\\n.keras is not a zip archive.\nSave it again.\n"

    def test_two_for_want_of_memory(self, calls, capsys) -> None:
        def fail(**_: object) -> Result:
            raise MemoryError("Unable to allocate 1.07 GiB for an array")

        calls(fail)
        assert cli.main(["m.keras", "--limit", "memory=1GB"]) == 2
        err = capsys.readouterr().err
        assert err.startswith("gradlint: out of memory while starting: 1.0 GB was allowed; ")
        assert "internal error" not in err

    def test_two_for_a_bug_of_gradlint_with_a_traceback_only_on_demand(self, calls, capsys) -> None:
        calls(lambda **_: 1 / 0)
        assert cli.main(["m.keras"]) == 2
        err = capsys.readouterr().err
        assert "internal error: ZeroDivisionError: division by zero" in err
        assert "--debug" in err
        assert "Traceback" not in err
        assert cli.main(["m.keras", "--debug"]) == 2
        assert "Traceback" in capsys.readouterr().err

    def test_130_for_an_interrupt(self, calls, capsys) -> None:
        def interrupt(**_: object) -> Result:
            raise KeyboardInterrupt

        calls(interrupt)
        assert cli.main(["m.keras"]) == 130
        assert capsys.readouterr().err == "gradlint: interrupted\n"

    @pytest.mark.parametrize("is_cause", [True, False], ids=["wraps", "meets while it unwinds"])
    def test_130_for_an_interrupt_that_python(self, is_cause: bool, calls, capsys) -> None:
        def interrupt(**_: object) -> Result:
            try:
                raise KeyboardInterrupt
            except KeyboardInterrupt as stop:
                raise RuntimeError("Error calling __set_name__") from stop if is_cause else None

        calls(interrupt)
        assert cli.main(["m.keras"]) == 130
        assert capsys.readouterr().err == "gradlint: interrupted\n"

    def test_a_model_that_calls_exit_is_not_a_clean_model(self, calls, capsys) -> None:
        calls(lambda **_: sys.exit(0))
        assert cli.main(["m.keras", "--import", "train.py"]) == 2
        assert "ended the program" in capsys.readouterr().err

    def test_no_arguments(self, capsys) -> None:
        assert cli.main([]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("usage: gradlint MODEL [SAMPLE] [options]\n")


class TestArguments:
    def test_defaults(self, calls) -> None:
        seen = calls(lambda **_: result())
        cli.main(["m.keras"])
        ((model, sample, options),) = seen
        assert (model, sample) == ("m.keras", None)
        assert callable(options.pop("progress"))
        assert options == {
            "loss": None, "depth": "values", "mode": "training", "seed": 0, "probes": 3, "targets": [],
            "batch": None,
            "mapping": {}, "causal": [], "imports": [], "trust_model": False, "select": [], "ignore": [],
            "fail_on": "error", "limits": Limits(), "thresholds": {},
        }  # fmt: skip

    def test_all(self, calls) -> None:
        seen = calls(lambda **_: result())
        line = (
            "m.keras s.npz --loss mse --depth preflight --mode inference --seed 7 --probes 0 --target y "
            "--target head=labels --map a=left --map b=right=1 --import layers --import own.py --trust-model "
            "--select GL1,zero-gradient --select gl201 --ignore GL103 --fail-on never --causal a:2 "
            "--limit memory=8GB --limit items=20 --timeout 60 --threshold trend-orders=3 --batch 4"
        )
        assert cli.main(line.split()) == 0
        assert callable(seen[0][2].pop("progress"))
        assert seen[0][2] == {
            "loss": "mse", "depth": "preflight", "mode": "inference", "seed": 7, "probes": 0,
            "batch": 4, "targets": [[None, "y"], ["head", "labels"]], "mapping": {"a": "left", "b": "right=1"},
            "imports": ["layers", "own.py"], "trust_model": True, "select": ["GL101", "GL103", "GL201"],
            "ignore": ["GL103"], "fail_on": "never", "causal": ["a:2"],
            "limits": Limits(memory=8 * 10**9, items=20), "thresholds": {"trend-orders": 3.0},
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            (
                "m.keras --format pdf",
                "--format: 'pdf' is not one of table, concise, json, sarif, github, junit, markdown, html\n",
            ),
            ("m.keras --format jsno", "markdown, html; did you mean json?\n"),
            ("m.keras --depth valeus", "'valeus' is not one of preflight, structure, values; did you mean values?\n"),
            ("m.keras --fail-on=eror", "'eror' is not one of error, warning, never; did you mean error?\n"),
            ("--completion bsh", "'bsh' is not one of bash, zsh, fish, tcsh, powershell; did you mean bash?\n"),
            ("m.keras --fail-onn error", "unrecognized arguments: --fail-onn error; did you mean --fail-on?\n"),
            ("m.keras s.npz --fail-onn=error", "unrecognized arguments: --fail-onn=error; did you mean --fail-on?\n"),
            ("--show-confg", "; did you mean --show-config?\n"),
            ("m.keras --zzzz", "unrecognized arguments: --zzzz\n"),
            ("m.keras --jobs x", "argument --jobs: 'x' is not a whole number from 1\n"),
            ("m.keras --jobs 0", "argument --jobs: '0' is not a whole number from 1\n"),
            ("m.keras --timeout 0", "'0' is not a number of seconds above 0"),
            ("m.keras --timeout nan", "'nan' is not a number of seconds above 0"),
            ("m.keras --batch 0", "argument --batch: '0' is not a whole number from 1\n"),
            ("m.keras --shard 3/2", "'3/2' is not K/N, such as 3/10: there is no part 3 of 2\n"),
            ("m.keras --shard 0/2", "'0/2' is not K/N, such as 3/10: there is no part 0 of 2\n"),
            ("check m.keras s.npz", "unrecognized arguments: s.npz; there is no command 'check': leave it out\n"),
            ("m.keras --seed -1", "'-1' is not a whole number from 0"),
            ("m.keras --probes many", "'many' is not a whole number from 0"),
            ("m.keras --map a", "'a' is not INPUT=KEY"),
            ("m.keras --map =a", "'=a' is not INPUT=KEY"),
            ("m.keras --target =y", "'=y' is not KEY or OUTPUT=KEY"),
            ("m.keras --target out=", "'out=' is not KEY or OUTPUT=KEY"),
            ("m.keras --select ,", "names no code"),
            ("m.keras --mode eager", "'eager' is not one of training, inference\n"),
            (
                "m.keras a.npz b.npz",
                "unrecognized arguments: b.npz; one model is checked at a time, with one sample, and these are m.keras",
            ),
        ],
    )
    def test_argparse_refuses(self, line: str, message: str, capsys) -> None:
        with pytest.raises(SystemExit) as ended:
            cli.main(line.split())
        assert ended.value.code == 2
        assert message in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("m.keras --map a=b --map a=c", "--map names a more than once"),
            ("m.keras --select GL13", "no rule is called 'GL13'; did you mean GL103?"),
            ("m.keras --ignore nondiferentiable-op", "did you mean nondifferentiable-op?"),
            ("m.keras --select GL1O3", "no rule is called 'GL1O3'; did you mean GL103?"),
            ("m.keras --ignore GL9", "no rule is called 'GL9'"),
            ("m.keras --select GL999", "no rule is called 'GL999'; gradlint --list-rules shows all of them."),
            ("m.keras --ignore G", "no rule is called 'G'"),
            ("m.keras --graph flow.png", "choose one of .dot, .mermaid"),
            ("m.keras --graph flow.dot --depth preflight", "--graph needs the model to run"),
            ("m.keras --output nowhere/r.txt", "there is no folder nowhere"),
            ("layers.py s.npz", "name the model: gradlint layers.py:FUNCTION s.npz"),
            ("m.keras --graph .", "is a folder"),
            (
                "m.keras --output {targt}.html",
                "{targt} stands for nothing; did you mean {target}?",
            ),
            (
                "m.keras --limit memory=3zz",
                "'3zz' is no size; give bytes, or a number with a unit: memory=8GB, ",
            ),
            ("m.keras --limit items=2k", "'2k' is no whole number above 0, such as items=20000"),
            ("m.keras --limit memmory=3", "there is no limit 'memmory'; choose one of memory, config, depth, items"),
            ("m.keras --limit memmory=3", "ratio; did you mean memory?"),
            ("--explain GL104", "no rule is called 'GL104'; did you mean GL10"),
        ],
    )
    def test_refused_before_anything_is_loaded(self, line: str, message: str, calls, capsys) -> None:
        seen = calls(lambda **_: result())
        assert cli.main(line.split()) == 2
        out, err = capsys.readouterr()
        assert message in err
        assert out == ""
        assert seen == []


def test_a_folder_without_source_is_no_sample(calls, tmp_path: Path, capsys) -> None:
    seen = calls(lambda **_: result())
    (tmp_path / "empty").mkdir()
    assert cli.main(["m.keras", str(tmp_path / "empty")]) == 2
    assert "empty is a folder without source, and not one that tf.data.Dataset.save" in capsys.readouterr().err
    assert seen == []


def test_a_folder_with_nothing_to_check_says_what_is_looked_for(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert cli.main(["empty"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        "gradlint: empty has nothing to check: no model with a sample beside it, such as model.keras"
    )
    assert "no Python file or notebook" in said
    assert cli.main(["emty/train.py"]) == 2
    assert capsys.readouterr().err == "gradlint: emty/train.py does not exist\n"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "f/0.keras is not checked: no 0.npz and no sample.npz is beside it; gradlint f/0.keras"),
        (2, "f/0.keras, f/1.keras are not checked: none has a sample of its name, such as 0.npz, or a sample.npz"),
        (9, "f/0.keras, f/1.keras, f/2.keras, f/3.keras, f/4.keras and 4 more are not checked: none has"),
    ],
)
def test_models_without_a_sample_are_named(number: int, said: str, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").mkdir()
    for place in range(number):
        (tmp_path / "f" / f"{place}.keras").touch()
    assert cli.main(["f"]) == 2
    assert capsys.readouterr().err.startswith(f"gradlint: {said}")


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("import keras\nmodel = keras.Sequential([])\nmodel.fit(1, 2)\n", True),
        ("import keras\n\ndef make():\n    return keras.Model(1, 2)\n", True),
        ("import keras\nmodel = keras.Sequential([])\nwith tf.GradientTape() as tape:\n    pass\n", False),
        ("x = 1\n", False),
    ],
)
def test_who_names_a_script_learns_how_its_model_is_checked(
    text: str, is_told: bool, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(text)
    assert cli.main(["train.py"]) == 0
    assert ("gradlint train.py:FUNCTION" in capsys.readouterr().err) == is_told
    assert cli.main(["."]) == 0
    assert "FUNCTION" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["r.pdf", "r.svg"])
def test_an_ending_that_no_report_has_is_refused(name: str, calls, capsys, tmp_path: Path, monkeypatch) -> None:
    """It was written as a table under that name; a format that is named goes into any file."""
    monkeypatch.chdir(tmp_path)
    calls(lambda **_: result())
    with pytest.raises(SystemExit):
        cli.main(["m.keras", "--output", name])
    assert f"--output {name}: choose one of .html, .json" in capsys.readouterr().err
    assert cli.main(["m.keras", "--output", name, "--format", "json"]) == 0


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("--format html --output r.json", "gradlint: r.json will hold html, as --format says; its ending means json\n"),
        ("--format sarif --output r.json", ""),
        ("--format json --output r.txt", ""),
        ("--format json --output r", ""),
        ("--output r.json", ""),
    ],
)
def test_a_file_of_another_format_than_its_ending_is_noted(
    line: str, note: str, calls, capsys, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    calls(lambda **_: result())
    assert cli.main(["m.keras", *line.split()]) == 0
    err = capsys.readouterr().err
    assert err.startswith(note)
    assert ("will hold" in err) == bool(note)


def test_one_model_has_its_name_in_the_file_that_asks_for_it(calls, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    calls(lambda **_: result())
    assert cli.main(["models/m.keras", "--output", "report-{target}.txt"]) == 0
    assert [path.name for path in tmp_path.glob("*.txt")] == ["report-models-m.keras.txt"]


class TestOutput:
    def test_json_on_stdout_survives_a_model_that_prints(self, calls, capsys) -> None:
        def noisy(**_: object) -> Result:
            print("hello from call()")
            return result(ERROR)

        calls(noisy)
        assert cli.main(["m.keras", "--format", "json"]) == 1
        out, err = capsys.readouterr()
        assert json.loads(out)["findings"][0]["code"] == "GL101"
        assert "hello" in err

    def test_nothing_is_printed_for_a_clean_concise_report(self, calls, capsys) -> None:
        calls(lambda **_: result())
        assert cli.main(["m.keras", "--format", "concise"]) == 0
        assert capsys.readouterr().out == ""

    def test_a_file_is_replaced_whole_and_keeps_its_mode(self, calls, capsys, tmp_path: Path) -> None:
        calls(lambda **_: result(ERROR))
        path = tmp_path / "report.txt"
        path.write_text("old")
        path.chmod(0o640)
        assert cli.main(["m.keras", "--output", str(path)]) == 1
        assert path.read_text(encoding="utf-8").endswith("to the loss\nexit status 1\n")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert os.listdir(tmp_path) == ["report.txt"]
        out, err = capsys.readouterr()
        assert out == ""
        assert err == f"1 error: No path leads from 'b' to the loss; exit status 1; written to {path}\n"

    def test_a_failed_write_leaves_the_old_file(self, calls, capsys, tmp_path: Path, monkeypatch) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        calls(lambda **_: result())
        path = tmp_path / "report.txt"
        path.write_text("old")
        monkeypatch.setattr(os, "replace", full)
        assert cli.main(["m.keras", "--output", str(path)]) == 2
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["report.txt"]
        assert f"cannot write {path}: No space left on device" in capsys.readouterr().err

    def test_a_new_file_has_an_ordinary_mode(self, tmp_path: Path) -> None:
        cli.output.write_whole(tmp_path / "a", "")
        (tmp_path / "b").touch()
        assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "real")
        cli.output.write_whole(tmp_path / "link", "text")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_text() == "text"

    def test_a_device_is_written_to_not_replaced(self) -> None:
        cli.output.write_whole(Path(os.devnull), "text")
        assert not Path(os.devnull).is_file()

    def test_graph(self, calls, tmp_path: Path) -> None:
        graph = nx.DiGraph()
        graph.add_node("x", kind="input", label="größe")
        calls(lambda **_: result(drawn=LateGraph.of(graph)))
        assert cli.main(["m.keras", "--graph", str(tmp_path / "flow.dot")]) == 0
        assert 'label="größe"' in (tmp_path / "flow.dot").read_text(encoding="utf-8")

    def test_no_graph_when_the_check_ended_early(self, calls, tmp_path: Path, capsys) -> None:
        calls(lambda **_: result(ERROR))
        assert cli.main(["m.keras", "--graph", str(tmp_path / "flow.dot")]) == 1
        assert os.listdir(tmp_path) == []
        assert "flow.dot is not written" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("environment", "tty", "coloured"),
        [
            ({}, True, True),
            ({}, False, False),
            ({"NO_COLOR": "1"}, True, False),
            ({"NO_COLOR": ""}, True, True),
            ({"TERM": "dumb"}, True, False),
        ],
    )
    def test_colour(self, calls, capsys, monkeypatch, environment, tty, coloured) -> None:
        calls(lambda **_: result(ERROR))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: tty, raising=False)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        cli.main(["m.keras"])
        assert ("\x1b[" in capsys.readouterr().out) is coloured

    @pytest.mark.parametrize("flag", ["-v", "--explain-finding"])
    def test_the_experiments_behind_a_finding_are_told_when_asked_for(self, flag, calls, capsys, tmp_path) -> None:
        tried = replace(ERROR, evidence={"experiments": ["it was tried"]})
        calls(lambda **_: result(tried))
        written = tmp_path / "report.txt"
        cli.main(["m.keras", flag])
        cli.main(["m.keras", flag, "--output", str(written)])
        assert "tested:   it was tried" in capsys.readouterr().out
        assert "tested:   it was tried" in written.read_text()
        cli.main(["m.keras"])
        assert "it was tried" not in capsys.readouterr().out


class TestLookUps:
    @pytest.mark.parametrize("name", ["GL103", "gl103", "nondifferentiable-op"])
    def test_explain(self, name: str, capsys) -> None:
        assert cli.main(["--explain", name]) == 0
        out = capsys.readouterr().out
        assert out.startswith("# GL103 nondifferentiable-op\n")
        assert all(f"\n## {title}\n" in out for title in SECTIONS)

    def test_list_rules(self, capsys) -> None:
        assert cli.main(["--list-rules"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[:3] for line in lines] == [
            ["GL101", "disconnected-input", "error"],
            ["GL103", "nondifferentiable-op", "error"],
            ["GL201", "zero-gradient", "error"],
        ]
        assert all(line.endswith("Text of What it does.") for line in lines)

    def test_version(self, capsys) -> None:
        assert cli.main(["--version"]) == 0
        words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
        assert words == ["gradlint", "Python", "TensorFlow", "Keras"]


@pytest.mark.skipif(os.name == "nt", reason="pipes break differently there")
def test_a_broken_pipe_is_silent() -> None:
    code = "import sys; from gradlint.cli import output; input(); sys.exit(output.print_whole('x' * 100_000, 1))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    process.stdin.write(b"go\n")
    process.stdin.close()
    assert process.stderr.read() == b""
    assert process.wait() == 1


class TestInATerminal:
    @pytest.fixture(params=[60, 80])
    def columns(self, request, monkeypatch) -> int:
        monkeypatch.setenv("COLUMNS", str(request.param))
        return request.param

    def test_a_page_has_lines_that_fit_and_the_same_words(self, columns: int, capsys, monkeypatch) -> None:
        doc = (
            "## What it does\n\n"
            + "word " * 40
            + "\nmore\n\n```python\n"
            + "x = 1  # "
            + "y" * 90
            + "\n```\n\n- a\n- b\n"
        )
        monkeypatch.setattr(rules, "ALL_RULES", (replace(rule("GL101", "disconnected-input"), doc=doc),))
        cli.main(["--explain", "GL101"])
        plain = capsys.readouterr().out
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        cli.main(["--explain", "GL101"])
        filled = capsys.readouterr().out
        assert filled.split() == plain.split()
        code = [line for line in filled.splitlines() if line.startswith("x = 1")]
        assert len(code) == 1
        assert max(len(line) for line in filled.splitlines() if line not in code) <= columns
        assert "\n- a\n- b\n" in filled

    def test_the_list_of_rules_fits(self, columns: int, capsys, monkeypatch) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        cli.main(["--list-rules"])
        assert max(map(len, capsys.readouterr().out.splitlines())) <= columns

    def test_help_breaks_no_name(self, columns: int, capsys) -> None:
        with pytest.raises(SystemExit):
            cli.main(["--help"])
        text = capsys.readouterr().out
        assert all(name in text for name in NAMES)
        assert not [line for line in text.splitlines() if line.endswith("-")]


@pytest.mark.parametrize(
    ("line", "what"), [(["", "s.npz"], "the model"), ([" ", "s.npz"], "the model"), (["m.keras", ""], "the sample")]
)
def test_a_name_of_nothing_is_no_folder(line: list[str], what: str, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(line)
    assert ended.value.code == 2
    assert f"the name of {what} is empty" in capsys.readouterr().err
