"""What `pytest --gradlint` collects: configured targets, and models beside a sample of their name."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gradlint.checking.assertion import GradientsDoNotFlow
from gradlint.checking.interface import in_the_words_of_a_configuration
from gradlint.checking.suppression import unused_error
from gradlint.errors import GradlintError
from gradlint.load import search
from gradlint.options import Settings
from gradlint.project.baseline import Baseline, read_baseline
from gradlint.project.child import Worker
from gradlint.project.config import OWN_FILE, find_config, load_config, paired_target
from gradlint.project.targets import against, job_of, outcome
from gradlint.report.outgoing import message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.project.config import Target


def _paths(config: pytest.Config) -> Iterator[Path]:
    for argument in config.args:
        yield Path(config.invocation_params.dir, argument.split("::")[0]).resolve()


def _leads_to(file: Path, given: Path) -> bool:
    """Whether pytest comes upon a file below a path, or at it. Overlapping paths confuse pytest 8."""
    return given == file or (given.is_dir() and given in file.parents)


class Collection:
    """Adds the configuration's file to what pytest collects, and says which files are ours."""

    def __init__(self, config: pytest.Config) -> None:
        try:
            self.config = load_config(find_config(config.rootpath), config.rootpath)
        except GradlintError as error:
            raise pytest.UsageError(message(*error.args)) from error
        file = self.config.file
        if file is not None and self.config.targets and not any(_leads_to(file, given) for given in _paths(config)):
            config.args.append(str(file))  # targets are checked whatever the paths are
        self.worker = Worker()

    @cached_property
    def baseline(self) -> Baseline:
        return read_baseline(self.config.baseline) if self.config.baseline is not None else {}

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if file_path == self.config.file or (self.config.file and file_path.resolve() == self.config.file):
            return TargetsFile.from_parent(parent, path=file_path, collection=self)
        if paired_target(self.config, file_path) is not None:
            return ModelFile.from_parent(parent, path=file_path, collection=self)
        return None

    def pytest_unconfigure(self) -> None:
        self.worker.end()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # The configuration's file may be below a path that was given, too.
        first = {item.nodeid: item for item in reversed(items)}
        items[:] = [item for item in items if not isinstance(item, TargetItem) or first[item.nodeid] is item]


class _File(pytest.File):
    def __init__(self, *, collection: Collection, **options: Any) -> None:
        super().__init__(**options)
        self.collection = collection


class TargetsFile(_File):
    """The configuration; every target is an item."""

    def collect(self) -> Iterator[TargetItem]:
        for target in self.collection.config.targets:
            yield TargetItem.from_parent(self, name=target.name, target=target)


class ModelFile(_File):
    """A model file with a sample beside it: one item of its name."""

    def collect(self) -> Iterator[TargetItem]:
        target = paired_target(self.collection.config, self.path)
        if target is not None:
            yield TargetItem.from_parent(self, name=self.path.stem, target=target)


class TargetItem(pytest.Item):
    """The check of one target."""

    def __init__(self, *, target: Target, parent: _File, **options: Any) -> None:
        super().__init__(parent=parent, **options)
        self.target = target
        self.collection = parent.collection
        self.add_marker("gradlint")

    def runtest(self) -> None:
        config = self.collection.config
        search.use([config.folder])
        done = outcome(job_of(self.target, config, Settings()), worker=self.collection.worker)
        done = against(done, self.collection.baseline, config.baseline)
        # Whether an ignore of the whole file fits anything, one target cannot say.
        unused = [allowance for allowance in done.unused if allowance in self.target.allowed]
        if not done.result.ok:
            raise GradientsDoNotFlow(done.result, str(unused_error(unused)) if unused else "")
        if unused:
            raise unused_error(unused)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, GradientsDoNotFlow):
            return str(excinfo.value)
        if isinstance(excinfo.value, GradlintError):
            return message(*(in_the_words_of_a_configuration(str(line), self._where) for line in excinfo.value.args))
        return super().repr_failure(excinfo, style)

    @property
    def _where(self) -> str:
        file = self.collection.config.file
        return f"in {OWN_FILE}" if file is not None and file.name == OWN_FILE else "under [tool.gradlint]"

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, self.target.line - 1 if self.target.line else None, f"gradlint: {self.target.name}"
