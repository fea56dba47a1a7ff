"""Hooks of the site: its navigation is the list of docs/index.md, and the documents beside docs/ are pages of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
BROUGHT = {path.name: f"repository/{path.name.lower()}" for path in ROOT.glob("*.md")}
"""What lies beside docs/ (README, changes, ...), and the page that it becomes."""


def on_config(config: MkDocsConfig) -> None:
    """Read the navigation from the list of the first page."""
    index = (Path(config.docs_dir) / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[([^\]]+)\]\(([^)#]+\.md)\)", index, flags=re.MULTILINE)
    config.nav = [{"Overview": "index.md"}, *({title: _on_site(path)} for title, path in listed)]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Bring the pages from outside."""
    for name, page in BROUGHT.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=re.sub(r"\]\(docs/", "](../", text)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to what was brought to its page."""
    del config, files
    up = "../" * page.file.src_uri.count("/")
    names = "|".join(map(re.escape, BROUGHT))
    return re.sub(rf"\]\((?:\.\./)*({names})", lambda link: f"]({up}{BROUGHT[link[1]]}", markdown)


def _on_site(path: str) -> str:
    return BROUGHT.get(path.removeprefix("../"), path)
