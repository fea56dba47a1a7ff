"""The pytest plugin. pytest imports this file at every start-up, so it imports nothing but pytest.

What checks is imported by the first test that asks for it; what collects, by `--gradlint`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gradlint.checking.step import watch
    from gradlint.result import Result

MARKER = "gradlint(**options): defaults for the checks of the `gradlint` fixture, as in `gradlint.check()`"
FULL = 2
"""The verbosity (`-vv`) at which a failure shows every victim and all evidence."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--gradlint`."""
    parser.getgroup("gradlint").addoption(
        "--gradlint",
        action="store_true",
        help="check every target of [tool.gradlint.targets], and every .keras with an .npz of its name beside it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, and bring what this run asks for."""
    config.addinivalue_line("markers", MARKER)
    if config.option.gradlint:
        from gradlint.project.pytest_items import Collection

        config.pluginmanager.register(Collection(config), "gradlint-collection")
    if config.option.verbose >= FULL:
        config.pluginmanager.register(_InFull(), "gradlint-in-full")
    elif not config.option.fulltrace:
        config.pluginmanager.register(_InShort(), "gradlint-in-short")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Warn of a marker of a test that has no use for it."""
    if not isinstance(item, pytest.Function) or "gradlint" in item.fixturenames:
        return
    if any(mark.name == "gradlint" for mark in item.own_markers):
        item.warn(
            pytest.PytestWarning(
                f"{item.name}: pytest.mark.gradlint gives defaults to the fixture gradlint, which this test does "
                "not ask for: add gradlint to its parameters"
            )
        )


@pytest.fixture
def gradlint(request: pytest.FixtureRequest) -> Gradlint:
    """Assertions on live models and training steps: `gradlint.assert_gradients_flow(model, sample)`."""
    defaults: dict[str, Any] = {}
    marks = list(request.node.iter_markers_with_node("gradlint"))
    for node, mark in reversed(marks):  # the closest comes last, and wins
        if mark.args:
            _refuse("pytest.mark.gradlint takes options by name, such as ignore=['GL205']")
        _refuse_unknown(mark.kwargs, f"pytest.mark.gradlint of {node.nodeid or node.name}")
        defaults |= mark.kwargs
    return Gradlint(defaults)


def _refuse_unknown(options: dict[str, Any], where: str) -> None:
    """Refuses an option of a marker that no check takes.

    A check of a step would leave it out in silence, for what it does not know is the step's own.
    """
    if not options:
        return
    from gradlint.checking import assert_gradients_flow, check
    from gradlint.checking.arguments import known_words, refuse_unknown_words
    from gradlint.checking.step import check_step, watch
    from gradlint.errors import UsageError

    try:
        refuse_unknown_words(options, known_words(check, check_step, watch, assert_gradients_flow), where)
    except UsageError as error:
        _refuse(str(error))


def _refuse(message: str) -> NoReturn:
    """Ends the set-up of a test; what it says is all there is to see: no line of the plugin's is at fault."""
    pytest.fail(f"UsageError: {message}", pytrace=False)


class Gradlint:
    """The `gradlint` module with the defaults of the test's markers; what the fixture gives."""

    def __init__(self, defaults: dict[str, Any]) -> None:
        self._defaults = defaults

    def assert_gradients_flow(self, model: object, sample: object = None, *labels: object, **options: Any) -> None:
        """Assert that `gradlint.check()` finds nothing; see `gradlint.assert_gradients_flow`."""
        __tracebackhide__ = True
        import gradlint

        gradlint.assert_gradients_flow(model, sample, *labels, **{**self._defaults, **options})

    def check(self, model: object, sample: object = None, *labels: object, **options: Any) -> Result:
        """Check a model; see `gradlint.check`."""
        import gradlint

        defaults = {name: value for name, value in self._defaults.items() if name != "allow"}
        return gradlint.check(model, sample, *labels, **{**defaults, **options})

    def assert_step_flows(self, step: Callable[..., object], *args: object, **options: Any) -> None:
        """Assert that `gradlint.check_step()` finds nothing; see `gradlint.assert_step_flows`."""
        __tracebackhide__ = True
        import gradlint

        gradlint.assert_step_flows(step, *args, **{**self._of_steps(gradlint.check_step, "allow"), **options})

    def check_step(self, step: Callable[..., object], *args: object, **options: Any) -> Result:
        """Check a training step; see `gradlint.check_step`."""
        import gradlint

        return gradlint.check_step(step, *args, **{**self._of_steps(gradlint.check_step), **options})

    def watch(self, *models: object, **options: Any) -> watch:
        """Observe a training step where it runs; see `gradlint.watch`."""
        import gradlint

        return gradlint.watch(*models, **{**self._of_steps(gradlint.watch), **options})

    def _of_steps(self, function: Callable[..., object], *more: str) -> dict[str, Any]:
        """The defaults that a check of a step takes: what it does not know would go to the step itself."""
        from inspect import signature

        known = {*signature(function).parameters, *more}
        return {name: value for name, value in self._defaults.items() if name in known}

    def __getattr__(self, name: str) -> object:
        import gradlint

        return getattr(gradlint, name)


class _InFull:
    """Under `-vv`, exchanges the folded message of a failed assertion before pytest shows it."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        assertion = sys.modules.get("gradlint.checking.assertion")
        if assertion is not None and call.excinfo is not None:
            error = call.excinfo.value
            if isinstance(error, assertion.GradientsDoNotFlow):
                error.args = (error.text(full=True),)


class _InShort:
    """Ends the traceback of a check that could not run at the line of the test that asked for it."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        errors = sys.modules.get("gradlint.errors")
        if errors is None or call.excinfo is None:
            return
        error = call.excinfo.value
        if not isinstance(error, (errors.UsageError, errors.SampleError, errors.ModelFileError)):
            return
        entry = last = error.__traceback__
        while entry is not None and not _is_own(entry):
            last, entry = entry, entry.tb_next
        if entry is not None and last is not entry and last is not None:
            last.tb_next = None
            error.__suppress_context__, error.__cause__ = True, None


def _is_own(entry: TracebackType) -> bool:
    """Whether a line of a traceback is gradlint's."""
    return str(entry.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == "gradlint"
