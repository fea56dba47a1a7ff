"""What the documents show is what happens: their commands are run, their code is executed, their links lead somewhere.

`python tests/end_to_end/test_documents.py` writes the outputs of the commands into the documents.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from running import FIXTURES, ROOT

from gradlint import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from running import Ran

BY_HAND = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ALL = [*BY_HAND, *sorted((ROOT / "docs" / "rules").glob("*.md"))]
NORM = re.compile(r"\b\d\.\d\de[+-]\d\d\b")


def blocks(path: Path, language: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def shown() -> Iterator[tuple[Path, str, str]]:
    """Document, command line and shown output of each block that starts with `$ gradlint`."""
    for path in BY_HAND:
        for block in blocks(path, "console"):
            command, _, output = block.partition("\n")
            if command.startswith("$ gradlint "):
                yield path, command.removeprefix("$ gradlint "), output


def only_given() -> Iterator[tuple[Path, str]]:
    """Document and command line of each command that can run here and is shown without its output."""
    for path in BY_HAND:
        for block in blocks(path, "sh"):
            for line in block.splitlines():
                if line.startswith("gradlint ") and ("fixtures/" in line or "--explain" in line):
                    yield path, line.removeprefix("gradlint ")


def without_numbers(text: str) -> str:
    """The last digits of a norm belong to the machine."""
    return NORM.sub("#.##e-##", text).rstrip()


@pytest.mark.parametrize(
    ("line", "output"),
    [(line, output) for _, line, output in shown()],
    ids=[line.split(" --")[0] for _, line, _ in shown()],
)
def test_the_output_is_the_one_shown(shell: Callable[..., Ran], line: str, output: str) -> None:
    ran = shell(*shlex.split(line))
    assert ran.err == ""
    assert without_numbers(ran.out) == without_numbers(output)


@pytest.mark.parametrize("line", [line for _, line in only_given()])
def test_a_command_without_output_runs(shell: Callable[..., Ran], line: str) -> None:
    ran = shell(*shlex.split(line))
    assert ran.status in (0, 1)
    assert ran.err == ""


CODE = ["README.md", "docs/getting-started.md", "docs/my-gradient-is-none.md", "docs/three-systems.md"]


@pytest.mark.parametrize("name", [*CODE, "docs/training-step.md", "docs/comparing.md"])
def test_code_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / name
    (tmp_path / "fixtures").symlink_to(FIXTURES)
    monkeypatch.chdir(tmp_path)  # one example writes a sample
    names: dict[str, object] = {"__name__": "example"}
    for number, block in enumerate(blocks(path, "python"), 1):
        exec(compile(block, f"{path.name}, example {number}", "exec"), names)
    for example, value in list(names.items()):
        if example.startswith("test_") and callable(value):
            value()


@pytest.mark.parametrize("name", CODE)
def test_a_page_says_where_its_code_finds_modules_of_ours(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    imported = set(re.findall(r"^(?:from|import) (\w+)", "\n".join(blocks(ROOT / name, "python")), flags=re.MULTILINE))
    ours = {path.stem for path in FIXTURES.glob("*.py")}
    assert not imported & ours or "`cd fixtures`" in text


def test_the_readme_has_the_two_commands_that_ci_runs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    for marker in ("main job", "tests"):
        command = re.search(rf"<!-- {marker} -->\n```sh\n(.+)\n```", text)
        assert command is not None
        assert command[1].startswith("python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && ")
        assert f'readme_command "{marker}"' in script
    example = next(line for path, line, _ in shown() if path.name == "README.md")
    assert f".venv/bin/gradlint {example}\n" in text


def test_ci_finds_the_commands() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    function = re.search(r"^readme_command\(\) \{.*?^\}", script, flags=re.MULTILINE | re.DOTALL)
    assert function is not None
    calls = ["readme_command tests", "readme_command 'main job'"]
    lines = ["set -eu", "venv=.venv-ci", "python=python3.99", function[0], *calls]
    done = subprocess.run(["bash", "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True, check=True)
    tests, main_job = done.stdout.splitlines()
    start = "python3.99 -m venv .venv-ci && .venv-ci/bin/pip install -e '.[test]' && .venv-ci/bin/"
    assert tests == f"{start}python -m pytest -n 2"
    assert main_job.startswith(f"{start}gradlint fixtures/")


def test_every_option_is_in_the_readme(shell: Callable[..., Ran]) -> None:
    options = set(re.findall(r"(?<![\w-])--[a-z-]+", shell("--help").out))
    rows = re.findall(r"^\|.*", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert options <= set(re.findall(r"(?<![\w-])--[a-z-]+", "\n".join(rows)))


def test_the_json_of_the_document_is_that_of_the_command(shell: Callable[..., Ran]) -> None:
    import jsonschema

    path = ROOT / "docs" / "json.md"
    (block,) = blocks(path, "json")
    report = json.loads(block)
    schema = json.loads((ROOT / "docs" / "schema" / "gradlint-1.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(report)
    assert report == _shortened(json.loads(_json_of(shell, path)), report)


def _json_of(shell: Callable[..., Ran], path: Path) -> str:
    (line,) = [line for document, line in only_given() if document == path]
    return shell(*shlex.split(line)).out


def _shortened(whole: dict[str, object], like: dict[str, object] | None = None) -> dict[str, object]:
    """A report with the last of its inputs, the first of its variables and the first of the rules only."""
    short = {
        **whole, "inputs": whole["inputs"][-1:], "variables": whole["variables"][:1], "rules": whole["rules"][:3],
    }  # fmt: skip
    if like is not None:  # what differs between machines
        for part in ("inputs", "variables"):
            for mine, theirs in zip(short[part], like[part], strict=True):
                if mine["norm"] is not None:
                    assert mine["norm"] == pytest.approx(theirs["norm"], rel=1e-3)
                    mine["norm"] = theirs["norm"]
    cause = short["findings"][0]["cause"]
    cause["file"] = cause["file"].replace(str(ROOT), "/project")
    return short


@pytest.mark.parametrize("path", ALL, ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), flags=re.MULTILINE)
            anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in anchors, target


@pytest.mark.parametrize("path", ALL, ids=named)
def test_no_document_names_another_distribution_or_this_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"pip install (-\S+ )*['\"]?gradlint", text)
    assert not re.search(r"(?<![\w.])/(home|root|tmp|work|opt|usr)/", text)


def write_outputs() -> None:
    """Run the commands of the documents and put what they say under them."""
    os.chdir(ROOT)

    def output(line: str) -> str:
        said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")  # other encodings get ASCII
        with contextlib.redirect_stdout(said):
            cli.main(shlex.split(line))
        said.seek(0)
        return said.read()

    for path in BY_HAND:
        text = path.read_text(encoding="utf-8")
        text = re.sub(
            r"^```console\n\$ gradlint (.*)\n(?:.*\n)*?```$",
            lambda match: f"```console\n$ gradlint {match[1]}\n{output(match[1]).rstrip()}\n```",
            text,
            flags=re.MULTILINE,
        )
        if path.name == "json.md":
            (line,) = [line for document, line in only_given() if document == path]
            report = json.dumps(_shortened(json.loads(output(line))), indent=2)
            before, start, rest = text.partition("```json\n")
            text = f"{before}{start}{report}\n```{rest.partition('```')[2]}"
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(write_outputs())
