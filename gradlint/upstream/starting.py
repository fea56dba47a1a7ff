"""Imports TensorFlow and Keras, and keeps off the screen what they say."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import tempfile
import warnings
from typing import TYPE_CHECKING, Any

from gradlint.collector import settle, uncollected
from gradlint.errors import UsageError
from gradlint.upstream.names import require_known_versions
from gradlint.upstream.raised import REASON_LENGTH, first_words

if TYPE_CHECKING:
    from collections.abc import Iterator


def quiet_tensorflow() -> None:
    """Imports TensorFlow and Keras without a word on the screen, if they can be used. Later calls cost nothing.

    Raises:
        UsageError: TensorFlow is not installed or does not start, or Keras runs on another backend.
        UnknownVersionError: gradlint does not know these releases of TensorFlow and Keras.
    """
    import_tensorflow()
    require_known_versions()


def refuse_graphs() -> None:
    """Raises UsageError where TensorFlow builds a graph, in which nothing has a value."""
    import tensorflow as tf

    if not tf.executing_eagerly():
        raise UsageError(
            "gradlint was called where TensorFlow builds a graph: in a tf.function, the map of a dataset, a layer or "
            "a loss under fit; call it outside of that, before fit or in a callback"
        )


def import_tensorflow() -> None:
    """Imports TensorFlow and Keras without a word on the screen, whatever their versions.

    Raises:
        UsageError: TensorFlow is not installed or does not start, or Keras runs on another backend.
    """
    if "tensorflow" not in sys.modules or "keras" not in sys.modules:
        # Read once by TensorFlow's C++ side, for the whole process: errors only, and nothing below.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        backend = os.environ.get("KERAS_BACKEND")
        os.environ["KERAS_BACKEND"] = backend or "tensorflow"  # wins over ~/.keras/keras.json
        try:
            # To look for circles takes a quarter of the time of TensorFlow's import.
            with _native_stderr() as said, uncollected():
                try:
                    importlib.import_module("tensorflow")
                    importlib.import_module("keras")
                except Exception as error:
                    raise UsageError(_no_tensorflow(error, backend, said())) from error
                settle()
        finally:
            if backend is None:
                del os.environ["KERAS_BACKEND"]
    import keras

    if (name := keras.backend.backend()) != "tensorflow":
        raise UsageError(
            f"Keras runs on the {name} backend, but gradlint reads TensorFlow's gradients; set KERAS_BACKEND=tensorflow"
        )


def _no_tensorflow(error: Exception, backend: str | None, said: str) -> str:
    reason = f"{type(error).__name__}: {first_words(error)}"
    if backend not in (None, "", "tensorflow"):
        return f"Keras cannot be imported with KERAS_BACKEND={backend} ({reason}); set KERAS_BACKEND=tensorflow"
    last = said.strip().splitlines()[-1:]
    more = f" It said: {last[0][:REASON_LENGTH]}" if last else ""
    return f"TensorFlow or Keras cannot be imported: {reason}. Try `python -c 'import tensorflow, keras'`.{more}"


@contextlib.contextmanager
def _native_stderr() -> Iterator[Any]:
    """Keeps what is written to file descriptor 2 off the screen; yields a function that gives it back.

    `TF_CPP_MIN_LOG_LEVEL` is not enough: TensorFlow 2.21 logs some lines before its logging is set up,
    straight to the descriptor ("All log messages before absl::InitializeLog() is called ...").
    """
    try:
        sys.stderr.flush()
        copy = os.dup(2)
    except (OSError, AttributeError, ValueError):  # no standard error at all: nothing to hide
        yield str
        return
    try:
        said = tempfile.TemporaryFile()  # noqa: SIM115
    except OSError:  # no place for one: what is said is seen
        os.close(copy)
        yield str
        return
    with said:

        def text() -> str:
            said.seek(0)
            return said.read().decode("utf-8", "replace")

        try:
            os.dup2(said.fileno(), 2)
            yield text
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os.dup2(copy, 2)
            os.close(copy)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps Python warnings, and what TensorFlow and absl log below errors, off the screen."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
