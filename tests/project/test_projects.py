"""The command line of a project, with a stand-in for `check()`: targets, settings, ignores, baseline, changes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from alive import eventually
from in_turn import in_turn

from gradlint import cli
from gradlint.errors import UsageError
from gradlint.finding import Cause, Finding, Severity
from gradlint.load import search
from gradlint.outcome import Failed
from gradlint.project import targets
from gradlint.report import FORMATS
from gradlint.report.index import page_of
from gradlint.result import Result

if TYPE_CHECKING:
    from pathlib import Path

STOPPED = Finding(
    "GL104", "stop-gradient", Severity.ERROR, "Stopped.", (), ("target_net/d/kernel",), Cause("lambda", "StopGradient")
)
DEAD = Finding("GL202", "dead-relu", Severity.WARNING, "Dead.", cause=Cause("relu_1", "Relu"))
TOML = """\
[tool.gradlint]
mode = "inference"
ignore = ["GL205"]

[tool.gradlint.targets.clean]
model = "clean.keras"
sample = "clean.npz"

[tool.gradlint.targets.broken]
model = "broken.keras"
seed = 7
fail-on = "warning"
"""


def check(model: str, sample: str | None, options: dict[str, object], *_: object, **__: object) -> Result:
    """Findings by the name of the model."""
    if "unreadable" in model:
        raise UsageError(f"{model} is no model")
    folders.append(search.folders_in_use())
    findings = [STOPPED] if "broken" in model else [DEAD] if "warned" in model else []
    seen.append((model, sample, {name: value for name, value in options.items() if value not in (None, (), [])}))
    fail_on = str(options.get("fail_on", "error"))
    return Result(model, "m", "s", "mse", "values", tuple(findings), rules=("GL104", "GL202"), fail_on=fail_on)


REAL_OUTCOMES = targets.outcomes
seen: list[tuple[str, str | None, dict[str, object]]] = []
folders: list[tuple[str, ...]] = []


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and jobs done in this process."""

    seen.clear()
    folders.clear()
    monkeypatch.setattr("gradlint.project.isolation.guarded_check", check)
    monkeypatch.setattr(targets, "guarded_check", check)
    monkeypatch.setattr(targets, "outcomes", in_turn)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(TOML)
    return tmp_path


def options_of(model: str) -> dict[str, object]:
    return next(options for name, _, options in seen if name == model)


