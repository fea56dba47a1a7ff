"""The plugin gives the module, and brings nothing else along."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["pytester"]


def test_the_fixture_is_the_module(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_not_imported_yet():
            assert "gradlint.checking" not in sys.modules
            assert "gradlint.result" not in sys.modules

        def test_fixture(gradlint):
            assert gradlint.Result.__module__ == "gradlint.result"
        """
    )
    plugin = [] if "gradlint" in registered() else ["-p", "gradlint.pytest_plugin"]
    pytester.runpytest_subprocess(*plugin).assert_outcomes(passed=2)


def registered() -> set[str]:
    from importlib.metadata import entry_points

    return {entry.name for entry in entry_points(group="pytest11")}
