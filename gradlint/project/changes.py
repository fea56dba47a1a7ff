"""Which targets a change concerns: those with a changed model, sample, configuration or line of code."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.load.files import content_of
from gradlint.load.kinds import MODELS, SAMPLES
from gradlint.project.config import Config, Target, paired_target, sample_beside
from gradlint.source.reading import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def concerned_targets(config: Config, changed: Sequence[Path]) -> tuple[Target, ...]:
    """The targets that changed files belong to.

    A target depends on its model and its sample, on the files of its `imports`, of its factory and of its
    loss, and on every Python file of the project that these import, directly or not. A change of the
    configuration or of the baseline concerns every target, and a target that imports a file which is not there is
    concerned by every change. In a project without targets, a model with a sample beside
    it is a target of its own, and both are what it depends on.
    """
    files = {path.resolve() for path in changed}
    if not config.targets:
        models = sorted({model for path in files for model in _models_of(path)})
        return tuple(filter(None, (paired_target(config, model) for model in models)))
    if files & {path.resolve() for path in (config.file, config.baseline) if path is not None}:
        return config.targets
    return tuple(
        target
        for target in config.targets
        if files & set(_dependencies(target, config.folder)) or _lacks_a_file(target, config.folder)
    )


def _lacks_a_file(target: Target, folder: Path) -> bool:
    """Whether it imports a file that is not there: what it depends on is not known, and to check it tells so."""
    return any(name.endswith(".py") and not (folder / name).is_file() for name in target.settings.options.imports)


def _models_of(file: Path) -> Iterator[Path]:
    """The model that a file is, and those whose sample it is."""
    if file.suffix in MODELS:
        yield file
    elif file.suffix in SAMPLES:
        for model in file.parent.glob("*") if file.parent.is_dir() else ():
            if sample_beside(model) == file:
                yield model


def _dependencies(target: Target, folder: Path) -> Iterator[Path]:
    for path in (target.model, target.sample):
        if path is not None:
            yield Path(path).resolve()
    module, colon, _ = target.model.rpartition(":")
    loss, _, _ = str(target.settings.options.loss or "").rpartition(":")
    start = [name for name in (*target.settings.options.imports, module if colon else "", loss) if name]
    yield from _sources(start, folder)


def _sources(names: Iterable[str], folder: Path) -> set[Path]:
    """The Python files of the project behind these modules and files, and behind what they import."""
    found: set[Path] = set()
    waiting = [path for name in names for path in _files(name, [folder, folder / "src"])]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        roots = [folder, folder / "src", path.parent]
        waiting += [file for name in _imported(path) for file in _files(name, roots)]
    return found


def _files(name: str, roots: Sequence[Path]) -> Iterator[Path]:
    """Yields the files that importing a module runs: its own, and those of the packages around it."""
    if name.endswith(".py"):
        path = (roots[0] / name).resolve()
        if path.is_file():
            yield path
        return
    parts = name.split(".")
    for root in roots:
        for end in range(1, len(parts) + 1):
            base = root.joinpath(*parts[:end])
            for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
                if path.is_file():
                    yield path.resolve()


@cache
def _imported(path: Path) -> tuple[str, ...]:
    """The modules that a file imports anywhere in it, absolute or as paths of files."""
    try:
        tree = ast.parse(content_of(path, LARGEST))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(name for node in ast.walk(tree) for name in _names(node, path))


def _names(node: ast.AST, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = path.parents[node.level - 1] if node.level <= len(path.parents) else path.parent
        parts = node.module.split(".") if node.module else []
        for tail in (parts[:end] for end in range(len(parts) + 1)):
            yield from _module_files(package.joinpath(*tail))
        for alias in node.names:
            yield from _module_files(package.joinpath(*parts, alias.name))


def _module_files(base: Path) -> tuple[str, str]:
    """Where a module of this path without suffix may be."""
    return str(base / "__init__.py"), str(base.with_name(f"{base.name}.py"))
