"""The progress line: nothing for quick checks, one line that is cleared for slow ones."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING

from alive import eventually

from gradlint.cli.parser import parser_of_options
from gradlint.project import terminal

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def shown(path: Path, patience: float, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(terminal, "PATIENCE", patience)
    with path.open("w") as stream, terminal.Progress(stream) as progress:
        progress("loading TensorFlow")
        if patience < 1:
            assert eventually(lambda: "loading" in path.read_text())
        progress("recording")
    return path.read_bytes().decode()  # as it is: text mode would turn the carriage returns


def test_a_quick_check_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(tmp_path / "screen", 60.0, monkeypatch) == ""


def test_a_slow_check_shows_its_stages_and_clears_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(tmp_path / "screen", 0.01, monkeypatch)
    clear = "\r\x1b[K"
    assert text == f"{clear}loading TensorFlow ...{clear}recording ...{clear}"


def test_it_shows_on_the_screen_even_when_stderr_is_turned_away(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 0.01)
    with (tmp_path / "screen").open("w") as stream, terminal.Progress(stream) as progress:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        progress("loading TensorFlow")
        assert eventually(lambda: "loading TensorFlow" in (tmp_path / "screen").read_text())


def test_silence_drops_warnings_and_logs_and_gives_them_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="tensorflow")  # whatever ran before in this process
    with warnings.catch_warnings(record=True) as warned, terminal.silence():
        warnings.warn("w", stacklevel=1)
        logging.getLogger("tensorflow").warning("noise")
        logging.getLogger("tensorflow").error("trouble")
    assert warned == []
    assert [record.message for record in caplog.records] == ["trouble"]
    logging.getLogger("tensorflow").warning("heard")
    assert caplog.records[-1].message == "heard"


def test_help_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    said = parser_of_options().format_help()
    assert [line for line in said.splitlines() if len(line) > 60] == []
    assert "  gradlint merge *.json\n      one report of the parts" in said
    monkeypatch.setenv("COLUMNS", "120")
    wide = parser_of_options().format_help()
    assert "  gradlint model.keras sample.npz                     check a model on a sample\n" in wide
