"""The command as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from running import FIXTURES, ROOT, Ran

from gradlint import cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

sys.path.insert(0, str(FIXTURES))


@pytest.fixture
def command() -> Callable[..., Ran]:
    """Run `gradlint` as a process of its own, in the folder of the repository: 3 to 6 s with TensorFlow."""

    def run(*arguments: str, folder: Path = ROOT) -> Ran:
        environment = {k: v for k, v in os.environ.items() if k not in ("TF_CPP_MIN_LOG_LEVEL", "PYTHONPATH")}
        done = subprocess.run(
            [sys.executable, "-m", "gradlint", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=180,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the same command line inside this process, where TensorFlow is already there."""

    def run(*arguments: str, folder: Path = ROOT) -> Ran:
        monkeypatch.chdir(folder)
        capfd.readouterr()
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as ended:  # argparse
            status = int(ended.code or 0)
        out, err = capfd.readouterr()
        return Ran(status, out, err)

    return run
