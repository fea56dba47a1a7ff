"""A check in a process of its own: what a hostile file breaks there, breaks nothing else.

The child loads and runs the model with no secrets in its environment, a temporary folder of its own, a
limit on its address space and, where the system lets it, no network. The parent imports no TensorFlow and
opens no file of the model; it waits, shows the stages, ends the child when its time is up, and says what
became of it. What is promised, and what is not, is in SECURITY.md.
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
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import gradlint
from gradlint import errors
from gradlint.errors import GradlintError, ModelRunError, StoppedError, UsageError
from gradlint.load import search
from gradlint.load.limits import DEFAULT_LIMITS, UNKNOWN_MEMORY, Limits, size_text
from gradlint.report.outgoing import fitting, message, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gradlint.result import Result

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

ADDRESSES = 6 * 2**30
"""Address space beyond the limit on memory: TensorFlow's libraries, and what allocators reserve and never touch."""
ADDRESSES_PER_CORE = 128 * 2**20
"""A thread's stack, and the arena that glibc reserves for it."""
ANSWER_BYTES = 512 * 2**20
"""A longer answer is no result."""
SPOKEN_BYTES = 2**20
"""What the child may print; the rest is dropped."""
GRACE = 5.0
"""Seconds after which a process that does not even let the timer run is ended by the system."""
TIMEOUT = 600.0
"""Seconds; the longest run of the cases takes two minutes on two slow cores."""
_START = """
import sys
package, room, number = sys.argv[1:4]
sys.path[:] = sys.argv[4 : 4 + int(number)]
from importlib import import_module, util
spec = util.spec_from_file_location("gradlint", package)
sys.modules["gradlint"] = module = util.module_from_spec(spec)
spec.loader.exec_module(module)
import_module(room).serve(*sys.argv[4 + int(number) :])
"""
"""How a process of ours starts: the path of this one before the first import, and this gradlint, wherever it is."""


@dataclass(frozen=True, slots=True)
class Guard:
    """How a check is kept within bounds.

    Attributes:
        limits: what the files may ask for; the limit on memory also bounds a child's address space.
        timeout: seconds after which the check is ended.
        isolate: in a child process.
        cache: folder of answers that are known already; None for no cache.
    """

    limits: Limits = DEFAULT_LIMITS
    timeout: float = TIMEOUT
    isolate: bool = False
    cache: Path | None = None


UNGUARDED = Guard()


def guarded_check(
    model: str,
    sample: str | None,
    options: Mapping[str, object],
    guard: Guard,
    *,
    progress: Callable[[str], None] | None = None,
    debug: bool = False,
) -> Result:
    """As `gradlint.checking.check`, within bounds.

    Args:
        model: a path or `package.module:factory`.
        sample: a path, or None.
        options: further arguments of `check()`; in isolation, JSON values only.
        guard: the bounds.
        progress: called with the name of each stage.
        debug: pass on the warnings, logs and tracebacks of a child.

    Raises:
        GradlintError: the check could not run.
        StoppedError: it crashed, or was ended.
    """
    start, stage = time.monotonic(), "looking for a known answer"

    def report(name: str) -> None:
        nonlocal stage
        stage = name
        if progress is not None:
            progress(name)

    # Reading large files, or an odd entry, takes time as well.
    with deadline(guard.timeout, lambda: stage):
        entry = known = None
        if guard.cache is not None:
            from gradlint.project.cache import entry_of

            entry = entry_of(guard.cache, model, sample, options, guard.limits, in_process=not guard.isolate)
            known = entry.read() if entry is not None else None
        if known is not None:
            return known
        if not guard.isolate:
            stage = "starting"
            result = _checked(model, sample, options, guard, report)
            if entry is not None:
                entry.write(result)
            return result
    if entry is not None:
        guard = replace(guard, timeout=max(0.1, round(guard.timeout - (time.monotonic() - start), 1)))
    result = check_isolated(model, sample, options, guard, progress=progress, debug=debug)
    if entry is not None:
        entry.write(result)
    return result


def _checked(
    model: str, sample: str | None, options: Mapping[str, object], guard: Guard, report: Callable[[str], None]
) -> Result:
    from gradlint.checking import check

    return check(model, sample, **options, limits=guard.limits, progress=report)  # type: ignore[arg-type]


