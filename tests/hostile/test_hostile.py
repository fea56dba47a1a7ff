"""Hostile and broken files through the command line: here what is refused before TensorFlow, and a few for real.

`run_all.py` runs all of them for real.
"""

from __future__ import annotations

import builtins
import json
import os
import pickle
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import CASES, MARKER, evil_module, keras_file, legacy, model, npy, npz, pickled, sample
from fuzz import fuzz
from run_all import run

from gradlint import cli
from gradlint.errors import SampleError
from gradlint.load import arrays, configuration, preflight
from gradlint.load import model as loading
from gradlint.load.model import target
from gradlint.report import FORMATS
from gradlint.upstream import starting

if TYPE_CHECKING:
    from collections.abc import Callable

    from files import Case

BY_NAME = {case.name: case for case in CASES}
LIGHT = [case for case in CASES if not case.loads]
FOR_REAL = [
    "lambda-layer",
    "registered-name-under-a-class-of-keras",
    "array-that-is-a-bomb",
    "weights-that-are-nan",
    "rows-that-multiply-when-it-runs",
]


def test_there_are_enough() -> None:
    assert len(CASES) >= 60
    assert len(BY_NAME) == len(CASES)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", LIGHT, ids=[case.name for case in LIGHT])
def test_the_answer_before_tensorflow(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(*_: object, **__: object) -> NoReturn:
        raise AssertionError("TensorFlow would be imported")

    # Other tests of this process may have imported Keras, and with it the classes of a user.
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(target, "load_target", load)
    monkeypatch.setattr(starting, "quiet_tensorflow", load)
    arguments = case.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    status = cli.main(arguments)
    out, err = capsys.readouterr()
    assert status == case.status, out + err
    assert re.search(case.words, err if status == 2 else out)
    assert len(err.splitlines()) == (status == 2)
    assert "internal error" not in err
    assert all(char.isprintable() or char == "\n" for char in out + err)
    assert not (tmp_path / MARKER).exists()
    assert "evil" not in sys.modules


@pytest.mark.parametrize("name", FOR_REAL)
def test_the_answer_for_real(name: str) -> None:
    faults = run(BY_NAME[name]).faults()
    assert [fault for fault in faults if fault != "time"] == []  # other tests may run beside


def test_the_payloads_are_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What never runs above would leave a marker if it did."""
    marker = tmp_path / MARKER
    pickle.loads(pickled(tmp_path))
    assert marker.exists()
    marker.unlink()
    evil_module(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    builtins.__import__("evil")
    del sys.modules["evil"]  # for good: monkeypatch would bring it back for the tests that come after
    assert marker.exists()


def test_the_flag_lets_a_lambda_run() -> None:
    ran = run(BY_NAME["lambda-layer"], "--trust-model")
    assert ran.marker
    assert ran.status in (0, 1)


@pytest.mark.parametrize("number", [40, pytest.param(200, marks=pytest.mark.exhaustive)])
def test_a_few_mutations(number: int) -> None:
    fuzz(number, models=False)


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "s.npz"])
@pytest.mark.parametrize("left", ["nothing", "half"])
@pytest.mark.parametrize("looks", [1, 2])
def test_a_file_that_vanishes_while_it_is_read(
    name: str,
    left: str,
    looks: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Gone, or cut short, after gradlint has looked at it so many times."""
    keras_file(tmp_path)
    sample(tmp_path)
    legacy(tmp_path, {"class_name": "Dense", "config": {"name": "d", "units": 1}})
    file, opened, seen = tmp_path / name, preflight.require_file, []

    def require(path: Path, *more: Any) -> Path:
        found = opened(path, *more)
        if Path(path).name == name:
            seen.append(path)
        if len(seen) == looks and file.exists():
            if left == "half":
                os.truncate(file, file.stat().st_size // 2)
            else:
                file.unlink()
        return found

    for module in (preflight, configuration, arrays, loading):
        monkeypatch.setattr(module, "require_file", require)
    monkeypatch.chdir(tmp_path)
    status = cli.main([name if name != "s.npz" else "m.keras", "s.npz"])
    out, err = capsys.readouterr()
    if len(seen) < looks:
        assert status in (0, 1)
        return
    assert status == 2, out + err
    assert len(err.splitlines()) == 1
    assert "internal error" not in err
    assert name in err


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="counts open files through /proc")
def test_no_file_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    arguments = BY_NAME["external-link-in-the-weights"].make(tmp_path)
    cli.main(arguments)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        cli.main(arguments)
    assert len(os.listdir("/proc/self/fd")) <= before


LONG = "n" * 10**6
LONG_NAMES: dict[str, Callable[[dict[str, Any]], object]] = {
    "class": lambda entry: entry.update(class_name=LONG),
    "module": lambda entry: entry.update(module=LONG),
    "registered name": lambda entry: entry.update(registered_name=LONG),
    "argument": lambda entry: entry["config"].update({LONG: "https://example.com"}),
    "path": lambda entry: entry["config"].update(vocabulary=f"/{LONG}"),
}


@pytest.mark.parametrize("where", LONG_NAMES)
def test_a_refusal_shortens_a_name(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = model()
    monkeypatch.delitem(sys.modules, "keras", raising=False)  # as for the cases above
    LONG_NAMES[where](config["config"]["layers"][1])
    keras_file(tmp_path, json.dumps(config).encode())
    monkeypatch.chdir(tmp_path)
    assert cli.main(["m.keras", "--depth", "preflight", "--no-cache", "--no-isolate"]) == 2
    assert len(capsys.readouterr().err) < 500


def test_a_long_key_of_a_sample_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    npz(tmp_path, {f"{'k' * 60_000}.npy": npy((3, 4), data=bytes(48))})
    with pytest.raises(SampleError, match="a key of 60,000 characters"):
        arrays.read_array_specs("s.npz")


def test_no_line_on_stderr_is_long(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["m" * 10**5, "--no-cache", "--no-isolate"]) == 2
    assert len(capsys.readouterr().err) < 4_100


KEYS = (
    "\x1b[2J\x1b]0;owned\x07",
    "<script>alert(1)</script>",
    "`<img src=x>`",
    "\u202eevil",
    "::error::x",
    "a\nb",
    "%0A::",
)


@pytest.mark.parametrize("form", list(FORMATS))
def test_keys_are_shown_escaped_in_every_format(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    npz(tmp_path, {f"{key}.npy": npy((3, 4), data=bytes(48)) for key in KEYS})
    monkeypatch.chdir(tmp_path)
    assert cli.main(["m.keras", "s.npz", "--depth", "preflight", "--format", form]) == 1
    out, _ = capsys.readouterr()
    assert [char for char in out if not char.isprintable() and char != "\n"] == []
    if form in ("html", "junit"):
        assert "<script>alert" not in out
        assert "<img" not in out
    if form == "github":
        assert all(line.startswith(("::error file=m.keras", "::warning file=m.keras")) for line in out.splitlines())
    if form == "markdown":
        outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", out.replace("\\`", ""))
        assert "<script>" not in outside
        assert "<img" not in outside


def test_each_known_hole_is_replayed() -> None:
    """What SECURITY.md names as a replay is a file that is tried."""
    security = (Path(__file__).resolve().parents[2] / "SECURITY.md").read_text()
    rows = [line for line in security.splitlines() if line.startswith("| CVE-")]
    replays = [replay for row in rows for replay in re.findall(r"\(([`\w, ]+)\) \|$", row)]
    names = {name for replay in replays for name in re.findall(r"`(\w+)`", replay)}
    assert len(rows) == len(replays) == 9
    assert {name.replace("_", "-") for name in names} <= set(BY_NAME)
