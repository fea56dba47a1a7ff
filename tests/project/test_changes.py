"""Which targets a changed file concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gradlint.project.changes import concerned_targets
from gradlint.project.config import load_config

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "gradlint.toml": """\
        baseline = "known.json"
        [targets.file]
        model = "models/file.keras"
        sample = "models/file.npz"
        imports = ["code/layers.py"]
        [targets.factory]
        model = "package.build:make"
        loss = "package.losses:loss"
        [targets.alone]
        model = "models/alone.keras"
        """,
    "known.json": "",
    "code/layers.py": "import sibling\nimport numpy\n",
    "code/sibling.py": "def f():\n    from package import deep\n",
    "code/other.py": "",
    "package/__init__.py": "",
    "package/build.py": "from . import blocks\nfrom .sub.more import thing\n",
    "package/blocks.py": "import package.blocks\nimport broken\n",
    "package/sub/__init__.py": "",
    "package/sub/more.py": "thing = 1\n",
    "package/deep.py": "",
    "package/unused.py": "",
    "package/losses.py": "",
    "broken.py": "def (:\n",
    "models/file.keras": "",
    "models/file.npz": "",
    "models/alone.keras": "",
    "models/alone.npz": "",
    "models/pair.keras": "",
    "models/pair.npz": "",
    "models/odd.keras": "",
    "README.md": "",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(line.strip() if name.endswith("toml") else line for line in text.split("\n")))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "concerned"),
    [
        (["README.md", "code/other.py", "package/unused.py", "models/odd.keras"], []),
        ([], []),
        (["models/file.keras"], ["file"]),
        (["models/file.npz"], ["file"]),
        (["models/alone.npz"], []),  # the target has no sample
        (["models/alone.keras"], ["alone"]),
        (["code/layers.py"], ["file"]),
        (["code/sibling.py"], ["file"]),
        (["package/deep.py"], ["file"]),  # through code/sibling.py
        (["package/build.py"], ["factory"]),
        (["package/blocks.py"], ["factory"]),
        (["package/sub/more.py"], ["factory"]),
        (["package/sub/__init__.py"], ["factory"]),
        (["package/__init__.py"], ["file", "factory"]),
        (["package/losses.py"], ["factory"]),
        (["broken.py"], ["factory"]),
        (["gradlint.toml"], ["file", "factory", "alone"]),
        (["known.json"], ["file", "factory", "alone"]),
        (["models/pair.keras"], []),  # where targets have names, these are all
        (["models/pair.npz", "models/pair.keras", "models/file.npz"], ["file"]),
        (["models/gone.keras"], []),
    ],
)
def test_concerned(project: Path, changed: list[str], concerned: list[str]) -> None:
    config = load_config(project / "gradlint.toml")
    found = concerned_targets(config, [project / name for name in changed])
    assert [target.name for target in found] == concerned


def test_without_a_configuration_pairs_are_targets(project: Path) -> None:
    (project / "gradlint.toml").unlink()
    names = ("file.npz", "file.keras", "pair.keras", "odd.keras", "gone.keras")
    found = concerned_targets(load_config(None, project), [project / "models" / name for name in names])
    assert [target.name for target in found] == ["models/file.keras", "models/pair.keras"]
    (project / "models" / "sample.npz").touch()  # for those that have none of their own
    found = concerned_targets(load_config(None, project), [project / "models" / "sample.npz"])
    assert [target.name for target in found] == ["models/odd.keras"]


def test_a_target_whose_import_is_missing_is_concerned_by_every_change(project: Path) -> None:
    config = project / "gradlint.toml"
    config.write_text(config.read_text().replace("code/layers.py", "code/layer.py"))
    found = concerned_targets(load_config(config), [project / "code" / "other.py"])
    assert [target.name for target in found] == ["file"]