def check_isolated(
    model: str,
    sample: str | None,
    options: Mapping[str, object],
    guard: Guard,
    *,
    progress: Callable[[str], None] | None = None,
    debug: bool = False,
) -> Result:
    """`guarded_check` in a child process; arguments and errors are the same."""
    limits, timeout = guard.limits, guard.timeout
    memory = limits.bytes
    paths = {os.path.abspath(path): path for path in (model, sample) if path is not None and os.path.lexists(path)}
    given = {path: absolute for absolute, path in paths.items()}
    imports = options.get("imports")
    names = [str(name) for name in imports] if isinstance(imports, (list, tuple)) else []
    with (
        _ended_when_terminated(),
        temporary_folder() as folder,
    ):
        request = {
            "model": given.get(model, _absolute(model) if search.is_named(model) else model),
            "sample": None if sample is None else given.get(sample, _absolute(sample)),
            "options": {**options, "imports": [os.path.abspath(n) if _is_file_name(n) else n for n in names]},
            "limits": [memory, limits.config, limits.depth, limits.items, limits.ratio],
            "folders": search.folders_to_name(),
            "debug": debug,
        }
        child = _Child(folder, request, timeout, progress)
        answer = child.answer()
    stage = child.stage
    if answer is None:
        raise StoppedError(_epitaph(child, stage, timeout, memory))
    if "error" in answer:
        message = str(answer.get("message"))
        for absolute, path in paths.items():
            message = message.replace(absolute, path)
        if debug and answer.get("trace"):
            _echo(str(answer["trace"]))
        raise _error(str(answer["error"]), message, stage, memory)
    result = _result(answer.get("result"), stage)
    return replace(result, target=model, fail_on=str(options.get("fail_on", result.fail_on)))


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


def _absolute(name: str) -> str:
    """The path of a file, or of the file in which something is named; a module has none."""
    named = search.NAMED.fullmatch(name) if search.is_named(name) else None
    return name if named is not None and not _is_file_name(named["module"]) else os.path.abspath(name)


def _is_file_name(name: str) -> bool:
    return name.endswith(".py") or os.sep in name


def _result(data: object, stage: str) -> Result:
    from gradlint.project.wire import MalformedError, result_from_data

    try:
        return result_from_data(data)
    except MalformedError as error:
        raise StoppedError(f"the check's process sent no result while {stage}: {error}.") from error


def _error(name: str, message: str, stage: str, memory: int) -> Exception:
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, GradlintError):
        return kind(message)
    if name == "MemoryError":
        return StoppedError(
            f"out of memory while {stage}: {size_text(memory)} was allowed; "
            "use --depth structure, give fewer examples, or raise --limit memory=SIZE."
        )
    return RuntimeError(f"{name}: {message}")


def _epitaph(child: _Child, stage: str, timeout: float, memory: int) -> str:
    """What became of a child that gave no answer."""
    if child.timed_out:
        return timeout_message(timeout, stage)
    status = child.status
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


def timeout_message(timeout: float, stage: str) -> str:
    """What is said when the time is up."""
    return f"the check took more than {timeout:g} seconds and was ended while {stage}; raise --timeout."


def interpreter(room: str, *arguments: str) -> list[str]:
    """The command that runs `serve(*arguments)` of a module of gradlint in another process."""
    paths = [os.path.abspath(path) for path in sys.path]
    package = os.path.abspath(gradlint.__file__)
    return [sys.executable, "-c", _START, package, room, str(len(paths)), *paths, *arguments]


# -- the parent's side -----------------------------------------------------------------------------------


