"""Known answers: taken when nothing has changed, never when anything has, and whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gradlint.finding import Cause, Finding, Severity
from gradlint.load.limits import DEFAULT_LIMITS, Limits
from gradlint.project import isolation
from gradlint.project.answers import DRAFT, ENTRY, HEADER, IGNORED, MOST_ENTRIES, OURS
from gradlint.project.cache import Entry, _programs, entry_of
from gradlint.project.isolation import Guard, guarded_check
from gradlint.report import FORMATS
from gradlint.report.text import Style
from gradlint.result import GradientState, InputStatus, Result, SkippedRule, VariableStatus
from gradlint.rules import described

if TYPE_CHECKING:
    from collections.abc import Callable

RESULT = Result(
    target="m.keras",
    model="m (Functional), 3 layers",
    sample="2 inputs of 8 rows",
    loss="mse",
    depth="values",
    findings=(
        Finding(
            "GL103", "nondifferentiable-op", Severity.ERROR, "Größe · ArgMax", ("a",), ("enc/kernel",),
            Cause("enc", "ArgMax", "layers.py", 3), {"share": float("nan"), "shapes": [[1, None]]}, 7,
        ),
    ),
    inputs=(InputStatus("a", (8, None), "float32", GradientState.FINITE, float("inf"), 2),),
    variables=(VariableStatus("enc/kernel", (3, 4), "float32", True, GradientState.ABSENT, None, ("a",)),),
    rules=("GL101", "GL103"),
    skipped=(SkippedRule("GL501", "it failed"),),
    catalogue=described(("GL101", "GL103")),
    notes=("a note",),
)  # fmt: skip


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.keras").write_bytes(b"model")
    (tmp_path / "s.npz").write_bytes(b"sample")
    return tmp_path


def entry(folder: Path = Path("cache"), **options: object) -> Entry:
    found = entry_of(folder, "m.keras", "s.npz", options, DEFAULT_LIMITS, in_process=True)
    assert found is not None
    return found


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checks that were really done."""
    done: list[str] = []

    def guarded(model: str, *rest: object) -> Result:
        done.append(model)
        return RESULT

    monkeypatch.setattr(isolation, "_checked", guarded)
    return done


def test_an_answer_comes_back_as_it_was(files: Path) -> None:
    entry().write(RESULT)
    known = entry().read()
    assert known is not None
    for render in FORMATS.values():
        assert render(known, Style()) == render(RESULT, Style())
    assert replace(known, findings=(), inputs=()) == replace(RESULT, findings=(), inputs=())


def test_a_second_check_is_not_done(files: Path, checked: list[str]) -> None:
    guard = Guard(cache=Path("cache"))
    for _ in range(3):
        assert guarded_check("m.keras", "s.npz", {"seed": 1}, guard).to_json() == RESULT.to_json()
    assert checked == ["m.keras"]


def test_without_a_cache_every_check_is_done(files: Path, checked: list[str]) -> None:
    for _ in range(2):
        guarded_check("m.keras", "s.npz", {}, Guard())
    assert len(checked) == 2
    assert sorted(path.name for path in files.iterdir()) == ["m.keras", "s.npz"]


@pytest.mark.parametrize(
    "change",
    [
        lambda: Path("m.keras").write_bytes(b"other"),
        lambda: Path("s.npz").write_bytes(b"other!"),
        lambda: os.environ.__setitem__("TF_ENABLE_ONEDNN_OPTS", "0"),
    ],
    ids=["model", "sample", "environment"],
)
def test_a_change_is_seen(files: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    before = entry().file
    change()
    assert entry().file != before
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)


@pytest.mark.parametrize(
    "options", [{"seed": 1}, {"depth": "structure"}, {"imports": ["mine.py"]}, {"select": ["GL1"]}]
)
def test_options_make_a_difference(files: Path, options: dict[str, object]) -> None:
    assert entry(**options).file != entry().file


def test_an_answer_counts_under_its_own_limits(files: Path, checked: list[str]) -> None:
    """A stricter one would refuse the files, which an answer must not hide."""
    for limits, number in ((DEFAULT_LIMITS, 1), (Limits(items=20), 2), (Limits(items=20), 2), (DEFAULT_LIMITS, 2)):
        guarded_check("m.keras", "s.npz", {}, Guard(limits, cache=Path("cache")))
        assert len(checked) == number


