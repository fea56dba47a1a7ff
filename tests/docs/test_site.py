"""The site of the documents: it is built, and a link that leads nowhere or a page that is not listed fails it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")

ROOT = Path(__file__).resolve().parents[2]


def built(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "-f", str(root / ".ci/mkdocs.yml"), "-d", str(site)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in (".ci", "docs"):
        shutil.copytree(ROOT / name, tmp_path / "copy" / name)
    for path in ROOT.glob("*.md"):
        shutil.copy(path, tmp_path / "copy")
    return tmp_path / "copy"


def test_every_page_is_on_the_site_and_in_its_navigation(tmp_path: Path) -> None:
    done = built(ROOT, tmp_path)
    assert done.returncode == 0, done.stderr
    navigation = (tmp_path / "index.html").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert (tmp_path / page.name).with_suffix(".html").is_file()
        assert f'href="{page.stem}.html"' in navigation
    rules = {page.stem for page in (ROOT / "docs" / "rules").glob("*.md")}
    assert rules == {page.stem for page in (tmp_path / "rules").glob("*.html")}
    assert (tmp_path / "repository" / "changelog.html").is_file()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[gone](gone.md)", "gone.md"),
        ("[gone](formats.md#gone)", "#gone"),
        ("[gone](#gone)", "#gone"),
    ],
)
def test_a_link_that_leads_nowhere_fails_the_build(copied: Path, tmp_path: Path, line: str, reason: str) -> None:
    page = copied / "docs" / "limits.md"
    page.write_text(f"{page.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    done = built(copied, tmp_path / "site")
    assert done.returncode != 0
    assert reason in done.stderr


def test_a_page_that_the_first_page_does_not_list_fails_the_build(copied: Path, tmp_path: Path) -> None:
    (copied / "docs" / "orphan.md").write_text("# Orphan\n", encoding="utf-8")
    done = built(copied, tmp_path / "site")
    assert done.returncode != 0
    assert "orphan.md" in done.stderr


def test_ci_builds_the_site() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"mkdocs\"? build .*-f \.ci/mkdocs\.yml", script)
