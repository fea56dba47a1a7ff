"""Files of a checkout that are no files, or odd inside: a pipe, a link to a device, an encoding, nesting, many lines.

All run in this process, under an alarm: before, most of these hung, took all memory, or were an internal error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import MODEL, SAMPLE, keras_file, npy, npz, sample

from gradlint import version
from gradlint.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes, links and alarms of POSIX")
SECONDS = 60
TAPE = """
import tensorflow as tf
with tf.GradientTape() as tape:
    loss = model(x)
grads = tape.gradient(loss, model.trainable_variables)
"""
CHECK = [MODEL, SAMPLE, "--depth", "preflight", "--no-cache", "--no-isolate"]
PLACES = {
    "source": ("train.py", ["train.py"]),
    "notebook": ("train.ipynb", ["train.ipynb"]),
    "source to fix": ("train.py", ["--diff", "train.py"]),
    "configuration": ("other.toml", [*CHECK, "--config", "other.toml"]),
    "baseline": ("known.json", [*CHECK, "--baseline", "known.json"]),
    "part of a run": ("part.json", ["merge", "part.json"]),
}
"""A name, and what reads a file of it."""
DEVICES: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
}


@pytest.fixture(autouse=True)
def alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def ring(*_: object) -> NoReturn:
        raise AssertionError("it takes too long")

    monkeypatch.chdir(tmp_path)
    keras_file(tmp_path)
    sample(tmp_path)
    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 2) -> str:
    assert main([*arguments]) == status
    out, err = capsys.readouterr()
    assert "internal error" not in err
    assert all(len(line) < 4_100 for line in err.splitlines())
    return out + err


@pytest.mark.parametrize("kind", DEVICES)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file_is_not_read(place: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, arguments = PLACES[place]
    DEVICES[kind](tmp_path / name)
    words = said(capsys, *arguments)
    assert "not a regular file" in words or "there is no such file" in words


@pytest.mark.parametrize("kind", DEVICES)
@pytest.mark.parametrize("name", [".gitignore", "gradlint.toml", "pyproject.toml"])
def test_what_is_looked_for_and_no_file_is_none(
    name: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    DEVICES[kind](tmp_path / name)
    (tmp_path / "train.py").write_text("x = 1\n")
    assert "1 source file" in said(capsys, ".", status=0)


@pytest.mark.parametrize("encoding", ["undefined", "punycode", "idna", "zlib", "rot13", "no-such", "utf-7", "utf-16"])
@pytest.mark.parametrize("text", [TAPE, "x = 1\n"])
def test_a_cookie_of_any_encoding(encoding: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.py").write_bytes(f"# coding: {encoding}\n{text}# \u00fc-9".encode())
    main(["train.py"])
    _, err = capsys.readouterr()
    assert "internal error" not in err
    assert len(err.splitlines()) < 2


def notebook(text: str) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": text}]})


def unfound() -> str:
    """Forty thousand lines as no writer that is known writes them."""
    lines = "".join(f"x{number} = {number}\n" for number in range(40_000))
    return notebook("@").replace("@", "".join(f"\\u{ord(char):04X}" for char in lines))


SLOW = {
    "blanks": ("train.ipynb", lambda: notebook("!ls\n" + " " * 200_000 + "x y\n"), ["train.ipynb"], 2),
    "names": (
        "train.ipynb",
        lambda: notebook("!ls\n" + "a " * 100_000 + "\n"),
        ["train.ipynb"],
        2,
    ),
    "lines that are not found": ("train.ipynb", unfound, ["train.ipynb"], 0),
    "stars": (".gitignore", lambda: "*a" * 60 + "b\n", ["."], 0),
    "folders": (".gitignore", lambda: "**/a/" * 60 + "b\n", ["."], 0),
    "stars to exclude": ("gradlint.toml", lambda: f'exclude = ["{"*a" * 60}b"]\n', ["."], 0),
    "lines of a configuration": ("gradlint.toml", lambda: "\n" * 1_000_000, CHECK, 0),
    "targets": ("gradlint.toml", lambda: "".join(f"[targets.'a {n}']\nmodel = 1\n" for n in range(10_000)), [], 2),
    "rules": ("gradlint.toml", lambda: "".join(f"[targets.t{n}]\nselect = 'X'\n" for n in range(5_000)), [], 2),
}


@pytest.mark.parametrize("kind", SLOW)
def test_what_grew_beyond_measure(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, text, arguments, status = SLOW[kind]
    (tmp_path / name).write_text(text())
    (tmp_path / ("a" * 200 + ".py")).write_text("x = 1\n")
    deep = tmp_path.joinpath(*["a"] * 120)
    deep.mkdir(parents=True)
    (deep / "x.py").write_text("x = 1\n")
    said(capsys, *arguments, status=status)


ODD = {
    "nested lists of a configuration": ("gradlint.toml", "a = " + "[" * 100_000, CHECK, "is not TOML"),
    "a number of a configuration": ("gradlint.toml", "seed = " + "9" * 5_000, CHECK, "is not TOML"),
    "nested lists of a baseline": ("known.json", "[" * 200_000, [*CHECK, "--baseline", "known.json"], "cannot be read"),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_was_an_internal_error(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, text, arguments, words = ODD[kind]
    (tmp_path / name).write_text(text)
    assert words in said(capsys, *arguments)


@pytest.mark.parametrize(
    ("shard", "words"),
    [
        ((1, 0), "there is no part 1/0"),
        ((10**30, 10**30), f"part 1, 2, 3 and {10**30 - 4:,} more of {10**30} is missing"),
        ((-1, 2), "there is no part -1/2"),
    ],
)
def test_a_part_of_a_run_that_cannot_be(
    shard: tuple[int, int], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = {"names": ["a"], "outcomes": [], "source": None, "files": {}, "complaints": [], "allowed": []}
    part = {
        "gradlint": version.__version__,
        "part": 1,
        "shard": dict(zip(("number", "of"), shard, strict=True)),
        **rest,
    }
    (tmp_path / "part.json").write_text(json.dumps({**part, "whole": True, "baseline": ""}))
    assert words in said(capsys, "merge", "part.json")


def test_an_address_that_never_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("fsspec")
    os.mkfifo(tmp_path / "slow.keras")
    err = said(capsys, f"file://{tmp_path}/slow.keras", "--timeout", "2", "--no-isolate")
    assert "took more than 2 seconds to fetch" in err


def test_a_length_that_is_no_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    npz(tmp_path, {"x.npy": npy((True, 4), data=bytes(16))})
    assert "the header of 'x' is broken" in said(capsys, *CHECK)
