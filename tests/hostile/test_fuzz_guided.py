"""What the fuzzers start from, and what they once found, through the same functions, without atheris."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fuzz_guided
from fuzz_guided import CORPUS

TARGETS = ("preflight", "spec", "npz", "config", "reports")


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus(target: str) -> None:
    seeds = sorted((CORPUS / target).iterdir())
    assert seeds
    run = fuzz_guided._targets()[target]
    for seed in seeds:
        run(seed.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_a_short_run(target: str) -> None:
    pytest.importorskip("atheris")
    command = [sys.executable, fuzz_guided.__file__, target, "--seconds", "5"]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace")
    assert ran.returncode == 0, ran.stderr[-3000:]
