"""Every rule is complete, registered, and has its page."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from gradlint import catalogue, rules
from gradlint.errors import UsageError
from gradlint.rule import SECTIONS, Rule
from gradlint.rules import ALL_RULES, codes_matching, rules_matching
from gradlint.severity import Consequence

FILES = sorted(Path(rules.__file__).parent.glob("gl*.py"))
DOC = "\n".join(f"## {title}\n\nAbout `a|b`\nand more. Second.\n" for title in SECTIONS)
RULE = Rule("GL101", "disconnected-input", Consequence.BRANCH, "Use it.", DOC, lambda facts: ())
OTHER = replace(RULE, code="GL201", name="zero-gradient")


def by_code(rule: Rule) -> str:
    return rule.code


def test_every_file_is_registered() -> None:
    found = [import_module(f"gradlint.rules.{path.stem}").RULE for path in FILES]
    assert [rule.code for rule in found] == [rule.code for rule in ALL_RULES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_named_after_its_rule(path: Path) -> None:
    rule: Rule = import_module(f"gradlint.rules.{path.stem}").RULE
    assert path.stem == f"{rule.code.lower()}_{rule.name.replace('-', '_')}"


def test_codes_and_names_are_unique_and_sorted() -> None:
    codes, names = [rule.code for rule in ALL_RULES], [rule.name for rule in ALL_RULES]
    assert codes == sorted(set(codes))
    assert len(names) == len(set(names))


@pytest.mark.parametrize("rule", ALL_RULES, ids=by_code)
def test_a_rule_is_complete(rule: Rule) -> None:
    assert re.fullmatch(r"GL\d{3}", rule.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert rule.advice.endswith(".")
    assert "\n" not in rule.advice
    found = catalogue.sections(rule)
    assert tuple(found) == SECTIONS
    assert all(found.values())
    assert "```" in found["Example"]
    assert catalogue.summary(rule).endswith(".")
    assert rule.doc.count("```") % 2 == 0


def test_pages_in_docs_are_up_to_date() -> None:
    folder = Path(rules.__file__).parents[2] / "docs" / "rules"
    if not folder.is_dir():
        pytest.skip("the docs are not part of this installation")
    assert catalogue.stale_pages(folder, catalogue.pages(ALL_RULES)) == []


class TestMatching:
    @pytest.fixture(autouse=True)
    def two_rules(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rules, "ALL_RULES", (RULE, OTHER))

    @pytest.mark.parametrize(
        ("pattern", "codes"),
        [
            ("GL101", ["GL101"]),
            ("GL1", ["GL101"]),
            ("GL10", ["GL101"]),
            (" gl2 ", ["GL201"]),
            ("GL", ["GL101", "GL201"]),
            ("zero-gradient", ["GL201"]),
            ("Zero-Gradient", ["GL201"]),
        ],
    )
    def test_finds(self, pattern: str, codes: list[str]) -> None:
        assert [rule.code for rule in rules_matching(pattern)] == codes

    @pytest.mark.parametrize("pattern", ["", "G", "101", "zero", "GL3", "GL1011"])
    def test_refuses(self, pattern: str) -> None:
        with pytest.raises(UsageError, match="no rule is called"):
            rules_matching(pattern)

    def test_codes_come_once_and_sorted(self) -> None:
        assert codes_matching(["GL2", "GL", "zero-gradient"]) == ("GL101", "GL201")
        assert codes_matching([]) == ()


class TestPages:
    def test_index_links_every_rule(self) -> None:
        text = catalogue.index([RULE, OTHER])
        assert "| [GL101](GL101.md) | disconnected-input | error | About `a\\|b` and more. |" in text
        assert "[GL201](GL201.md)" in text

    def test_headings_in_code_are_not_sections(self) -> None:
        doc = DOC + "\n```python\n## not a heading\n```\n"
        assert tuple(catalogue.sections(replace(RULE, doc=doc))) == SECTIONS

    def test_write_then_check(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
        monkeypatch.setattr(rules, "ALL_RULES", (RULE, OTHER))
        folder = str(tmp_path / "rules")
        assert catalogue.main(["--check", folder]) == 1
        assert "GL101.md, GL201.md, index.md not up to date" in capsys.readouterr().err
        assert catalogue.main([folder]) == 0
        assert catalogue.main(["--check", folder]) == 0
        page = tmp_path / "rules" / "GL101.md"
        assert page.read_text() == catalogue.page(RULE) + "\n"

        page.write_text("changed by hand")
        (tmp_path / "rules" / "GL999.md").write_text("retired")
        assert catalogue.main(["--check", folder]) == 1
        assert "GL101.md, GL999.md not" in capsys.readouterr().err
        assert catalogue.main([folder]) == 0
        assert sorted(path.name for path in page.parent.iterdir()) == ["GL101.md", "GL201.md", "index.md"]