class TestTargets:
    def test_all_of_them_and_one_summary(self, capsys) -> None:
        assert cli.main([]) == 1
        out, err = capsys.readouterr()
        assert err == ""
        assert "── broken ──" in out
        assert "── clean ──" not in out  # one line says it all
        assert "error GL104 stop-gradient" in out
        assert out.endswith(
            "  clean   No finding: no gradient was computed\n"
            "  broken  1 error: Stopped\n\n"
            "2 targets: 1 with findings, 1 without findings; exit status 1\n"
        )

    def test_one_by_its_name(self, capsys) -> None:
        assert cli.main(["clean"]) == 0
        assert [(model, sample) for model, sample, _ in seen] == [("clean.keras", "clean.npz")]
        assert capsys.readouterr().out.startswith("clean.keras\n")
        assert cli.main(["clean", "other.npz"]) == 0
        assert seen[-1][:2] == ("clean.keras", "other.npz")

    def test_one_that_cannot_run_takes_no_other_with_it(self, project: Path, capsys) -> None:
        (project / "pyproject.toml").write_text(TOML.replace("clean.keras", "unreadable.keras"))
        assert cli.main([]) == 2
        out, err = capsys.readouterr()
        assert err == "gradlint: clean: unreadable.keras is no model\n"
        assert "  clean   could not be checked\n" in out
        assert "2 targets: 1 with findings, 1 not checked" in out

    @pytest.mark.parametrize(
        ("word", "message"),
        [
            ("broke", "no target is called 'broke'; did you mean broken?"),
            ("claen", "did you mean clean?"),
            ("cln", "clean?"),
            ("zzz", "there are clean, broken."),
        ],
    )
    def test_a_name_that_is_none(self, word: str, message: str, capsys) -> None:
        assert cli.main([word]) == 2
        assert message in capsys.readouterr().err

    def test_from_a_folder_below(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (project / "below").mkdir()
        monkeypatch.chdir(project / "below")
        assert cli.main(["clean"]) == 0
        assert seen[0][0] == str(project / "clean.keras")
        assert folders[0] == (str(project),)  # for its modules

    def test_json_of_all(self, capsys) -> None:
        assert cli.main(["--format", "json"]) == 1
        report = json.loads(capsys.readouterr().out)
        assert report["ok"] is False
        assert report["failed"] == {}
        assert [(name, part["ok"]) for name, part in report["targets"].items()] == [("clean", True), ("broken", False)]

    def test_concise_of_all(self, capsys) -> None:
        assert cli.main(["--format", "concise"]) == 1
        assert capsys.readouterr().out == "broken.keras: GL104 stop-gradient: Stopped. [lambda, StopGradient]\n"

    @pytest.mark.parametrize("form", sorted(FORMATS))
    def test_every_format_takes_several_targets_or_says_how(self, form: str, project: Path, capsys) -> None:
        text = (
            TOML.replace("broken.keras", "unreadable.keras") + '[tool.gradlint.targets.bad]\nmodel = "broken.keras"\n'
        )
        (project / "pyproject.toml").write_text(text)
        assert cli.main(["--format", form]) == 2
        out, err = capsys.readouterr()
        if form == "html":
            assert "write pages with --output FILE" in err
            assert cli.main(["--format", form, "--output", "{target}.html"]) == 2
            assert (project / "bad.html").exists()
            assert not (project / "broken.html").exists()
            return
        assert err == "gradlint: broken: unreadable.keras is no model\n"
        assert "GL104" in out
        if form == "sarif":
            runs = json.loads(out)["runs"]
            assert [run["automationDetails"]["id"] for run in runs] == ["gradlint/clean/", "gradlint/bad/"]
        elif form == "junit":
            root = ET.fromstring(out)
            assert [suite.get("name") for suite in root] == ["gradlint clean", "gradlint bad", "gradlint broken"]
            assert (root.get("failures"), root.get("errors")) == ("1", "1")

    def test_annotations_come_worst_first(self, project: Path, capsys) -> None:
        (project / "pyproject.toml").write_text(TOML.replace("clean.keras", "warned.keras"))
        cli.main(["--format", "github"])
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["::error", "::warning"]

    def test_a_file_for_each(self, project: Path, capsys) -> None:
        assert cli.main(["--output", "report-{target}.txt"]) == 1
        assert "GL104" in (project / "report-broken.txt").read_text()
        assert (project / "report-clean.txt").read_text().startswith("clean.keras\n")
        out, err = capsys.readouterr()
        assert out == ""
        assert err.splitlines()[-1] == "2 targets: 1 with findings, 1 without findings; exit status 1"
        assert len(err.splitlines()) >= 4  # a line for each, not one with \\n in it

    def test_a_page_that_lists_a_page_for_each(self, project: Path, capsys) -> None:
        text = TOML + '[tool.gradlint.targets.unreadable]\nmodel = "unreadable.keras"\n'
        (project / "pyproject.toml").write_text(text)
        assert cli.main(["--output", "report.html"]) == 2
        index = (project / "report.html").read_text(encoding="utf-8")
        assert "3 targets: 1 with findings, 1 without findings, 1 not checked" in index
        assert "could not be checked: unreadable.keras is no model" in index
        links = re.findall(r'href="(report_files/[^"]+)"', index)
        assert links == ["report_files/clean.html", "report_files/broken.html"]
        assert "GL104 stop-gradient" in (project / links[1]).read_text(encoding="utf-8")
        assert "http:" not in index
        assert capsys.readouterr().out == ""

    def test_one_file_for_all(self, project: Path) -> None:
        assert cli.main(["--output", "report.txt"]) == 1
        assert "2 targets" in (project / "report.txt").read_text(encoding="utf-8")

    def test_a_graph_is_of_one(self, capsys) -> None:
        assert cli.main(["--graph", "flow.dot"]) == 2
        assert "--graph shows one target; name it" in capsys.readouterr().err


class TestPrecedence:
    def test_default_file_command_line(self) -> None:
        cli.main(["broken"])
        said = {"mode": "inference", "seed": 7, "fail_on": "warning", "ignore": ["GL205"], "probes": 3}
        assert {name: options_of("broken.keras")[name] for name in said} == said
        seen.clear()
        cli.main(["broken", "--mode", "training", "--seed", "0", "--ignore", "GL1", "--fail-on", "never"])
        options = options_of("broken.keras")
        assert (options["mode"], options["seed"], options["fail_on"]) == ("training", 0, "never")
        assert "GL205" not in options["ignore"]

    def test_the_same_for_all_targets(self) -> None:
        cli.main(["--seed", "3"])
        assert [options["seed"] for _, _, options in seen] == [3, 3]
        assert [options["mode"] for _, _, options in seen] == ["inference", "inference"]

    def test_the_file_holds_for_a_model_by_path(self) -> None:
        cli.main(["other.keras", "--depth", "values"])
        assert options_of("other.keras")["mode"] == "inference"
        assert options_of("other.keras")["ignore"] == ["GL205"]

    def test_options_between_the_arguments(self) -> None:
        assert cli.main(["other.keras", "--seed", "3", "other.npz"]) == 0
        assert seen[0][:2] == ("other.keras", "other.npz")

    def test_another_file(self, project: Path, capsys) -> None:
        (project / "other.toml").write_text("[targets.one]\nmodel = 'one.keras'\n")
        assert cli.main(["--config", "other.toml"]) == 0
        assert [model for model, _, _ in seen] == ["one.keras"]
        assert cli.main(["--config", "gone.toml"]) == 2
        assert "--config gone.toml: there is no such file" in capsys.readouterr().err

    def test_mistakes_end_it(self, project: Path, capsys) -> None:
        (project / "pyproject.toml").write_text("[tool.gradlint]\nslect = []\njobs = 0\n")
        assert cli.main([]) == 2
        assert capsys.readouterr().err == (
            "gradlint: pyproject.toml has 2 mistakes\n"
            "pyproject.toml:2: tool.gradlint.slect is not known; did you mean select?\n"
            "pyproject.toml:3: jobs: 0 is not a whole number from 1\n"
        )

    def test_show_config(self, capsys) -> None:
        assert cli.main(["--show-config", "--seed", "3"]) == 0
        out = capsys.readouterr().out
        assert 'mode = "inference"  # pyproject.toml:2' in out
        assert "seed = 3  # command line" in out
        assert seen == []


class TestIgnores:
    @pytest.mark.parametrize(
        ("table", "arguments", "status", "message"),
        [
            ('per-layer-ignores = { "target_*" = ["GL104"] }', [], 0, ""),
            ('per-layer-ignores = { "target_*" = ["GL104"] }', ["clean"], 0, ""),  # of another target: not judged
            (
                'per-layer-ignores = { "teacher" = ["GL104"], "target_*" = "GL104" }',
                [],
                2,
                "gradlint: pyproject.toml:2: GL104 at 'teacher' fits no finding; remove it\n",
            ),
            ('per-layer-ignores = { "teacher" = ["GL104"], "target_*" = "GL104" }', ["broken"], 0, ""),
            (
                'per-layer-ignores = { "targt_*" = ["GL104"] }',
                [],
                2,
                "gradlint: pyproject.toml:2: GL104 at 'targt_*' fits no finding; did you mean 'target_net'? "
                "If not, remove it\n",
            ),
        ],
    )
    def test_of_the_file(
        self, project: Path, capsys, table: str, arguments: list[str], status: int, message: str
    ) -> None:
        (project / "pyproject.toml").write_text(TOML.replace("[tool.gradlint]\n", f"[tool.gradlint]\n{table}\n"))
        assert cli.main(arguments) == status
        assert capsys.readouterr().err == message

    def test_of_a_target_that_fit_nothing(self, project: Path, capsys) -> None:
        (project / "pyproject.toml").write_text(f'{TOML}per-layer-ignores = {{ "teacher" = ["GL104"] }}\n')
        for arguments in ([], ["broken"]):
            assert cli.main(arguments) == 2
            out, err = capsys.readouterr()
            assert "GL104 stop-gradient" in out  # the report comes all the same
            assert err == "gradlint: pyproject.toml:13: GL104 at 'teacher' fits no finding; remove it\n"
        assert cli.main(["broken", "--select", "GL202"]) in (1, 2)


class TestBaseline:
    def test_known_new_and_gone(self, project: Path, capsys) -> None:
        assert cli.main(["--write-baseline"]) == 0
        assert capsys.readouterr().err == "gradlint-baseline.json: 1 known finding\n"
        assert cli.main(["--baseline", "gradlint-baseline.json"]) == 0
        out, err = capsys.readouterr()
        assert "1 finding known from gradlint-baseline.json" in out
        assert err == ""
        text = TOML.replace("broken.keras", "warned.keras")
        (project / "pyproject.toml").write_text(
            text.replace("[tool.gradlint]", '[tool.gradlint]\nbaseline = "gradlint-baseline.json"')
        )
        assert cli.main([]) == 1
        out, err = capsys.readouterr()
        assert "GL202" in out
        assert err == (
            "gradlint: gone from broken: GL104 at lambda: Stopped.\n"
            "gradlint: gradlint-baseline.json knows 1 finding that is gone; --write-baseline takes it out\n"
        )
        assert cli.main(["--write-baseline"]) == 0
        assert cli.main([]) == 0
        assert "gone" not in capsys.readouterr().err

    def test_targets_that_were_not_checked_keep_theirs(self, project: Path) -> None:
        assert cli.main(["--write-baseline"]) == 0
        assert cli.main(["warned.keras", "--write-baseline"]) == 0
        known = json.loads((project / "gradlint-baseline.json").read_text())["targets"]
        assert sorted(known) == ["broken", "warned.keras"]
        assert cli.main(["warned.keras", "--fail-on", "warning", "--baseline", "gradlint-baseline.json"]) == 0

    def test_nothing_is_written_when_a_target_cannot_be_checked(self, project: Path) -> None:
        (project / "pyproject.toml").write_text(TOML.replace("clean.keras", "unreadable.keras"))
        assert cli.main(["--write-baseline"]) == 2
        assert not (project / "gradlint-baseline.json").exists()

    def test_a_missing_file(self, capsys) -> None:
        assert cli.main(["--baseline", "gone.json"]) == 2
        assert "there is no baseline gone.json" in capsys.readouterr().err


class TestChanged:
    def test_only_what_is_concerned(self, project: Path, capsys) -> None:
        for name in ("clean.keras", "broken.keras", "clean.npz"):
            (project / name).touch()
        assert cli.main(["--changed", "README.md", "a.py", "b.py", "clean.npz"]) == 0
        assert [model for model, _, _ in seen] == ["clean.keras"]
        assert cli.main(["--fail-on", "error", "--changed", "broken.keras", "README.md", "clean.keras"]) == 1
        assert cli.main(["--changed", "pyproject.toml"]) == 1
        capsys.readouterr()
        assert cli.main(["--changed", "README.md"]) == 0
        assert "the changed files concern no target" in capsys.readouterr().err
        assert cli.main(["--changed"]) == 0
        assert "nothing was checked: name the changed files after it" in capsys.readouterr().err


class TestProcesses:
    @pytest.mark.parametrize(("wanted", "number", "expected"), [(3, 9, 3), (9, 2, 2), (1, 5, 1), (None, 1, 1)])
    def test_how_many(self, wanted: int | None, number: int, expected: int) -> None:
        assert targets.at_once(wanted, number) == expected
        assert 1 <= targets.at_once(None, 99) <= targets.MOST_AT_ONCE

    def job(self, name: str) -> targets.Job:
        return targets.Job(name, f"{name}.keras", None, {}, ())

    def test_outcomes_come_back_in_order(self) -> None:
        names = ["one", "two", "three"]
        found = list(REAL_OUTCOMES([self.job(name) for name in names], 2))
        assert [done.name for done in found] == names
        assert [done.error for done in found] == [f"{name}.keras does not exist" for name in names]

    def test_a_process_that_dies_is_told(self, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
        monkeypatch.setattr(sys, "path", ["nowhere"])
        (done,) = REAL_OUTCOMES([self.job("one")], 1)
        assert isinstance(done, Failed)
        assert done.error.startswith("the check's process ended while starting, with exit status 1")
        assert "No module named" in capfd.readouterr().err

    def test_a_process_without_isolation_is_as_this_one(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It stands in this folder, and knows what the environment says."""
        monkeypatch.setenv("TOKEN", "word")
        (project / "own.py").write_text("import os\ndef build():\n    raise KeyError(os.getcwd(), os.environ['TOKEN'])")
        (done,) = REAL_OUTCOMES([targets.Job("own", "own:build", None, {}, ())], 1)
        assert f"own:build failed: KeyError: ({str(project)!r}, 'word')" in done.error

    def test_whoever_stops_listening_ends_what_runs(self, project: Path) -> None:
        body = "import os, time\ndef build():\n    open(str(os.getpid()), 'w').close()\n    time.sleep(600)"
        (project / "own.py").write_text(body)
        jobs = [self.job("one"), targets.Job("own", "own:build", None, {}, ())]
        found = REAL_OUTCOMES(jobs, 2)
        next(found)

        def pids() -> list[int]:
            return [int(path.name) for path in project.iterdir() if path.name.isdigit()]

        assert eventually(pids), "it never started"
        found.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pids()[0], 0)


class TestShells:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh", "powershell"])
    def test_every_option_is_in_the_script(self, shell: str, capsys) -> None:
        pytest.importorskip("shtab")
        status = cli.main(["--completion", shell])
        out, err = capsys.readouterr()
        if status == 2:
            assert "a newer one may" in err
            return
        for option in ("fail-on", "baseline", "show-config"):
            assert option in out

    @pytest.mark.skipif(os.name == "nt", reason="no bash there")
    def test_bash_completes(self, project: Path, capsys) -> None:
        pytest.importorskip("shtab")
        assert cli.main(["--completion", "bash"]) == 0
        script = capsys.readouterr().out
        (project / "model.keras").touch()

        def completed(*words: str) -> list[str]:
            line = " ".join(f"'{word}'" for word in words)
            call = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _shtab_gradlint"
            code = f"{script}\n{call}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
            run = subprocess.run(["bash", "-c", code], capture_output=True, text=True, cwd=project, check=True)
            return run.stdout.split()

        assert completed("gradlint", "--base") == ["--baseline"]
        assert completed("gradlint", "--fail-on", "") == ["error", "warning", "never"]
        assert "model.keras" in completed("gradlint", "mod")

    def test_without_shtab(self, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
        monkeypatch.setitem(sys.modules, "shtab", None)
        assert cli.main(["--completion", "bash"]) == 2
        assert "pip install 'keras-gradlint[completion]'" in capsys.readouterr().err


def test_python_m_is_the_command() -> None:
    run = subprocess.run([sys.executable, "-m", "gradlint", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("gradlint ")
    assert run.stderr == ""


def test_pages_of_hostile_names_stay_in_their_folder_and_apart(tmp_path: Path) -> None:
    names = ["a", "a/b", "a-b", "../../x", "..", "", "ü", "a" * 300, "a" * 301, "con<script>"]
    pages = [page_of(tmp_path / "index.html", name) for name in names]
    assert len(set(pages)) == len(names)
    assert {page.parent for page in pages} == {tmp_path / "index_files"}
    assert all(len(page.name) < 130 and page.name.isascii() for page in pages)
