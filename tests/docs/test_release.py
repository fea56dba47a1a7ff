"""What a release is made of agrees with itself."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import gradlint

ROOT = Path(__file__).resolve().parents[2]
RELEASED = {"0.1.0": "840dd6b50951d115"}
"""The sections of the changes that are out, by digest."""


def test_the_citation_names_the_version() -> None:
    assert f"version: {gradlint.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_changes_of_a_release_stay_as_they_were() -> None:
    """What is new goes under "Unreleased", at the end of that list, and not at the end of the file."""
    head, *sections = re.split(r"(?m)^(?=## )", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert head == "# Changes\n\n"
    assert sections[0].startswith("## Unreleased\n")
    digests = {section.split()[1]: hashlib.sha256(section.encode()).hexdigest()[:16] for section in sections[1:]}
    assert digests == RELEASED
    assert len(sections) == 1 + len(RELEASED)  # a merge may leave one twice


def test_a_report_of_a_bug_asks_for_the_versions() -> None:
    assert "gradlint --debug" in (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text(encoding="utf-8")


def test_the_release_publishes_what_it_has_attested_and_audited() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    steps = ("pip-audit", "cyclonedx-py", "attest-build-provenance", "attest-sbom", "gh-action-pypi-publish")
    places = [text.index(step) for step in steps]
    assert places == sorted(places)
    assert "needs: build" in text
    assert "needs: attest" in text
    assert "password" not in re.sub(r"#.*", "", text)


def test_the_readme_is_short_and_starts_from_a_live_model() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    assert text.index("gradlint.check(model, (x, y))") < text.index("$ gradlint")


def test_the_hook_to_paste_is_a_whole_file_and_the_same_everywhere() -> None:
    snippets = []
    for page in ("README.md", "docs/pre-commit.md"):
        (block,) = re.findall(
            r"```yaml\n((?:# .*\n)?repos:\n- repo: local\n.*?)```", (ROOT / page).read_text(), re.DOTALL
        )
        snippets.append(re.sub(r"^# .*\n", "", block))
    assert snippets[0] == snippets[1]
    declared = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    pattern = re.search(r"files: (?:&files )?'(.+)'", snippets[0])
    assert pattern is not None
    for name in (
        "a.keras",
        "a.h5",
        "a.npz",
        "a.py",
        "a.ipynb",
        "pyproject.toml",
        "deep/gradlint.toml",
        "baseline.json",
    ):
        assert re.search(pattern[1], name), name
    assert "entry: gradlint --changed" in declared
