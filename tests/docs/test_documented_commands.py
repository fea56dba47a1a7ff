"""The commands of the pages about formats, as they stand there: for `model.keras`, `sample.npz` and `layers.py`."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from gradlint import cli
from gradlint.report import FORMATS
from gradlint.report.graph import GRAPH_FORMATS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / name for name in ("formats.md", "my-gradient-is-none.md")]
WORKFLOW = re.findall(r"^```yaml\n(name: gradients.*?)^```", PAGES[0].read_text(encoding="utf-8"), re.M | re.S)[0]


def commands() -> list[str]:
    found = [
        line
        for page in PAGES
        for block in re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
        for line in block.splitlines()
    ]
    return [*found, *re.findall(r"run: (gradlint .*)", WORKFLOW)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the files that the commands name."""
    (tmp_path / ".git").mkdir()
    copies = {"two_towers.keras": "model.keras", "two_towers.npz": "sample.npz", "layers.py": "layers.py"}
    for name, copy in copies.items():
        shutil.copy(ROOT / "fixtures" / name, tmp_path / copy)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "layers", raising=False)
    return tmp_path


@pytest.mark.parametrize("line", commands())
def test_a_documented_command_does_what_it_says(
    line: str, project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(line.partition(" >> ")[0])
    assert words[0] == "gradlint"
    status = cli.main(words[1:])
    assert status == (0 if "never" in words else 1)
    said, err = capfd.readouterr()
    file = next((words[words.index(option) + 1] for option in ("--output", "--graph") if option in words), None)
    assert err == "" or "--output" in words
    text = (project / file).read_text(encoding="utf-8") if file else said
    assert "ArgMax" in text
    match Path(file).suffix if file else "":
        case ".sarif":
            (run,) = json.loads(text)["runs"]
            place = run["results"][0]["locations"][0]["physicalLocation"]
            assert place == {
                "artifactLocation": {"uri": "layers.py", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 22},
            }
        case ".xml":
            assert ET.fromstring(text).get("failures") == "1"
        case ".html":
            assert text.startswith("<!DOCTYPE html>")
            assert 'class="cut"' in text
        case ".svg":
            assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_workflow_is_one() -> None:
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load(WORKFLOW)
    steps = workflow["jobs"]["gradlint"]["steps"]
    assert sum("run" in step for step in steps) == 5
    assert all(("run" in step) != ("uses" in step) for step in steps)
    assert workflow["permissions"]["security-events"] == "write"
    upload = next(step for step in steps if "upload-sarif" in step.get("uses", ""))
    assert any(upload["with"]["sarif_file"] in step.get("run", "") for step in steps)


def test_every_format_is_documented() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    for name in FORMATS:
        assert f"| `{name}`" in text
    for name in GRAPH_FORMATS:
        assert f"`.{name}`" in text
