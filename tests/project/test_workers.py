"""Processes that stay for many checks: one import for all, nothing shared, and a crash costs one check."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alive import eventually, is_alive
from stand_ins import write_stand_ins

from gradlint.outcome import Checked, Failed
from gradlint.project import targets
from gradlint.project.isolation import Guard
from gradlint.project.room import Room
from gradlint.project.serving import FORKS
from gradlint.project.terminal import Fleet

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hostile"))
import files

pytestmark = pytest.mark.skipif(not FORKS, reason="processes that are copied")


@pytest.fixture
def errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Has factories of the user's run by one worker, and gives what went wrong in each; they build no model.

    TensorFlow is a stand-in, so that it takes no time; the file `imports` has a line for each time it is imported.
    """
    write_stand_ins(tmp_path / "installed", f"open({str(tmp_path / 'imports')!r}, 'a').write('once\\n')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "installed")

    def run(*bodies: str, timeouts: dict[int, float] | None = None) -> list[str]:
        for number, body in enumerate(bodies):
            lines = "\n    ".join(body.splitlines())
            (tmp_path / f"own{number}.py").write_text(
                f"import os, sys, signal, subprocess, time\ndef build():\n    {lines}\n"
            )
        jobs = [
            targets.Job(
                f"job{number}", f"own{number}:build", None, {}, (), Guard(timeout=(timeouts or {}).get(number, 60.0))
            )
            for number in range(len(bodies))
        ]
        return [done.error for done in targets.outcomes(jobs, 1)]

    return run


BUILDS_NOTHING = "returned NoneType"
KILLS_ITSELF = "open('tries', 'a').write('x')\nos.kill(os.getpid(), signal.SIGSEGV)"


def test_tensorflow_is_imported_once(errors: Callable[..., list[str]], tmp_path: Path) -> None:
    assert all(BUILDS_NOTHING in error for error in errors("pass", "pass", "pass"))
    assert (tmp_path / "imports").read_text() == "once\n"


def test_checks_on_paper_import_no_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files.keras_file(tmp_path)
    stages = []

    class Watcher:
        def stage(self, name: str, stage: str) -> None:
            stages.append((name, stage))

        def done(self, name: str) -> None:
            pass

    jobs = [targets.Job(name, files.MODEL, None, {"depth": "preflight"}, ()) for name in ("first", "second")]
    assert all(isinstance(done, Checked) for done in targets.outcomes(jobs, 1, watcher=Watcher()))
    assert stages == [("first", "reading the files"), ("second", "reading the files")]


def test_a_check_leaves_nothing_to_the_next(errors: Callable[..., list[str]]) -> None:
    changed = "import keras\nkeras.changed = True\nos.environ['CHANGED'] = '1'\nsys.modules['own1'] = keras"
    seen = "import keras\nraise KeyError(hasattr(keras, 'changed'), os.environ.get('CHANGED'))"
    _, error = errors(changed, seen)
    assert "KeyError: (False, None)" in error


def test_a_crash_costs_one_check_and_is_tried_twice(errors: Callable[..., list[str]], tmp_path: Path) -> None:
    first, second = errors(KILLS_ITSELF, "pass")
    assert "crashed while loading the model (SIGSEGV" in first
    assert first.endswith("It was tried twice.")
    assert (tmp_path / "tries").read_text() == "xx"
    assert BUILDS_NOTHING in second
    assert (tmp_path / "imports").read_text() == "once\n"


def test_a_check_that_was_killed_once_is_done(errors: Callable[..., list[str]]) -> None:
    (error,) = errors(f"if not os.path.exists('tries'):\n    {KILLS_ITSELF}".replace("\nos.kill", "; os.kill"))
    assert BUILDS_NOTHING in error


def test_a_worker_that_is_lost_is_replaced(errors: Callable[..., list[str]], tmp_path: Path) -> None:
    """The copy ends its own parent, as the system does that wants for memory."""
    body = f"if not os.path.exists('tries'):\n    {KILLS_ITSELF}".replace("getpid", "getppid")
    first, second = errors(body.replace("\nos.kill", "; os.kill") + "\ntime.sleep(0.2)", "pass")
    assert BUILDS_NOTHING in first
    assert BUILDS_NOTHING in second
    assert (tmp_path / "imports").read_text() == "once\nonce\n"


def test_time_is_bounded_also_for_what_it_started(errors: Callable[..., list[str]], tmp_path: Path) -> None:
    beat = f"import time\nwhile True: open({str(tmp_path / 'beat')!r}, 'a').write('.'); time.sleep(0.02)"
    start = f"subprocess.Popen([sys.executable, '-c', {beat!r}])\nwhile not os.path.exists('beat'): time.sleep(0.02)\n"
    first, second, third = errors(start, start + "time.sleep(60)", "pass", timeouts={1: 2.0})
    assert BUILDS_NOTHING in first
    assert "took more than 2 seconds" in second
    assert "twice" not in second
    assert BUILDS_NOTHING in third
    size = (tmp_path / "beat").stat().st_size
    time.sleep(0.2)
    assert (tmp_path / "beat").stat().st_size == size


def test_what_a_copy_left_behind_cannot_answer_for_the_next(errors: Callable[..., list[str]]) -> None:
    """A process in a session of its own keeps the channel open, and says that all is well."""
    forge = (
        "import gc, io, json\n"
        "channel = [o for o in gc.get_objects() if isinstance(o, io.TextIOWrapper) and o.encoding == 'ascii'][-1]\n"
        "if not os.fork():\n"
        "    os.setsid()\n"
        "    for _ in range(100):\n"
        "        channel.write(json.dumps({'error': 'UsageError', 'message': 'forged'}) + chr(10)); channel.flush()\n"
        "        time.sleep(0.02)\n"
        "    os._exit(0)\n"
    )
    _, error = errors(forge, "time.sleep(0.3)")
    assert BUILDS_NOTHING in error


@pytest.mark.exhaustive
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks for the memory of a process")
def test_what_is_large_is_checked_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, units in {"first": 2, "large": 11_000, "second": 2, "third": 2}.items():  # 484 MB of weights
        (tmp_path / f"{name}.py").write_text(
            "import keras\ndef build():\n    x = keras.Input((11_000,), name='x')\n"
            f"    return keras.Model({{'x': x}}, keras.layers.Dense({units}, kernel_initializer='he_normal')(x))\n"
        )
    stages: list[tuple[str, str]] = []

    class Watcher:
        def stage(self, name: str, stage: str) -> None:
            stages.append((name, stage.split()[0]))

        def done(self, name: str) -> None:
            stages.append((name, "done"))

    jobs = [targets.Job(name, f"{name}:build", None, {}, ()) for name in ("first", "large", "second", "third")]
    found = list(targets.outcomes(jobs, 2, watcher=Watcher()))
    assert not [done for done in found if isinstance(done, Failed)]
    assert [name for name, stage in stages if stage == "waiting"] == ["large"]
    began = stages.index(("large", "waiting")) + 1
    while stages[began][0] != "large":  # who was there before
        began += 1
    assert {name for name, _ in stages[began : stages.index(("large", "done"))]} == {"large"}


def test_room_is_for_several_or_for_one() -> None:
    from concurrent.futures import ThreadPoolExecutor

    room = Room()
    inside: list[str] = []
    seen: list[tuple[str, ...]] = []

    def enter(kind: str) -> None:
        with room.alone() if kind == "alone" else room.shared():
            inside.append(kind)
            seen.append(tuple(inside))
            time.sleep(0.01)
            inside.remove(kind)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, ["shared", "shared", "alone", "shared", "alone", "shared"] * 5))
    assert all("alone" not in each or len(each) == 1 for each in seen)
    assert any(len(each) > 1 for each in seen)
    assert len(seen) == 30


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """Nobody is left to end them when it is killed: neither those that check nor those that wait."""
    write_stand_ins(tmp_path / "installed", "")
    targets_file = ""
    for name in ("first", "second"):
        (tmp_path / f"{name}.py").write_text(
            "import os, time, pathlib\ndef build():\n"
            f"    pathlib.Path({str(tmp_path)!r}, 'draft of {name}').write_text(f'{{os.getpid()}} {{os.getppid()}}')\n"
            f"    os.rename({str(tmp_path / f'draft of {name}')!r}, {str(tmp_path / name)!r})\n"
            "    time.sleep(600)\n"
        )
        targets_file += f'[targets.{name}]\nmodel = "{name}.py:build"\n'
    (tmp_path / "gradlint.toml").write_text(targets_file)
    paths = os.pathsep.join([str(tmp_path / "installed"), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-m", "gradlint", "--jobs", "2", "--no-isolate", "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.DEVNULL,
    )
    told = [tmp_path / "first", tmp_path / "second"]
    assert eventually(lambda: all(file.exists() for file in told))
    workers = {int(number) for file in told for number in file.read_text().split()}
    assert len(workers) == 4
    process.kill()
    process.wait()
    assert eventually(lambda: not any(is_alive(number) for number in workers))


def test_a_terminal_sees_what_runs_and_how_far_it_is(tmp_path: Path) -> None:
    with (tmp_path / "screen").open("w", encoding="utf-8") as stream, Fleet(stream, 3) as watcher:
        watcher.stage("towers", "loading \x1b[2Jthe model")
        watcher.done("towers")
        watcher.stage("[red]other", "recording")
    shown = (tmp_path / "screen").read_text(encoding="utf-8")
    assert "1/3" in shown
    assert "[red]other: recording" in shown
    assert "\x1b[2J" not in shown


def test_a_job_that_has_just_begun_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal while its thread is started: nobody else would remove what it makes."""
    ended: list[bool] = []

    def slow(*_: object) -> Failed:
        time.sleep(0.2)
        ended.append(True)
        return Failed("job", "none")

    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(targets, "outcome_or_error", slow)
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(targets.outcomes([targets.Job("job", "model", None, {}, ())], 1))
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended
