"""Hooks of the site: its navigation is the list of docs/index.md, and README and changes are pages of it."""

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
BROUGHT = {"README.md": "readme-page.md", "CHANGELOG.md": "changes.md"}
"""What lies outside of docs/, and the page that it becomes."""


def on_config(config: MkDocsConfig) -> None:
    """Read the navigation from the list of the first page."""
    index = (Path(config.docs_dir) / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[([^\]]+)\]\(([^)#]+\.md)\)", index, flags=re.MULTILINE)
    config.nav = [{"Overview": "index.md"}, *({title: _on_site(path)} for title, path in listed)]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Bring the pages from outside."""
    for name, page in BROUGHT.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=re.sub(r"\]\(docs/", "](", text)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to what was brought to its page."""
    del config, files
    up = "../" * page.file.src_uri.count("/")
    return re.sub(r"\]\((?:\.\./)*(\w+\.md)", lambda link: f"]({_moved(link[1], up)}", markdown)


def _moved(name: str, up: str) -> str:
    return f"{up}{BROUGHT[name]}" if name in BROUGHT else name


def _on_site(path: str) -> str:
    return BROUGHT.get(path.removeprefix("../"), path)
