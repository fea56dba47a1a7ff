"""Makes `flows` importable from every folder of tests, and lets no test fail because the machine is busy."""

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from gradlint.load import search

# Before any file of tests imports TensorFlow, which reads it once: tests compare what is on standard error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# The same answers at a desk and in continuous integration, where gradlint checks every model in a process of its own.
os.environ.pop("CI", None)

# What is started in the background of a shell ignores the interrupt, and so would all that the tests start and end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("gradlint", deadline=None)
settings.load_profile("gradlint")


@pytest.fixture(scope="session", autouse=True)
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of the tests' own: none of theirs reaches the user's, nor the other way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        yield


@pytest.fixture(autouse=True)
def folders() -> Iterator[None]:
    """What a command line says of the folders of modules, in the process of the tests, it says for one test."""
    with search.restored():
        yield
