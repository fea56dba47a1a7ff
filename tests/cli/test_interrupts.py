"""Ctrl-C in code that loses the exception: C code that imports a module, and tells that the import failed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, os, signal, sys
import gradlint.cli
atexit.register(print, "ended")
def run(*_):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        pass
    {then}
gradlint.cli._run = run
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.exit(gradlint.cli.main(["m.keras", "s.npz"]))
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize(
    ("then", "told"),
    [
        ("raise ImportError('could not import datetime')", ("", "gradlint: interrupted\n", 130)),
        ("return 0", ("ended\n", "", 0)),
    ],
    ids=["fails", "goes on"],
)
def test_an_interrupt_that_was_lost(then: str, told: tuple[str, str, int]) -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM.format(then=then)], text=True, capture_output=True)
    assert (ran.stdout, ran.stderr, ran.returncode) == told
