"""Names of files that look like options, hold line ends or are not UTF-8: as arguments, and through a real hook."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import MARKER, keras_file, npy, npz
from in_turn import in_turn

from gradlint import cli
from gradlint.project import targets

CHECKED = 'depth = "preflight"\n'
OPTIONS = ["--import=evil.py", "--output=precious.py", "--version", "--fail-on=never", "--", "--config=evil.toml", "-h"]
NAMES = ["-x", "--output=x", "a\nb", "\x1b[2Jc", "::error::d", "e f"]
PRE_COMMIT = shutil.which("pre-commit", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
posix = pytest.mark.skipif(os.name == "nt", reason="names that Windows does not allow")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose one model has an error, with files beside it that are named as options."""
    monkeypatch.chdir(tmp_path)
    keras_file(tmp_path)
    npz(tmp_path, {"wrong.npy": npy((3, 4), data=bytes(48)), "other.npy": npy((3, 4), data=bytes(48))})
    (tmp_path / "m.npz").write_bytes((tmp_path / "s.npz").read_bytes())
    (tmp_path / "gradlint.toml").write_text(CHECKED)
    (tmp_path / "evil.py").write_text(f"open({MARKER!r}, 'w')")
    (tmp_path / "precious.py").write_text("precious")
    for name in OPTIONS:
        (tmp_path / name).write_text("")
    return tmp_path


def pair(folder: Path, name: bytes | str) -> None:
    """The model with its error once more, under another name."""
    for suffix in (".keras", ".npz"):
        path = os.path.join(os.fsencode(folder), os.fsencode(name) + suffix.encode())
        shutil.copyfile(os.fsencode(folder / f"m{suffix}"), path)


def untouched(folder: Path) -> bool:
    return (folder / "precious.py").read_text() == "precious" and not (folder / MARKER).exists()


@posix
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("before", [True, False])
def test_an_option_after_changed_is_a_file(
    option: str, before: bool, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [option, "m.keras"] if before else ["m.keras", option]
    assert cli.main(["--changed", *names]) == 1
    assert "GL401" in capsys.readouterr().out
    assert untouched(folder)


@pytest.mark.parametrize("option", ["--version", "--fail-on=never", "--import=none.py"])
def test_an_option_that_is_misplaced_is_told_of(option: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(option).unlink(missing_ok=True)
    assert cli.main(["--changed", "m.keras", option]) == 1
    assert f"{option}, after --changed, names a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--", "-x.keras", "-x.npz"], ["--", "-x.keras"], ["--fail-on", "error", "--", "-x.keras"]],
    ids=["both", "one", "after an option"],
)
def test_two_dashes_end_the_options(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair(folder, "-x")
    assert cli.main([*arguments, *([] if len(arguments) == 3 and arguments[2] == "-x.npz" else ["-x.npz"])]) == 1
    assert "-x.keras" in capsys.readouterr().out


def test_what_is_before_the_dashes_comes_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["m.keras", "--fail-on", "never", "--", "m.npz"]) == 0
    assert "GL401" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--change", "--chan", "--ver"])
def test_no_option_is_cut_short(option: str, folder: Path) -> None:
    """`--chan` would be `--changed` to the parser, but not to what takes names literally."""
    with pytest.raises(SystemExit) as ended:
        cli.main([option, "m.keras"])
    assert ended.value.code == 2


@posix
@pytest.mark.parametrize("form", ["table", "json", "sarif", "github", "junit", "markdown", "concise"])
@pytest.mark.parametrize("name", [*NAMES, b"\xff\xfe"], ids=repr)
def test_any_name_is_checked(
    name: str | bytes, form: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair(folder, name)
    if form != "table":  # which process checks it is the same for all
        monkeypatch.setattr(targets, "outcomes", in_turn)
    for output in ([], ["--output", "report"]):
        status = cli.main(["--format", form, *output, "--changed", os.fsdecode(name) + ".keras"])
        out, err = capsys.readouterr()
        out = Path("report").read_text("utf-8") if output else out
        assert status == 1, err
        assert "GL401" in out
        assert [char for char in out + err if not char.isprintable() and char != "\n"] == []
    assert untouched(folder)


ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
ENVIRONMENT |= {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
GRADLINT = f"{sys.executable} -m gradlint"


def run(folder: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")


def repository(folder: Path, *names: str | bytes) -> None:
    for name in names:
        pair(folder, name)
    for words in (["init", "-q", "."], ["config", "user.email", "a@example.com"], ["config", "user.name", "A"]):
        run(folder, "git", *words)
    run(folder, "git", "add", "-A")


@posix
@pytest.mark.skipif(PRE_COMMIT is None or shutil.which("git") is None, reason="needs git and pre-commit")
def test_in_pre_commit(folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name that is not UTF-8: pre-commit itself ends with an error before it runs any hook."""
    monkeypatch.setitem(ENVIRONMENT, "PRE_COMMIT_HOME", str(tmp_path_factory.mktemp("home")))
    (folder / ".pre-commit-config.yaml").write_text(
        "repos:\n- repo: local\n  hooks:\n  - id: gradlint\n    name: gradlint\n    language: system\n"
        f"    entry: {GRADLINT} --changed\n    require_serial: true\n"
    )
    repository(folder, *NAMES)
    status, said = run(folder, str(PRE_COMMIT), "run", "--verbose")
    assert status == 1, said
    assert f"{len(NAMES) + 2} targets: {len(NAMES) + 1} with findings, 1 without findings" in said  # and the source
    assert untouched(folder)


@posix
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_in_a_hook_of_git(folder: Path) -> None:
    repository(folder, *NAMES, b"\xff\xfe")
    hook = folder / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ngit diff --cached --name-only -z | xargs -0 {GRADLINT} --changed\n")
    hook.chmod(0o755)
    status, said = run(folder, "git", "commit", "-m", "models")
    assert status == 1, said
    assert f"{len(NAMES) + 3} targets: {len(NAMES) + 2} with findings, 1 without findings" in said  # and the source
    assert untouched(folder)
