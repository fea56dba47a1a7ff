"""The configuration in force, as `--show-config` writes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.cells import as_typed
from gradlint.options import DEFAULTS, KEYS, SETTINGS, Settings
from gradlint.report.outgoing import Syntax, outgoing, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.checking.suppression import Allowance
    from gradlint.project.config import Config

_SHOWN = Settings({name: DEFAULTS[name] for name in DEFAULTS if name == "imports" or DEFAULTS[name] not in ((), None)})
"""The defaults worth a line of `--show-config`."""


def shown_config(config: Config, given: Settings) -> str:
    """The settings in force, as TOML, each with where it comes from; `given` are those of the command line."""
    shown = "" if config.file is None else printable(as_typed(config.file))
    lines = [f"# {shown or 'no configuration file'}"]
    places = dict(config.lines)

    def origin(*keys: tuple[str, ...]) -> str:
        line = next((places[key] for key in keys if key in places), None)
        return "default" if line is None else f"{shown}:{line}"

    def show(settings: Settings, path: tuple[str, ...]) -> None:
        values = given.over(settings if path else settings.over(_SHOWN)).said
        for key, name in KEYS.items():
            if name not in values:
                continue
            where = "command line" if name in given.said else origin((*path, key), (key,))
            lines.append(f"{key} = {_toml(_as_written(name, values[name]))}  # {where}")

    show(config.settings, ())
    if config.baseline is not None:
        lines.append(f"baseline = {_toml(as_typed(config.baseline))}  # {origin(('baseline',))}")
    if config.jobs is not None:
        lines.append(f"jobs = {config.jobs}  # {origin(('jobs',))}")
    for key, words in (("sources", [as_typed(Path(path)) for path in config.sources]), ("exclude", config.exclude)):
        if words:
            lines.append(f"{key} = {_toml(words)}  # {origin((key,))}")
    _show_allowed(config.allowed, "per-layer-ignores", lines)
    _show_allowed(config.per_file, "per-file-ignores", lines)
    for target in config.targets:
        path = ("targets", target.name)
        lines += ["", f"[targets.{_toml_key(target.name)}]"]
        for key, file in (("model", target.model), ("sample", target.sample)):
            if file is not None:
                lines.append(f"{key} = {_toml(as_typed(Path(file)))}  # {origin((*path, key), path)}")
        show(target.settings, path)
        _show_allowed(target.allowed, f"targets.{_toml_key(target.name)}.per-layer-ignores", lines)
    return outgoing("\n".join(lines), Syntax.JSON)


def _show_allowed(allowed: Sequence[Allowance], title: str, lines: list[str]) -> None:
    by_pattern: dict[str, list[Allowance]] = {}
    for allowance in allowed:
        by_pattern.setdefault(allowance.pattern, []).append(allowance)
    if by_pattern:
        lines += ["", f"[{title}]"]
    for pattern, group in by_pattern.items():
        lines.append(f"{_toml(pattern)} = {_toml([a.rule for a in group])}  # {printable(group[0].origin)}")


def _as_written(name: str, value: object) -> object:
    """A setting in the form that a file gives it."""
    if name == "imports" and isinstance(value, tuple):
        return [as_typed(Path(item)) if item.endswith(".py") else item for item in value]
    return SETTINGS[name].kind.written(value)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "".join(c if c.isprintable() else rf"\U{ord(c):08x}" for c in json.dumps(value, ensure_ascii=False))
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml_key(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return str(value)


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)
