"""Messages in the words of whoever reads them: options are spelled for the command line, and for Python translated."""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.options import FLAGS, KEYS, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.result import Result

_on_command_line: ContextVar[bool] = ContextVar("_on_command_line", default=False)
_ARGUMENTS = (
    (re.compile(r"--import (your_module\.py|[\w./\\-]+\w)"), r"imports=['\1']"),
    (re.compile(r"--map (\w+)=(\w+)"), r"mapping={'\1': '\2'}"),
    (re.compile(r"--target (?!names )(\w+)"), r"targets=['\1']"),
    (re.compile(r"--depth (\w+)"), r"depth='\1'"),
    (re.compile(r"--loss LOSS"), "loss=..."),
    (re.compile(r"--limit (\w+)=(\w+)"), r"limits=Limits(\1=\2)"),
)
"""Options with a value, where the argument takes it in another form."""
_NAMES = {"--limit": "limits"} | {
    flag: f"{name}=True" if SETTINGS[name].kind.is_flag else name for name, flag in FLAGS.items()
}
_NAMED = re.compile(rf"({'|'.join(_NAMES)})(?![\w-])")


@contextmanager
def on_the_command_line() -> Iterator[None]:
    """Messages of checks in this block are read by a user of the command line, or of a configuration."""
    token = _on_command_line.set(True)
    try:
        yield
    finally:
        _on_command_line.reset(token)


def in_the_words_of_the_caller(message: str) -> str:
    """A message with the options that it names as the caller writes them."""
    if _on_command_line.get():
        return message
    for option, argument in _ARGUMENTS:
        message = option.sub(argument, message)
    return _NAMED.sub(lambda named: _NAMES[named[0]], message)


def in_the_words_of_fit(message: str) -> str:
    """A message for who gave `(x, y)`: there, the labels of an output go by its name alone, in a dict."""
    return _LABELS.sub(r"'\1'", message)


_LABELS = re.compile(r"'(?:y|sample_weight):([^'\n]+)'")


def in_the_words_of_a_configuration(message: str, where: str) -> str:
    """A message with the options that it names as a configuration file has them.

    Args:
        message: for a reader who gives no options: pytest checks what the configuration names.
        where: the table or the file that they belong to.
    """
    message = re.sub(r"pass (--import [\w./\\-]+\w)", rf"say \1 {where}", message)
    for option, key in _KEYS:
        message = option.sub(key, message)
    return _NAMED.sub(lambda named: _KEY_OF.get(named[0], named[0]), message)


_KEYS = (
    (re.compile(r"--import ([\w./\\-]+\w)"), r'imports = ["\1"]'),
    (re.compile(r"--map (\w+)=(\w+)"), r'mapping = {\1 = "\2"}'),
    (re.compile(r"--target (?!names )([\w:]+)"), r'targets = ["\1"]'),
    (re.compile(r"--(depth|mode|fail-on) (\w+)"), r'\1 = "\2"'),
)
"""Options with a value, as TOML has them."""
_KEY_OF = {FLAGS[name]: key for key, name in KEYS.items()}


def result_in_the_words_of_the_caller(result: Result, *, is_of_fit: bool = False) -> Result:
    """A result with the options, and the labels, that its sentences name as the caller writes them.

    Args:
        result: in the words of the command line.
        is_of_fit: the sample was given as `(x, y)`.
    """
    if _on_command_line.get():
        return result

    def say(message: str) -> str:
        message = in_the_words_of_the_caller(message)
        return in_the_words_of_fit(message) if is_of_fit else message

    return replace(
        result,
        findings=tuple(replace(each, message=say(each.message), advice=say(each.advice)) for each in result.findings),
        notes=tuple(map(say, result.notes)),
        skipped=tuple(replace(each, reason=say(each.reason)) for each in result.skipped),
        catalogue=tuple(replace(each, advice=say(each.advice)) for each in result.catalogue),
    )
