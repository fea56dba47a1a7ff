"""The pytest plugin; gradlint itself is imported only by tests that ask for the fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="session")
def gradlint() -> ModuleType:
    """The `gradlint` module: `gradlint.assert_gradients_flow(model, sample)`."""
    import gradlint

    return gradlint
