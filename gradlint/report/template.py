"""The templates, style sheets and scripts of pages: files beside this one, read once."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Template
    from markupsafe import Markup

FOLDER = Path(__file__).with_name("page")


@cache
def template(file: str) -> Template:
    """The template of this name; whatever is put in is escaped, unless it is `markup`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=False
    )
    environment.filters.update(tenth="{:.1f}".format, short="{:g}".format)
    return environment.get_template(file)


def macro(file: str, name: str) -> Callable[..., Markup]:
    """What a template defines under a name; as with `template`, whatever is put in is escaped."""
    found: Callable[..., Markup] = getattr(template(file).module, name)
    return found


@cache
def sheet(*files: str) -> str:
    """Style sheets one after the other, without comments and indentation."""
    text = "".join((FOLDER / file).read_text(encoding="utf-8") for file in files)
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).strip()


@cache
def script(file: str) -> str:
    """A script as it stands in its file."""
    return (FOLDER / file).read_text(encoding="utf-8").strip()


def markup(text: str) -> Markup:
    """Text that is markup already: every name in it has been escaped by who made it."""
    from markupsafe import Markup

    return Markup(text)
