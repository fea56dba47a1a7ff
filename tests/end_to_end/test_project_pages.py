"""The pages on projects: every file they show is written, every command is run, and says what the page says."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from running import FIXTURES, ROOT

from gradlint.project import targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from running import Ran

PAGES = ["configuration.md", "baseline.md", "pytest.md", "pre-commit.md"]
BLOCK = re.compile(r"^```([\w-]+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "models").mkdir()
    for file in FIXTURES.iterdir():
        if file.suffix in (".keras", ".npz"):
            shutil.copy(file, tmp_path / "models")
    shutil.copy(FIXTURES / "layers.py", tmp_path)
    shutil.copy(FIXTURES / "systems.py", tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    # In this process, where TensorFlow is: `test_three_ways.py` has them in processes of their own.
    monkeypatch.setattr(targets, "outcomes", lambda jobs, *_, **__: (targets.outcome(job) for job in jobs))
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_a_page_tells_the_truth(page: str, project: Path, shell: Callable[..., Ran]) -> None:
    commands = 0
    for language, text in blocks(page):
        if language == "shell-session":
            for line, shown in commands_of(text):
                commands += 1
                assert_matches(run(line, project, shell), shown)
        else:
            assert language in ("toml", "yaml", "py"), language
            name = text.partition("\n")[0]  # a comment: who copies the block has it as the first line
            file = project / name.removeprefix("# ")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
    assert commands


def test_the_hooks_of_the_page_exist() -> None:
    yaml = pytest.importorskip("yaml")  # comes with pre-commit
    configs = [yaml.safe_load(text) for language, text in blocks("pre-commit.md") if language == "yaml"]
    manifest = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    hooks = {hook["id"] for hook in manifest}
    shown = {hook["id"] for config in configs for repository in config["repos"] for hook in repository["hooks"]}
    assert shown
    assert shown <= hooks
    page = (ROOT / "docs" / "pre-commit.md").read_text(encoding="utf-8")
    assert all(f"- `{hook}`" in page for hook in hooks)


def commands_of(text: str) -> list[tuple[str, str]]:
    """The command lines of a block, each with what is shown under it."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append([line[2:]])
        else:
            found[-1].append(line)
    return [(line, "\n".join(shown)) for line, *shown in found]


def run(line: str, project: Path, shell: Callable[..., Ran]) -> str:
    program, *arguments = shlex.split(line)
    if program == "gradlint":
        ran = shell(*arguments, folder=project)
        return ran.out + ran.err
    more = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    if program == "python":
        module, name, *arguments = arguments
        assert (module, name) == ("-m", "pytest")
        command = [sys.executable, module, name, *more, *arguments]
    else:  # the script, which does not look for modules in the current folder
        assert program == "pytest"
        command = [sys.executable, "-c", "import sys; del sys.path[0]; import pytest; sys.exit(pytest.main())"]
        command += [*more, *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False).stdout


def assert_matches(said: str, shown: str) -> None:
    """Compare; `...` alone in a line stands for any lines, at the end of one for the rest of it."""
    pattern = "".join(expression(line) for line in shown.strip("\n").splitlines())
    text = said.strip("\n") + "\n"
    assert re.fullmatch(pattern, text), f"{said}\n\nis not\n\n{shown}"


def expression(line: str) -> str:
    if line == "...":
        return r"(?:.*\n)*?"
    rest = ".*" if line.endswith("...") else ""
    escaped = re.escape(line.removesuffix("..."))
    # Rules are as wide as the terminal, and the time a run takes is in them.
    return re.sub(r"(?:=|_|\\-){5,}", r"[=_-]+", escaped) + rest + r"\n"