class _Child:
    """The running child; its streams are read by threads, which works on every system."""

    def __init__(
        self, folder: str, request: Mapping[str, object], timeout: float, progress: Callable[[str], None] | None
    ) -> None:
        self.stage = "starting"
        self.timed_out = False
        self.status = 0
        self._progress = progress
        self._answer: dict[str, Any] | None = None
        self._deadline = time.monotonic() + timeout
        self._process = subprocess.Popen(
            interpreter("gradlint.project.isolation"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=_environment(folder),
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


_running: set[_Child] = set()


def end_all() -> None:
    """Ends every child; for a program that is being interrupted."""
    for child in list(_running):
        child.end()


class _Terminated(BaseException):
    """SIGTERM; an exception, so that the child and its folder are gone before the process is."""


@contextlib.contextmanager
def _ended_when_terminated() -> Iterator[None]:
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


def default_isolation() -> bool:
    """True on a build server: they set `CI`, and run on files from strangers."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")


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
            _echo(line.decode("utf-8", "backslashreplace"))


def _echo(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in text.splitlines():
            print(fitting(message(line), sys.stderr.encoding), file=sys.stderr)


# -- the child's side ------------------------------------------------------------------------------------


def serve() -> None:
    """The child's whole life: reads one request from stdin, writes stages and one answer to stdout."""
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    request = json.load(sys.stdin)
    os.dup2(2, 1)  # what user code prints is no answer
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    memory = request["limits"][0]
    _die_with_parent()
    if _leave_network_and_processes():
        _become_a_child()
    _no_core()
    _bound_addresses(memory)

    def say(**words: object) -> None:
        channel.write(json.dumps(words) + "\n")
        channel.flush()

    try:
        search.use(request["folders"])
        search.close(request["folders"])
        say(**_answer(request, lambda stage: say(stage=stage)))
    except MemoryError:  # on the way out; the rest of the process may be in no state to be ended properly
        say(error="MemoryError", message="")
    sys.stdout.flush()
    sys.stderr.flush()
    channel.flush()
    os._exit(0)  # native threads may hang at exit


def _answer(request: Mapping[str, Any], report: Callable[[str], None]) -> dict[str, object]:
    from gradlint.checking import check
    from gradlint.project.terminal import silence
    from gradlint.project.wire import result_to_data

    def failed(error: BaseException, name: str = "") -> dict[str, object]:
        trace = traceback.format_exc() if request["debug"] else ""
        return {"error": name or type(error).__name__, "message": str(error), "trace": trace}

    options = dict(request["options"])
    options["targets"] = [(output, key) for output, key in options.get("targets", ())]
    with contextlib.ExitStack() as stack:
        if not request["debug"]:
            stack.enter_context(silence())
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        try:
            result = check(
                request["model"], request["sample"], **options, limits=Limits(*request["limits"]), progress=report
            )
            return {"result": result_to_data(result)}
        except SystemExit as error:
            ended = f"the model's code ended the program (exit status {error.code})."
            return failed(error, ModelRunError.__name__) | {"message": ended}
        except GradlintError as error:
            cause = error.__cause__
            if isinstance(cause, MemoryError) or type(cause).__name__ == "ResourceExhaustedError":
                return failed(error, MemoryError.__name__)
            return failed(error)
        except Exception as error:
            lacks = isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
            return failed(error, MemoryError.__name__ if lacks else "")


def _die_with_parent() -> None:
    """On Linux, a parent that is killed takes its child along."""
    with contextlib.suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _leave_network_and_processes() -> bool:
    """On Linux, where users may make namespaces: a network of its own, without any interface, and processes of its own.

    True when the next process that is started is the first of them.
    """
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(Exception):
        import ctypes

        user, group = os.getuid(), os.getgid()
        unshare = ctypes.CDLL(None).unshare
        # CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID
        has_processes: bool = unshare(0x10000000 | 0x40000000 | 0x20000000) == 0
        if not has_processes and unshare(0x10000000 | 0x40000000) != 0:
            return False
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
        return has_processes
    return False


def _become_a_child() -> None:
    """Go on as a grandchild, in a namespace whose processes all end with its first one, in whatever session they are.

    The first ends when the grandchild does, and this process ends as the grandchild did. No thread runs yet.
    """
    ended, told = os.pipe()
    if first := os.fork():
        os.close(told)
        with open(ended, "rb") as stream:
            said = stream.read()  # also empty when everything was killed at once
        os.waitpid(first, 0)
        status = int(said or b"9")
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if number:
            _no_core()
            with contextlib.suppress(OSError):  # SIGKILL has no other way
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os._exit(os.WEXITSTATUS(status))
    _die_with_parent()
    os.close(ended)
    # The first process of a namespace is sent no signal that it does not ask for, not even its own: it only waits.
    if second := os.fork():
        while True:  # also for those whose parents have ended
            process, status = os.wait()
            if process == second:
                os.write(told, str(status).encode())
                os._exit(0)
    os.close(told)
    _die_with_parent()


def _no_core() -> None:
    with contextlib.suppress(Exception):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _bound_addresses(memory: int) -> None:
    with contextlib.suppress(Exception):  # no such module or limit on this system
        import resource

        if memory == UNKNOWN_MEMORY or _has_gpu():  # CUDA reserves far more addresses than it uses
            return
        most = memory + ADDRESSES + ADDRESSES_PER_CORE * (os.cpu_count() or 1)
        _, ceiling = resource.getrlimit(resource.RLIMIT_AS)
        if ceiling != resource.RLIM_INFINITY:
            most = min(most, ceiling)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _has_gpu() -> bool:
    return os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1") and (
        os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/kfd")
    )


# -- without a child -------------------------------------------------------------------------------------


@contextlib.contextmanager
def deadline(timeout: float, stage: Callable[[], str]) -> Iterator[None]:
    """Ends this process with 2 when its time is up.

    Native code that never lets Python run again is ended by the system some seconds later, by SIGALRM and
    without a message; only a child process can be ended properly whatever it does.

    Args:
        timeout: seconds.
        stage: gives what is going on.
    """
    # A descriptor of its own: the loader turns that of stderr away while TensorFlow is imported.
    screen = -1
    with contextlib.suppress(OSError, ValueError, AttributeError):
        screen = os.dup(sys.stderr.fileno())

    def end() -> None:
        with contextlib.suppress(OSError):
            os.write(screen, f"gradlint: {printable(timeout_message(timeout, stage()))}\n".encode("utf-8", "replace"))
        os._exit(2)

    timer = threading.Timer(timeout, end)
    timer.daemon = True
    timer.start()
    alarm = (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        and signal.getitimer(signal.ITIMER_REAL)[0] == 0
    )
    if alarm:
        signal.setitimer(signal.ITIMER_REAL, timeout + GRACE)
    try:
        yield
    finally:
        timer.cancel()
        if alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
        with contextlib.suppress(OSError):
            os.close(screen)