def test_versions_make_a_difference(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    before = entry().file
    monkeypatch.setattr(metadata, "version", lambda name: "99")
    assert entry().file != before


def test_every_file_of_a_checkout_makes_a_difference() -> None:
    """A checkout that is being worked on has one version for many states."""
    states = _programs()[-1]
    assert isinstance(states, list)
    known = {file for file, *_ in states}
    assert {"__init__.py", "rules/gl103_nondifferentiable_op.py", "project/cache.py"} <= known


def test_an_imported_file_and_what_it_imports(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(files))
    Path("mine_cached.py").write_text("import deep_cached\n")
    Path("deep_cached.py").write_text("x = 1\n")
    __import__("mine_cached")
    entry(imports=["mine_cached.py"]).write(RESULT)
    assert entry(imports=["mine_cached.py"]).read() is not None
    Path("deep_cached.py").write_text("x = 2\n")
    assert entry(imports=["mine_cached.py"]).read() is None
    Path("deep_cached.py").write_text("x = 1\n")
    Path("mine_cached.py").write_text("import deep_cached\ny = 2\n")
    assert entry(imports=["mine_cached.py"]).read() is None


def test_code_is_not_known(files: Path) -> None:
    for model, sample in (("package.module:factory", None), ("missing.keras", None), ("m.keras", "missing.npz")):
        assert entry_of(Path("cache"), model, sample, {}, DEFAULT_LIMITS, in_process=True) is None
    assert entry_of(Path("cache"), "m.keras", None, {"imports": ["a.py"]}, DEFAULT_LIMITS, in_process=False) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", "{}", "[" * 100_000, '{"gradlint": 3, "modules": {}, "catalogue": [], "result": null}',
        '{"gradlint": 3, "modules": [], "result": {}}', '{"gradlint": 4, "modules": {}, "result": {}}', "\ud800",
    ],
)  # fmt: skip
def test_a_broken_entry_is_ignored_and_written_anew(files: Path, checked: list[str], text: str) -> None:
    guard = Guard(cache=Path("cache"))
    guarded_check("m.keras", "s.npz", {}, guard)
    file = entry().file
    whole = file.read_bytes()
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert guarded_check("m.keras", "s.npz", {}, guard).to_json() == RESULT.to_json()
    assert len(checked) == 2
    assert file.read_bytes() == whole


def test_a_forged_field_is_refused(files: Path) -> None:
    entry().write(RESULT)
    data = json.loads(entry().file.read_text())
    data["result"]["findings"][0]["severity"] = "none"
    entry().file.write_text(json.dumps(data))
    assert entry().read() is None
    entry().write(RESULT)
    data = json.loads(entry().file.read_text())
    data["catalogue"][0]["advice"] = ["\033]0;"]
    entry().file.write_text(json.dumps(data))
    assert entry().read() is None


def test_a_file_that_changes_during_the_check(files: Path) -> None:
    place = entry()
    time.sleep(0.01)
    Path("m.keras").write_bytes(b"newer")
    place.write(RESULT)
    assert not place.file.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_cannot_be_written(files: Path) -> None:
    Path("closed").mkdir(mode=0o500)
    entry(Path("closed/cache")).write(RESULT)
    assert entry(Path("closed/cache")).read() is None


def test_the_oldest_entries_go_and_what_a_kill_left(files: Path) -> None:
    entry().write(RESULT)
    folder = Path("cache")
    for number in range(MOST_ENTRIES + 5):
        old = folder / f"{number:040x}.json"
        old.write_bytes(HEADER + b"1}")
        os.utime(old, (number, number))
    left = folder / "draft-0a1b2c3d"
    left.write_bytes(HEADER[:5])
    os.utime(left, (1, 1))
    assert DRAFT.fullmatch(left.name)
    assert ENTRY.fullmatch(old.name)
    entry(seed=3).write(RESULT)
    assert len(list(folder.glob("*.json"))) == MOST_ENTRIES
    assert not left.exists()
    assert entry().read() is not None
    assert (folder / ".gitignore").read_text() == IGNORED
    assert (folder / "CACHEDIR.TAG").read_text() == OURS


def test_many_at_once_never_see_half_an_entry(files: Path) -> None:
    long = replace(RESULT, notes=tuple(f"note {n}" for n in range(20_000)))
    bad: list[object] = []
    place = entry()
    place.write(long)
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            known = place.read()
            if known is None or len(known.notes) != 20_000:
                bad.append(known)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        place.write(long)
    stop.set()
    for thread in threads:
        thread.join()
    assert bad == []


def test_a_known_answer_needs_no_tensorflow(files: Path) -> None:
    entry().write(RESULT)
    code = (
        "import sys; from pathlib import Path; from gradlint.project.isolation import Guard, guarded_check\n"
        "result = guarded_check('m.keras', 's.npz', {}, Guard(cache=Path('cache')))\n"
        "assert result.target == 'm.keras'\n"
        "assert [info.code for info in result.catalogue] == ['GL101', 'GL103']\n"
        "print([m for m in ('tensorflow', 'keras', 'numpy', 'networkx', 'gradlint.rules') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
