"""What is made for a while, and how it goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from gradlint.load.temporary import draft_beside, temporary_folder, undisturbed

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hostile"))
from files import MODEL, keras_file, layer, model, sample

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
LOADING = """
import os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell they are ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from gradlint.upstream.starting import quiet_tensorflow
quiet_tensorflow()
import keras
def load_model(*_, **__):
    import tempfile
    print(len(os.listdir(os.environ["TMPDIR"])), tempfile.gettempdir() != os.environ["TMPDIR"], flush=True)
    if sys.stdin.readline():  # the time is up, however long it took to come here
        (timer,) = (each for each in threading.enumerate() if isinstance(each, threading.Timer))
        threading.Thread(target=timer.function).start()
    time.sleep(600)
keras.saving.load_model = load_model
from gradlint.cli import main
sys.exit(main([*sys.argv[1:], "--no-cache", "--debug"]))
"""
"""A check that stays where Keras has unpacked its assets."""


def test_a_folder_is_gone_though_a_signal_comes_while_it_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    removed, original = [], tempfile.TemporaryDirectory.cleanup

    def cleanup(self: tempfile.TemporaryDirectory[str]) -> None:
        removed.append(self.name)
        if len(removed) == 1:
            raise KeyboardInterrupt
        original(self)

    monkeypatch.setattr(tempfile.TemporaryDirectory, "cleanup", cleanup)
    with pytest.raises(KeyboardInterrupt), temporary_folder() as folder:
        assert Path(folder).is_dir()
    assert not Path(folder).exists()


def test_a_draft_is_gone_though_a_signal_comes_while_it_is_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    removed, original = [], Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        removed.append(self)
        if len(removed) == 1:
            raise KeyboardInterrupt
        original(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(KeyboardInterrupt), draft_beside(tmp_path / "report"):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_signals_wait_though_another_thread_hears_them() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    over, through = threading.Event(), []
    thread = threading.Thread(target=over.wait)
    thread.start()

    @undisturbed()
    def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        thread.join(0.1)
        through.append(True)

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert through


@POSIX
def test_handlers_are_put_back_though_one_of_them_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    original, before = signal.signal, {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    raised = []

    def put(number: int, handler: object) -> object:
        found = original(number, handler)
        if handler == before[signal.SIGINT] and not raised:
            raised.append(number)
            raise KeyboardInterrupt
        return found

    with pytest.raises(KeyboardInterrupt), undisturbed():
        monkeypatch.setattr(signal, "signal", put)
    assert raised
    assert {number: signal.getsignal(number) for number in before} == before


@POSIX
def test_a_folder_whose_maker_was_interrupted_goes_with_the_process(tmp_path: Path) -> None:
    """Between its making and the `with` that would remove it."""
    code = (
        "import contextlib, os, signal\nfrom gradlint.load.temporary import ended_when_terminated, temporary_folder\n"
        "class Interrupted(contextlib.ExitStack):\n    def enter_context(self, made):\n"
        "        made.__enter__()\n        print(len(os.listdir(os.environ['TMPDIR'])), flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGHUP)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # nohup has it ignored
        "with ended_when_terminated(), Interrupted() as stack:\n    stack.enter_context(temporary_folder())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, text=True, capture_output=True
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("1\n", "", -signal.SIGHUP)
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_a_signal_ends_it_though_what_unwinds_fails(tmp_path: Path) -> None:
    """As a thread does that was to be joined, and had not begun."""
    code = (
        "import os, signal, threading\nfrom gradlint.load.temporary import ended_when_terminated\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "with ended_when_terminated():\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGHUP)\n"
        "    finally:\n        threading.Thread().join()\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("", "", -signal.SIGHUP)


def loading(folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], Path]:
    """A check in another process that is where its folder for assets is full, and the place of its folders."""
    keras_file(folder, model(layer("Dense")))
    sample(folder)
    place = folder / "temporary"
    place.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", LOADING, MODEL, "s.npz", "--no-isolate", *arguments],
        cwd=folder, env={**os.environ, "TMPDIR": str(place)}, text=True, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    while not (line := process.stderr.readline()).strip().endswith("True"):
        assert line, "it ended before"
    assert list(place.iterdir())
    return process, place


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_no_signal_leaves_assets(number: int, tmp_path: Path) -> None:
    process, place = loading(tmp_path)
    process.send_signal(number)
    process.communicate(timeout=300)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert list(place.iterdir()) == []


def test_an_end_in_time_leaves_no_assets(tmp_path: Path) -> None:
    process, place = loading(tmp_path, "--timeout", "500")
    _, err = process.communicate("end\n", timeout=300)
    assert "took more than 500 seconds" in err
    assert process.returncode == 2
    assert list(place.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children of Linux are killed with their groups")
def test_a_child_that_is_killed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folders are in one of its parent."""
    from stand_ins import write_stand_ins

    from gradlint.errors import StoppedError
    from gradlint.project.child import Worker
    from gradlint.project.isolation import Guard, check_apart

    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    (tmp_path / "own.py").write_text(
        "import os, signal\nfrom gradlint.load.temporary import temporary_folder\ndef build():\n"
        f"    with temporary_folder() as folder:\n        open({str(tmp_path / 'made')!r}, 'w').write(folder)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    write_stand_ins(tmp_path / "installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "installed")
    worker = Worker()
    try:
        with pytest.raises(StoppedError, match="SIGKILL"):
            check_apart("own:build", None, {}, Guard(timeout=120.0), worker=worker)
    finally:
        worker.end()
    assert (tmp_path / "made").read_text().startswith(str(place))
    assert list(place.iterdir()) == []
