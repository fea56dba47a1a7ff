"""A process of our own that does checks: requests go in as JSON, stages and an answer to each come out as JSON.

Never a pickle: the process reads files from strangers with native code, and what such code can be made to write must
not run here. What runs there is `project.serving`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import IO, TYPE_CHECKING, Any

import gradlint
from gradlint.load.limits import size_text
from gradlint.project.deadline import GRACE, timeout_message
from gradlint.project.terminal import say
from gradlint.report.outgoing import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gradlint.project.room import Room

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
"""What the child may print during a check; the rest is dropped."""
_LAST_WORDS = 1.0
"""Seconds in which a child that is told to end can end what it has started."""
_START = """
import sys
package, room, parent, *sys.path[:] = sys.argv[1:]
from importlib import import_module, util
spec = util.spec_from_file_location("gradlint", package)
sys.modules["gradlint"] = module = util.module_from_spec(spec)
spec.loader.exec_module(module)
import_module(room).serve(int(parent))
"""
"""How a process of ours starts: the path of this one before the first import, and this gradlint, wherever it is."""


def _interpreter(room: str) -> list[str]:
    """The command that runs `serve()` of a module of gradlint in another process."""
    paths = [os.path.abspath(path) for path in sys.path]
    package = os.path.abspath(gradlint.__file__)
    return [sys.executable, "-c", _START, package, room, str(os.getpid()), *paths]


class Child:
    """A running process of ours; its streams are read by threads, which works on every system.

    Attributes:
        stage: what it last said that it does.
        timed_out: it had no answer in time.
        status: exit status of the process that gave no answer, negative for a signal.
        is_over: it takes no more requests.
    """

    def __init__(self, folder: str | None) -> None:
        """Start it.

        Args:
            folder: all that it may know of this system's; None for a child that is as this process.
        """
        self.stage = "starting"
        self.timed_out = False
        self.status = 0
        self.is_over = False
        self._said: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._room = {"answer": ANSWER_BYTES, "noise": SPOKEN_BYTES}
        self._process = subprocess.Popen(
            _interpreter("gradlint.project.serving"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=None if folder is None else _environment(folder),
            start_new_session=True,  # Ctrl-C reaches the parent, which ends the child
        )
        _running.add(self)
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()
        self._noise = threading.Thread(target=self._overhear, args=(self._process.stderr,), daemon=True)
        self._noise.start()

    def answer(
        self, request: Mapping[str, object], timeout: float, progress: Callable[[str], None] | None
    ) -> dict[str, Any] | None:
        """Asks and waits; None when the child crashed, was ended, or sent nothing that could be read.

        Args:
            request: what `project.serving` reads.
            timeout: seconds; a child that has not answered by then is ended.
            progress: called with the name of each stage.
        """
        ends = time.monotonic() + timeout
        # Who has been asked before and has been taken over cannot answer in the place of who is asked next.
        word = secrets.token_hex(8)
        self.stage, self.timed_out, self.status = "starting", False, 0
        self._room.update(answer=ANSWER_BYTES, noise=SPOKEN_BYTES)
        answer: dict[str, Any] | None = None
        try:
            with contextlib.suppress(OSError):  # it died at once; the exit status says so
                assert self._process.stdin is not None
                self._process.stdin.write(json.dumps({**request, "word": word}).encode() + b"\n")
                self._process.stdin.flush()
            while True:
                said = self._said.get(timeout=max(0.0, ends - time.monotonic()) if answer is None else GRACE)
                if said is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(GRACE)
                    self.end()
                    self.status = self._process.returncode
                    return answer
                if said.get("word") != word:
                    continue
                if isinstance(stage := said.get("stage"), str):
                    self.stage = printable(stage)[:200]
                    if progress is not None:
                        progress(self.stage)
                elif type(status := said.get("status")) is int:
                    self.status = status
                    return answer
                elif answer is None:
                    answer = said
        except Empty:
            self.timed_out = answer is None
            self.end()
            return answer
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Kills the child and whatever it started, and waits for its end."""
        self.is_over = True
        if hasattr(os, "killpg") and self._process.poll() is None:  # it ends what it has started in groups of their own
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_WORDS)
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        _running.discard(self)
        self._noise.join(GRACE)

    def _listen(self, stream: IO[bytes]) -> None:
        while self._room["answer"] > 0 and (line := stream.readline(self._room["answer"])):
            self._room["answer"] -= len(line)
            try:
                said = json.loads(line)
            except (ValueError, RecursionError):
                break
            if not isinstance(said, dict):
                break
            self._said.put(said)
        self._said.put(None)

    def _overhear(self, stream: IO[bytes]) -> None:
        """Shows what the child prints, escaped: names from files are in it."""
        while line := stream.readline(4096):
            self._room["noise"] -= len(line)
            if self._room["noise"] > 0:
                say(*line.decode("utf-8", "backslashreplace").splitlines())


class Worker:
    """A child that stays for one check after the other: started when it is first needed, and again after it was lost.

    On systems where a process cannot be copied, a child does one check, and the next check has the next child.

    Args:
        room: what it shares with others that check at the same time.
    """

    def __init__(self, room: Room | None = None) -> None:
        self._child: Child | None = None
        self.room = room

    def child(self) -> Child:
        """The child that takes the next request."""
        if self._child is None or self._child.is_over:
            self._child = Child(None)
        return self._child

    def end(self) -> None:
        """Ends the child, if there is one."""
        if self._child is not None and not self._child.is_over:
            self._child.end()


_running: set[Child] = set()


def end_all() -> None:
    """Ends every child; for a program that is being interrupted."""
    for child in list(_running):
        child.end()


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
