"""A process of our own that does a check: its request goes in as JSON, its stages and one answer come out as JSON.

Never a pickle: the process reads files from strangers with native code, and what such code can be made to write must
not run here. What runs there is `project.serving`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, TYPE_CHECKING, Any

import gradlint
from gradlint.errors import UsageError
from gradlint.load.limits import size_text
from gradlint.project.deadline import GRACE, timeout_message
from gradlint.report.outgoing import fitting, message, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

INHERITED = frozenset(
    {
        "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_NUMERIC", "TZ", "NO_COLOR",
        "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS",
        "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CUDA_HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
        "KERAS_BACKEND", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "XLA_FLAGS",
        "TF_XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "TF_DETERMINISTIC_OPS",
        "TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_ALLOCATOR", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
    }
)  # fmt: skip
"""Variables the child gets. An allow-list: `TF_VAR_password` is Terraform's, not TensorFlow's."""

ANSWER_BYTES = 512 * 2**20
"""A longer answer is no result."""
SPOKEN_BYTES = 2**20
"""What the child may print; the rest is dropped."""
_START = """
import sys
package, room, *sys.path[:] = sys.argv[1:]
from importlib import import_module, util
spec = util.spec_from_file_location("gradlint", package)
sys.modules["gradlint"] = module = util.module_from_spec(spec)
spec.loader.exec_module(module)
import_module(room).serve()
"""
"""How a process of ours starts: the path of this one before the first import, and this gradlint, wherever it is."""


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """A folder that is gone afterwards.

    Raises:
        UsageError: there is no place for it.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix="gradlint-", ignore_cleanup_errors=True)
    except OSError as error:
        raise UsageError(f"no temporary folder can be made: {error.strerror or error}; set TMPDIR to one") from error
    with made as folder:
        yield folder


def _interpreter(room: str) -> list[str]:
    """The command that runs `serve()` of a module of gradlint in another process."""
    paths = [os.path.abspath(path) for path in sys.path]
    package = os.path.abspath(gradlint.__file__)
    return [sys.executable, "-c", _START, package, room, *paths]


class Child:
    """The running child; its streams are read by threads, which works on every system."""

    def __init__(
        self,
        folder: str | None,
        request: Mapping[str, object],
        timeout: float,
        progress: Callable[[str], None] | None,
    ) -> None:
        """Start it.

        Args:
            folder: all that it may know of this system's; None for a child that is as this process.
            request: what `project.serving` reads.
            timeout: seconds.
            progress: called with the name of each stage.
        """
        self.stage = "starting"
        self.timed_out = False
        self.status = 0
        self._progress = progress
        self._answer: dict[str, Any] | None = None
        self._deadline = time.monotonic() + timeout
        self._process = subprocess.Popen(
            _interpreter("gradlint.project.serving"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=None if folder is None else _environment(folder),
            start_new_session=True,  # Ctrl-C reaches the parent, which ends the child
        )
        self._request = json.dumps(request).encode()
        _running.add(self)

    def answer(self) -> dict[str, Any] | None:
        """Waits; None when the child crashed, was ended, or sent nothing that could be read."""
        process = self._process
        readers = [
            threading.Thread(target=self._listen, args=(process.stdout,), daemon=True),
            threading.Thread(target=_overhear, args=(process.stderr,), daemon=True),
        ]
        try:
            for reader in readers:
                reader.start()
            with contextlib.suppress(OSError):  # it died at once; the exit status says so
                assert process.stdin is not None
                process.stdin.write(self._request)
                process.stdin.close()
            readers[0].join(max(0.0, self._deadline - time.monotonic()))
            self.timed_out = readers[0].is_alive() and self._answer is None
            if not self.timed_out:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE)
        finally:
            self.end()
            _running.discard(self)
        readers[1].join(GRACE)
        self.status = process.returncode
        return None if self.timed_out else self._answer

    def end(self) -> None:
        """Kills the child and whatever it started, and waits for its end."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()

    def _listen(self, stream: IO[bytes]) -> None:
        room = ANSWER_BYTES
        while room > 0 and (line := stream.readline(room)):
            room -= len(line)
            try:
                said = json.loads(line)
            except (ValueError, RecursionError):
                return
            if not isinstance(said, dict):
                return
            if isinstance(stage := said.get("stage"), str):
                self.stage = printable(stage)[:200]
                if self._progress is not None:
                    self._progress(self.stage)
            else:
                self._answer = said
                return


_running: set[Child] = set()


def end_all() -> None:
    """Ends every child; for a program that is being interrupted."""
    for child in list(_running):
        child.end()


class _Terminated(BaseException):
    """SIGTERM; an exception, so that the child and its folder are gone before the process is."""


@contextlib.contextmanager
def ended_when_terminated() -> Iterator[None]:
    """Has SIGTERM end the child and its folder before this process."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    def terminate(number: int, frame: object) -> None:
        raise _Terminated

    if ours:
        signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except _Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _environment(folder: str) -> dict[str, str]:
    """What the child knows of the parent's environment, and where it may write."""
    kept = {name: value for name, value in os.environ.items() if name.upper() in INHERITED}
    return {
        **kept,
        **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TMP", "TEMP", "KERAS_HOME", "XDG_CACHE_HOME"), folder),
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_CACHE_DISABLE": "1",
        "no_proxy": "*",
    }


def _overhear(stream: IO[bytes]) -> None:
    """Shows what the child prints, escaped: names from files are in it."""
    room = SPOKEN_BYTES
    while line := stream.readline(4096):
        room -= len(line)
        if room > 0:
            echo(line.decode("utf-8", "backslashreplace"))


def echo(text: str) -> None:
    """Show on standard error what another process says."""
    with contextlib.suppress(OSError, ValueError):
        for line in text.splitlines():
            print(fitting(message(line), sys.stderr.encoding), file=sys.stderr)


def epitaph(child: Child, timeout: float, memory: int) -> str:
    """What became of a child that gave no answer."""
    stage, status = child.stage, child.status
    if child.timed_out:
        return timeout_message(timeout, stage)
    advice = "The file may be broken or hostile; --debug shows what the libraries said."
    if status >= 0:
        return f"the check's process ended while {stage}, with exit status {status} and without a result. {advice}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if -status == getattr(signal, "SIGKILL", 9):
        reason = "somebody ended it, or the system did for want of memory"
    else:
        reason = f"native code failed; it was allowed {size_text(memory)} of memory"
    return f"the check crashed while {stage} ({name}: {reason}). {advice}"
