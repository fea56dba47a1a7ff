"""Source files under a configuration: ignores by file, what is left out, the baseline, changed files, mixed reports."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from in_turn import in_turn
from steps_in_source import BAD

from gradlint.cli import main
from gradlint.project import targets

FIXTURES = Path(__file__).parents[2] / "fixtures"
OTHER = BAD.replace("def step", "def other").replace("p = model.predict(x)", "p = model.predict(x + 1)")
SHALLOW = ("--depth", "preflight", "--import", str(FIXTURES / "layers.py"))
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("src/a.py", "gen/b.py", "tests/c.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(BAD)
    configure(tmp_path)
    return tmp_path


def configure(project: Path, *lines: str) -> None:
    (project / "gradlint.toml").write_text("\n".join(lines) + "\n")


def files(capsys: Capture) -> list[str]:
    """The files of the findings of a concise report."""
    return [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]


class TestWhatIsLeftOut:
    def test_the_configuration_names_sources_and_exclusions(self, project: Path, capsys: Capture) -> None:
        configure(project, 'sources = ["."]', 'exclude = ["/gen"]')
        assert main(["--format", "concise"]) == 1
        assert files(capsys) == ["src/a.py", "tests/c.py"]

    def test_patterns_count_from_the_configuration(
        self, project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(project, 'exclude = ["src/a.py"]')
        monkeypatch.chdir(project / "src")
        (project / "src" / "b.py").write_text(BAD)
        assert main([".", "--format", "concise"]) == 1
        assert files(capsys) == ["b.py"]

    def test_a_named_file_is_checked_unless_forced(self, project: Path) -> None:
        configure(project, 'exclude = ["gen"]')
        assert main(["gen/b.py"]) == 1
        assert main(["gen/b.py", "--force-exclude"]) == 0

    def test_the_command_line_adds_to_it(self, project: Path, capsys: Capture) -> None:
        configure(project, 'exclude = ["gen"]')
        assert main([".", "--exclude", "/src/a.py", "--format", "concise"]) == 1
        assert files(capsys) == ["tests/c.py"]


class TestIgnoresByFile:
    def test_rules_are_meant_where_a_pattern_fits(self, project: Path, capsys: Capture) -> None:
        configure(project, "[per-file-ignores]", '"tests/*" = ["predict-in-tape"]', '"gen" = "GL6"')
        assert main([".", "--format", "concise"]) == 1
        assert files(capsys) == ["src/a.py"]
        assert main(["tests", "gen"]) == 0
        assert "1 finding allowed: predict-in-tape at 'tests/*'" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("pattern", "arguments", "status"),
        [("src/a.py", ["src/a.py"], 2), ("src/*", ["src/a.py"], 1), ("src/*", [], 2), ("gone.py", ["src"], 1)],
    )
    def test_one_that_fits_nothing_is_reported_where_that_is_certain(
        self, project: Path, capsys: Capture, pattern: str, arguments: list[str], status: int
    ) -> None:
        configure(project, 'sources = ["src", "gen"]', "[per-file-ignores]", f'"{pattern}" = ["GL601"]')
        assert main(arguments) == status
        said = f"gradlint.toml:3: GL601 at {pattern!r} fits no finding; did you mean GL603? If not, remove it"
        assert (said in capsys.readouterr().err) == (status == 2)

    def test_a_misspelt_file_is_known(self, project: Path, capsys: Capture) -> None:
        configure(project, 'sources = ["src", "gen"]', "[per-file-ignores]", '"scr/*" = ["GL603"]')
        assert main([]) == 2
        assert "GL603 at 'scr/*' fits no finding; did you mean 'src/*'? If not" in capsys.readouterr().err

    def test_a_mistake_has_its_line(self, project: Path, capsys: Capture) -> None:
        configure(project, "exclude = 3", "[per-file-ignores]", '"a" = ["GL699"]')
        assert main(["src"]) == 2
        said = capsys.readouterr().err
        assert "gradlint.toml:1: exclude: 3 is not a list of texts" in said
        assert "gradlint.toml:3: a: no rule is called" in said


class TestBaseline:
    def test_known_findings_outlive_moved_lines_and_no_others(self, project: Path, capsys: Capture) -> None:
        assert main(["src", "gen", "--baseline", "known.json", "--write-baseline"]) == 0
        (project / "src" / "a.py").write_text(f"\n# moved\n{BAD}\n{OTHER}")
        capsys.readouterr()
        assert main(["src", "--baseline", "known.json", "--format", "concise"]) == 1
        captured = capsys.readouterr()
        assert captured.out.startswith("src/a.py:15:13: GL603")
        assert "gone" not in captured.err  # gen was not looked at

    def test_what_is_gone_is_told_of(self, project: Path, capsys: Capture) -> None:
        assert main(["src", "--baseline", "known.json", "--write-baseline"]) == 0
        (project / "src" / "a.py").write_text("x = 1\n")
        assert main(["src", "--baseline", "known.json"]) == 0
        assert "gone from src/a.py: GL603" in capsys.readouterr().err

    def test_writing_keeps_what_other_files_have(self, project: Path) -> None:
        main(["src", "--baseline", "known.json", "--write-baseline"])
        main(["gen", "--baseline", "known.json", "--write-baseline"])
        assert sorted(json.loads((project / "known.json").read_text())["targets"]) == ["gen/b.py", "src/a.py"]


class TestChanged:
    def test_changed_source_is_checked(self, project: Path, capsys: Capture) -> None:
        configure(project, 'exclude = ["gen"]')
        assert main(["--format", "concise", "--changed", "src/a.py", "gen/b.py", "gone.py", "README.md"]) == 1
        assert files(capsys) == ["src/a.py"]

    def test_only_below_the_configured_sources(self, project: Path, capsys: Capture) -> None:
        configure(project, 'sources = ["src"]')
        assert main(["--changed", "tests/c.py"]) == 0
        assert "concern no target and no source" in capsys.readouterr().err


class TestMixed:
    @pytest.fixture
    def model(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        monkeypatch.setattr(targets, "outcomes", in_turn)
        for name in ("concat_dense.keras", "concat_dense.npz", "systems.py"):
            shutil.copy(FIXTURES / name, project)
        return ["concat_dense.keras", "concat_dense.npz", "--import", "systems.py", *SHALLOW]

    def test_a_model_and_sources_are_one_report(self, model: list[str], capsys: Capture) -> None:
        assert main(["src/a.py", *model, "--format", "json"]) == 1
        found = json.loads(capsys.readouterr().out)["targets"]
        assert [(name, report["ok"]) for name, report in found.items()] == [
            ("src/a.py", False),
            ("concat_dense.keras", True),
        ]

    def test_targets_and_sources_of_a_configuration(self, project: Path, model: list[str], capsys: Capture) -> None:
        configure(
            project,
            'sources = ["src"]',
            "[targets.concat]",
            'model = "concat_dense.keras"',
            'sample = "concat_dense.npz"',
            'imports = ["systems.py"]',
            'depth = "preflight"',
        )
        assert main([]) == 1
        assert "2 targets: 1 with findings, 1 without findings; exit status 1" in capsys.readouterr().out
        assert main(["concat", "gen/b.py", "--format", "concise"]) == 1
        assert files(capsys) == ["gen/b.py"]

    def test_a_format_that_holds_one(self, model: list[str], capsys: Capture) -> None:
        assert main(["src/a.py", *model, "--format", "html"]) == 2
        assert "--format html describes one target" in capsys.readouterr().err


class TestFormats:
    @pytest.mark.parametrize(
        ("form", "place"),
        [
            ("concise", "src/a.py:5:13: GL603"),
            ("github", "file=src/a.py,line=5,title=GL603 predict-in-tape,col=13"),
            ("sarif", '"startColumn": 13'),
            ("json", '"column": 13'),
            ("table", "src/a.py:5"),
            ("markdown", "src/a.py:5"),
            ("junit", "src/a.py:5"),
            ("html", "src/a.py:5"),
        ],
    )
    def test_each_says_where(self, project: Path, capsys: Capture, form: str, place: str) -> None:
        assert main(["src/a.py", "--format", form]) == 1
        assert place in capsys.readouterr().out

    def test_the_column_of_a_notebook_is_that_of_the_file(self, project: Path, capsys: Capture) -> None:
        code = BAD.replace("    ", "\t")
        content = {"cells": [{"cell_type": "code", "source": code.splitlines(keepends=True)}], "nbformat": 4}
        (project / "n.ipynb").write_text(json.dumps(content, indent=1))
        assert main(["n.ipynb", "--format", "json"]) == 1
        finding = json.loads(capsys.readouterr().out)["findings"][0]
        line = (project / "n.ipynb").read_text().splitlines()[finding["cause"]["line"] - 1]
        assert line[finding["evidence"]["column"] - 1 :].startswith("model.predict(x)")

    def test_a_file_that_cannot_be_read_makes_the_report_incomplete(self, project: Path, capsys: Capture) -> None:
        (project / "src" / "a.py").write_text("def f(:\n")
        assert main(["src/a.py", "tests/c.py", "--format", "json"]) == 2
        found = json.loads(capsys.readouterr().out)
        assert (found["ok"], found["exit_status"], len(found["unread"])) == (False, 2, 1)
        assert found["counts"]["error"] == 1


class TestOwnFiles:
    """Source has a file of its own among those of targets, as the list of them says."""

    @pytest.fixture
    def mixed(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(targets, "outcomes", in_turn)
        for ending in ("keras", "npz"):
            shutil.copy(FIXTURES / f"two_towers.{ending}", project / f"good.{ending}")
        return project

    def test_the_list_of_pages_links_to_pages_that_are_there(self, mixed: Path) -> None:
        assert main(["src/a.py", "good.keras", "good.npz", "--output", "both.html", *SHALLOW]) == 1
        linked = re.findall(r'href="(both_files/[^"#]+)"', (mixed / "both.html").read_text())
        assert len(linked) == 2
        assert all((mixed / page).is_file() for page in linked)

    def test_a_pattern_names_the_file_of_source(self, mixed: Path) -> None:
        names = ["src/a.py", "good.keras", "good.npz"]
        assert main([*names, "--output", "rep-{target}.txt", *SHALLOW]) == 1
        assert "GL603" in (mixed / "rep-src-a.py.txt").read_text()
        assert (mixed / "rep-good.keras.txt").is_file()

    def test_a_pattern_for_source_alone(self, project: Path) -> None:
        assert main(["src/a.py", "--output", "rep-{target}.txt"]) == 1
        assert (project / "rep-src-a.py.txt").is_file()
        assert not (project / "rep-{target}.txt").exists()


class TestStatusThatIsShown:
    """What a report says of the exit status is what the process ends with."""

    def test_a_misspelt_code_in_a_comment(self, project: Path, capsys: Capture) -> None:
        (project / "src" / "a.py").write_text("x = 1  # gradlint: ignore[GL6O1]\n")
        assert main(["src/a.py"]) == 2
        assert capsys.readouterr().out.endswith("exit status 2, since 1 ignore fits no finding\n")
        assert main(["src/a.py", "--format", "json"]) == 2
        assert json.loads(capsys.readouterr().out)["exit_status"] == 2

    def test_an_ignore_of_a_file_that_fits_nothing(self, project: Path, capsys: Capture) -> None:
        configure(project, 'sources = ["src"]', "[per-file-ignores]", '"src/a.py" = ["GL601"]')
        assert main([]) == 2
        assert "exit status 2, since 1 ignore fits no finding\n" in capsys.readouterr().out

    def test_an_ignore_of_a_layer_that_fits_nothing(
        self, project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(targets, "outcomes", in_turn)
        for ending in ("keras", "npz"):
            shutil.copy(FIXTURES / f"two_towers.{ending}", project / f"m.{ending}")
        table = ['model = "m.keras"', 'sample = "m.npz"', "[targets.m.per-layer-ignores]", 'bukket = "GL404"']
        configure(project, "[targets.m]", *table)
        for words in (["m"], []):
            assert main([*words, "--import", str(FIXTURES / "layers.py")]) == 2
            assert "exit status 2" in capsys.readouterr().out


class TestFolders:
    def test_one_of_source_beside_one_of_models_without_samples(self, project: Path, capsys: Capture) -> None:
        """It ended with the folder of models being called one without Python files."""
        (project / "models").mkdir()
        shutil.copy(FIXTURES / "two_towers.keras", project / "models")
        (project / "mymodel.py").write_text("")
        assert main(["src", "models", "--import", "mymodel.py", "--format", "concise"]) == 1
        out, err = capsys.readouterr()
        assert out.startswith("src/a.py:5:13: GL603")
        assert "models/two_towers.keras is not checked: no two_towers.npz and no sample.npz is beside it" in err
        assert "no use for --import" not in err
