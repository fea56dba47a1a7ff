"""The child process: what reaches it, what comes back, and what is said when nothing does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import pytest
from alive import eventually, is_alive
from representatives import representatives
from stand_ins import write_stand_ins

from gradlint.errors import ModelFileError, StoppedError, UnsafeModelError, UsageError
from gradlint.load.limits import Limits, available_memory, limits_from, size_from, size_text
from gradlint.project import child
from gradlint.project.child import INHERITED
from gradlint.project.deadline import deadline, timeout_message
from gradlint.project.isolation import Guard, check_apart, default_isolation

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hostile"))
import files

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Has a factory of the user's run in a child; TensorFlow is a stand-in there, so that it takes no time."""

    def run(body: str, **guard: object) -> object:
        lines = "\n    ".join(body.splitlines())
        (tmp_path / "own.py").write_text(f"import os, sys, time, json, signal, pathlib\ndef build():\n    {lines}\n")
        write_stand_ins(tmp_path / "installed")
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(tmp_path / "installed")
        return check_apart("own:build", None, {}, Guard(**{"timeout": 60.0, "isolate": True, **guard}))  # type: ignore[arg-type]

    return run


def test_the_child_knows_no_secrets(
    factory: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("TF_VAR_password", "secret")
    monkeypatch.setenv("https_proxy", "http://user:secret@proxy")
    monkeypatch.setenv("TZ", "UTC")
    report = tmp_path / "report.json"
    body = (
        f"seen = dict(os.environ), os.getcwd(), pathlib.Path('/proc/self/environ').read_text()\n"
        f"open({str(report)!r}, 'w').write(json.dumps(seen))"
    )
    with pytest.raises(ModelFileError, match="returned NoneType"):
        factory(body)
    environment, folder, raw = json.loads(report.read_text())
    assert "secret" not in json.dumps(environment) + raw
    assert environment["TZ"] == "UTC"
    assert {environment[name] for name in ("HOME", "TMPDIR", "KERAS_HOME")} == {folder}
    assert not os.path.exists(folder)
    allowed = {*INHERITED, "HOME", "USERPROFILE", "TMPDIR", "TMP", "TEMP", "KERAS_HOME", "XDG_CACHE_HOME", "no_proxy"}
    allowed |= {"PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE", "CUDA_CACHE_DISABLE", "LC_CTYPE", "KERAS_BACKEND"}
    assert set(environment) <= allowed


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces of Linux")
@pytest.mark.skipif(subprocess.run(["unshare", "-rn", "true"], check=False).returncode != 0, reason="not allowed here")
def test_the_child_has_no_network(factory: Callable[..., object]) -> None:
    body = "import socket\nprint(socket.if_nameindex())\nsocket.create_connection(('127.0.0.1', 9), 2)"
    with pytest.raises(ModelFileError, match=r"failed: OSError: \[Errno 101\] Network is unreachable"):
        factory(body)


@POSIX
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", r"crashed while loading the model \(SIGSEGV"),
        ("os.abort()", r"crashed while loading the model \(SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "for want of memory"),
        ("os._exit(0)", "exit status 0 and without a result"),
        ("os._exit(7)", "exit status 7 and without a result"),
    ],
)
def test_a_crash_is_told_with_its_stage(factory: Callable[..., object], body: str, words: str) -> None:
    with pytest.raises(StoppedError, match=words):
        factory(body)


def test_what_the_child_raises_is_raised(factory: Callable[..., object]) -> None:
    with pytest.raises(ModelFileError, match="own:build failed: ZeroDivisionError"):
        factory("1 / 0")
    with pytest.raises(ModelFileError, match="own:build failed: SystemExit"):
        factory("sys.exit(0)")
    with pytest.raises(UsageError, match="--import absent failed"):
        check_apart("own:build", None, {"imports": ["absent"]}, Guard(isolate=True))


def test_memory_is_bounded(factory: Callable[..., object]) -> None:
    with pytest.raises(StoppedError, match=r"out of memory while loading the model: 100.0 MB was allowed"):
        factory("x = bytearray(2**45)", limits=Limits(memory=10**8))


@POSIX
def test_time_is_bounded_also_for_what_it_started(
    factory: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"  # as the world outside of its namespace counts

    class Patient(SimpleQueue[object]):
        """Lets no time be up before the child is where it is to be ended, on a machine that is busy."""

        def get(self, block: bool = True, timeout: float | None = None) -> object:
            while True:
                try:
                    return super().get(block, timeout)
                except Empty:
                    if pid.exists() and pid.read_text():
                        raise
                    timeout = 0.05

    monkeypatch.setattr(child, "SimpleQueue", Patient)
    code = f"import os, time; open({str(pid)!r}, 'w').write(os.path.basename(os.path.realpath('/proc/self'))); "
    body = (
        f"import subprocess\nsubprocess.Popen([sys.executable, '-c', {code + 'time.sleep(600)'!r}])\n"
        f"pid = pathlib.Path({str(pid)!r})\n"
        "while not (pid.exists() and pid.read_text()): time.sleep(0.05)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\n"
        "while True: pass"
    )
    with pytest.raises(
        StoppedError, match=r"took more than 2 seconds and was ended while loading the model; raise --timeout"
    ):
        factory(body, timeout=2.0)
    assert eventually(lambda: not is_alive(int(pid.read_text())))


def test_a_forged_answer_is_no_result(factory: Callable[..., object]) -> None:
    """Stands in for hijacked native code: it writes to the parent what it likes."""
    find = (
        "import gc, io\n"
        "channel = [o for o in gc.get_objects() if isinstance(o, io.TextIOWrapper) and o.encoding == 'ascii'][-1]\n"
        "word = next(o['word'] for o in gc.get_objects() if isinstance(o, dict) and 'word' in o and 'limits' in o)\n"
    )
    for forged in ("{'result': {}}", "{'result': {'target': 3}}", "{'result': None}", "{'error': 3}"):
        with pytest.raises((StoppedError, RuntimeError)) as caught:
            factory(f"{find}channel.write(json.dumps({{**{forged}, 'word': word}}) + chr(10)); channel.flush()")
        assert "no result" in str(caught.value) or "3: None" in str(caught.value)
    with pytest.raises(StoppedError, match="without a result"):
        factory(f"{find}channel.write('[' * 100000 + chr(10)); channel.flush()")


def test_what_the_child_prints_is_shown_escaped(
    factory: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelFileError):
        factory("print('out \\x1b[2J'); os.write(2, b'err \\x1b]0;x\\x07\\n')")
    out, err = capsys.readouterr()
    assert out == ""
    assert "out \\x1b[2J" in err
    assert "err \\x1b]0;x\\x07" in err


def test_paths_are_named_as_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.keras_file(tmp_path, files.model(files.layer("Lambda", function=files.marshalled(tmp_path))))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsafeModelError, match=r"^m\.keras: layer 'd' holds marshalled"):
        check_apart("m.keras", None, {}, Guard(isolate=True))
    with pytest.raises(ModelFileError, match=r"^nowhere\.keras does not exist"):
        check_apart("nowhere.keras", None, {}, Guard(isolate=True))


def test_a_result_comes_back_without_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.keras_file(tmp_path)
    files.sample(tmp_path)
    monkeypatch.chdir(tmp_path)
    options = {"depth": "preflight", "targets": [(None, "y")], "mapping": None, "select": ("GL4",)}
    stages: list[str] = []
    result = check_apart("m.keras", "s.npz", options, Guard(isolate=True), progress=stages.append)
    assert result.ok
    assert result.target == "m.keras"
    assert stages == ["reading the files"]


@pytest.mark.parametrize(
    ("value", "isolated"), [(None, False), ("", False), ("false", False), ("0", False), ("true", True), ("1", True)]
)
def test_isolation_is_the_default_where_ci_is_set(
    value: str | None, isolated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    if value is not None:
        monkeypatch.setenv("CI", value)
    assert default_isolation() is isolated


# -- without a child ---------------------------------------------------------------------------------------


def in_a_process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(("timeout", "said"), [(1.0, "1 second and"), (0.3, "0.3 seconds and"), (600.0, "600 seconds")])
def test_one_second_is_no_seconds(timeout: float, said: str) -> None:
    assert f"the check took more than {said}" in timeout_message(timeout, "waiting")


def test_the_deadline_ends_the_process_with_two() -> None:
    code = (
        "import os, time\nfrom gradlint.project.deadline import deadline\n"
        "with deadline(0.3, lambda: 'waiting\\x1b'):\n"
        "    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)\n"  # as the loader does around TensorFlow
        "    time.sleep(600)"
    )
    ran = in_a_process(code)
    assert ran.returncode == 2
    assert (
        ran.stderr
        == "gradlint: the check took more than 0.3 seconds and was ended while waiting\\x1b; raise --timeout.\n"
    )


@POSIX
def test_the_deadline_ends_native_code_that_never_returns() -> None:
    code = (
        "import ctypes, gradlint.project.deadline as i\ni.GRACE = 0.5\n"
        "with i.deadline(0.5, str): ctypes.PyDLL(None).pause()"  # holds the interpreter's lock
    )
    assert in_a_process(code).returncode == -signal.SIGALRM


def test_the_deadline_leaves_nothing_behind() -> None:
    with deadline(1000, str):
        pass
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


# -- limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [("8GB", 8 * 10**9), ("64MiB", 64 * 2**20), ("1.5 kB", 1500), ("1000", 1000), ("3T", 3 * 10**12), ("8 GiB", 2**33)],
)
def test_sizes(text: str, size: int) -> None:
    assert size_from(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1e9", "8XB", "nan", "9" * 16])
def test_what_is_no_size(text: str) -> None:
    assert size_from(text) is None


def test_limits_are_raised_by_name() -> None:
    assert limits_from(["memory=8GB", "items=5", "depth=7"]) == Limits(memory=8 * 10**9, items=5, depth=7)
    for text in ("speed=3", "items=8GB", "memory=", "items=0", "items", "depth=-1"):
        with pytest.raises(UsageError, match=f"--limit {text}"):
            limits_from([text])


def test_sizes_as_text() -> None:
    sizes = (0, 999, 1500, 10**9, 10**15, 10**5000)
    texts = ["0 bytes", "999 bytes", "1.5 kB", "1.0 GB", "more than 1,000 TB", "more than 1,000 TB"]
    assert [size_text(size) for size in sizes] == texts


def test_there_is_memory() -> None:
    assert 10**6 < available_memory() < 10**16


# -- an end from outside -----------------------------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc, and the kernel to end orphans")
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_parent_that_is_ended_takes_the_child_along(tmp_path: Path, number: int, status: int) -> None:
    (tmp_path / "own.py").write_text(
        "import os, time, pathlib\ndef build():\n"
        "    pid = os.path.basename(os.path.realpath('/proc/self'))\n"
        "    pathlib.Path(__file__).with_name('draft').write_text(f'{pid} {os.getcwd()}')\n"
        "    os.rename(pathlib.Path(__file__).with_name('draft'), pathlib.Path(__file__).with_name('pid'))\n"
        "    time.sleep(600)\n"
    )
    (tmp_path / "tensorflow.py").write_text("")
    (tmp_path / "keras.py").write_text(
        "class backend:\n    backend = staticmethod(lambda: 'tensorflow')\nModel = list\n"
    )
    (tmp_path / "old.json").write_text("old")
    command = [sys.executable, "-m", "gradlint", "own:build", "--isolate", "--format", "json", "--output", "old.json"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert eventually((tmp_path / "pid").exists)
    child, folder = (tmp_path / "pid").read_text().split(" ", 1)
    assert is_alive(int(child))
    process.send_signal(number)
    _, err = process.communicate(timeout=300)
    assert process.returncode == status
    assert "Traceback" not in err
    if number == signal.SIGINT:
        assert err == "gradlint: interrupted\n"
    assert eventually(lambda: not is_alive(int(child)))
    assert number == signal.SIGKILL or not Path(folder).exists()
    assert (tmp_path / "old.json").read_text() == "old"
    assert not list(tmp_path.glob(".old.json*"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["--list-rules"], ["m.keras", "--depth", "preflight", "--output", "/dev/full"]])
def test_a_full_disk_is_told(tmp_path: Path, arguments: list[str]) -> None:
    files.keras_file(tmp_path)
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "gradlint", *arguments], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ran.returncode == 2
    assert "No space left on device" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


ENDS = {
    "by itself": "",
    "from outside": "time.sleep(600)",
    "by a signal": "os.kill(os.getpid(), signal.SIGKILL)",
}
"""What the check does when something has got away from it."""
ESCAPES = {
    "a session": "if os.fork(): return\nos.setsid()",
    "a session, twice forked": "if os.fork(): return\nos.setsid()\nif os.fork(): os._exit(0)",
    "a family": "if os.fork(): return\nos.setsid()\nfor _ in range(3): os.fork()",
    "on the run": "if os.fork(): return\nos.setsid()\nwhile True:\n    beat(0.002)\n    if os.fork(): os._exit(0)",
}
"""Ways out of the group of processes that is ended."""
NAMESPACES = ["namespaces", "no namespaces"]
SURVIVALS = [
    (namespaces, escape, list(ENDS)[(first + more) % len(ENDS)])
    for namespaces in NAMESPACES
    for first, escape in enumerate(ESCAPES)
    for more in range(len(ENDS))
]
"""All of them together, beginning with another end for each way out."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces and orphans of Linux")
@pytest.mark.parametrize("survival", representatives(SURVIVALS, lambda survival: survival[:2]), ids="-".join)
def test_no_process_outlives_a_check(
    factory: Callable[..., object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, survival: tuple[str, str, str]
) -> None:
    """Not even one in a session of its own, whose parent has ended."""
    namespaces, escape, ends = survival
    forbid = ["unshare", "-Ur", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh"]
    if subprocess.run([*forbid, "true"], check=False).returncode:
        if namespaces == "namespaces":
            pytest.skip("users may not make namespaces here")
    elif namespaces == "no namespaces":
        usual = child._interpreter
        monkeypatch.setattr(child, "_interpreter", lambda room: forbid + usual(room))
    path = tmp_path / "beat"
    body = f"""\
def beat(pause):
    open({str(path)!r}, 'a').write('.'); time.sleep(pause)
def escape():
{textwrap.indent(ESCAPES[escape], "    ")}
    while True: beat(0.05)
escape()
while not (os.path.exists({str(path)!r}) and os.path.getsize({str(path)!r})): time.sleep(0.05)
"""

    def end() -> None:
        while not (path.exists() and path.stat().st_size):
            time.sleep(0.05)
        child.end_all()

    if ends == "from outside":
        threading.Thread(target=end, daemon=True).start()
    with pytest.raises((ModelFileError, StoppedError)) as raised:
        factory(body + ENDS[ends], timeout=120.0)
    assert ("SIGKILL" in str(raised.value)) is (ends == "by a signal")
    size = path.stat().st_size
    assert size > 0
    time.sleep(0.4)
    assert path.stat().st_size == size
