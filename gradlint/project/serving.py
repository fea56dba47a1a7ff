"""The other side of `project.child`: a process that does checks and tells how they went."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import sys
import traceback
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlint.errors import GradlintError, ModelRunError
from gradlint.load import search
from gradlint.load.limits import Limits
from gradlint.load.temporary import make_folders_in
from gradlint.project.deadline import GRACE
from gradlint.project.sandbox import bound, die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn, TextIO

    from gradlint.comparison import Comparison

FORKS = sys.platform.startswith("linux")
"""Whether a process that has imported TensorFlow may be copied: nothing has run in it yet, so that its one thread,
of the linear algebra, is the only one that the copy lacks. On macOS, the system's own libraries do not take it."""
CROWDED = 400 * 2**20
"""Bytes of a model and its sample from which on nothing else is checked beside: a step takes two to four times that."""
_ROOMS = ("upstream", "load", "record", "passes", "experiments", "rules", "checking")
"""What a check imports of gradlint."""
_ON_PAPER = ("gradlint.checking", "h5py")
"""What one imports that reads files and runs nothing."""


def serve(parent: int) -> None:
    """The process's whole life: reads requests from stdin, a line each, and writes stages and answers to stdout.

    Where it can, it stays: it imports TensorFlow once, for the first check that runs something, and every check is done
    by a copy of it, which ends with the check. What a model's code changes, registers or breaks is gone with the copy,
    as is the memory that it took.

    Args:
        parent: the process that started this one.
    """
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(2, 1)  # what user code prints is no answer
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    die_with_parent(parent)
    is_warm = is_warm_on_paper = False
    for line in requests:
        request = json.loads(line)
        say = partial(_say, channel, request["word"])
        if request["isolate"]:
            bound(request["limits"]["memory"])
        search.use(request["folders"])
        search.close([os.getcwd(), *request["folders"]])
        if request["isolate"] or not FORKS:
            _check(request, say)
        if not is_warm and _needs_tensorflow(request):
            say(stage="importing TensorFlow")
            _warm_up()
            is_warm = True
        elif not is_warm_on_paper:
            with contextlib.suppress(ImportError):
                for name in _ON_PAPER:
                    importlib.import_module(name)
            is_warm_on_paper = True
        say(status=_checked_by_a_copy(request, say, requests))
    os._exit(0)


class _Crowded(BaseException):
    """What was loaded is to be checked alone; no Exception, which a model's code may catch."""


def _say(channel: TextIO, word: str, **words: object) -> None:
    channel.write(json.dumps({**words, "word": word}) + "\n")
    channel.flush()


def _check(request: Mapping[str, Any], say: Callable[..., None]) -> NoReturn:
    """Does what is asked, and ends this process."""
    before, stage = _own_bytes(), ""

    def report(name: str) -> None:
        nonlocal stage
        if request["beside"] and stage.startswith("loading") and _own_bytes() - before > CROWDED:
            raise _Crowded
        stage = name
        say(stage=name)

    try:
        say(**_answer(request, report))
    except MemoryError:  # on the way out; the rest of the process may be in no state to be ended properly
        say(error="MemoryError", message="")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # native threads may hang at exit


def _own_bytes() -> int:
    """Memory that this process shares with no file; 0 where the system does not say."""
    try:
        resident, shared = Path("/proc/self/statm").read_text(encoding="ascii").split()[1:3]
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def _needs_tensorflow(request: Mapping[str, Any]) -> bool:
    """Whether a check runs anything; code of the user's would import it in every copy."""
    options = request["options"]
    is_code = any(search.is_named(request[name] or "") for name in ("model", "sample"))
    return options.get("depth") != "preflight" or bool(options.get("imports")) or is_code


def _warm_up() -> None:
    """Imports what checks need. Where it cannot be imported, the check itself says why."""
    from gradlint.upstream.starting import quiet_tensorflow

    with contextlib.suppress(Exception):
        quiet_tensorflow()
        importlib.import_module("networkx")
        for room in _ROOMS:
            package = importlib.import_module(f"gradlint.{room}")
            for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
                importlib.import_module(module.name)
    gc.collect()
    gc.freeze()  # else the first collection in a copy writes to all that both share


def _checked_by_a_copy(request: Mapping[str, Any], say: Callable[..., None], requests: TextIO) -> int:
    """Has a copy of this process do what is asked; gives its exit status, negative for a signal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of any other thread
        copy = os.fork()
    if not copy:
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            die_with_parent()
            requests.close()
            _check(request, say)
        finally:
            os._exit(1)
    with contextlib.suppress(OSError):  # whoever of the two comes first
        os.setpgid(copy, copy)

    def end(number: int, frame: object) -> None:
        _end_group(copy)
        with contextlib.suppress(OSError):
            os.waitpid(copy, 0)
        os._exit(1)

    before = signal.signal(signal.SIGTERM, end)
    _, status = os.waitpid(copy, 0)
    signal.signal(signal.SIGTERM, before)
    _end_group(copy)  # what it started and left
    return os.waitstatus_to_exitcode(status)


def _end_group(leader: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(leader, signal.SIGKILL)


def _answer(request: Mapping[str, Any], report: Callable[[str], None]) -> dict[str, object]:
    from gradlint.project.isolation import Guard, guarded_check
    from gradlint.project.terminal import silence
    from gradlint.project.wire import plain, result_to_data

    def failed(error: BaseException, name: str = "") -> dict[str, object]:
        trace = traceback.format_exc() if request["debug"] else ""
        return {"error": name or type(error).__name__, "message": str(error), "trace": trace}

    make_folders_in(request["temporary"])
    options = dict(request["options"])
    options["targets"] = [(output, key) for output, key in options.get("targets", ())]
    cache = request["cache"] and Path(request["cache"])
    # The parent is the first to know that the time is up: it can say so whatever goes on here.
    guard = Guard(Limits(**request["limits"]), request["timeout"] + GRACE, cache=cache)
    with contextlib.ExitStack() as stack:
        if not request["debug"]:
            stack.enter_context(silence())
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        try:
            if request["compare"] is not None:
                return {"comparison": plain(_compared(request, options, guard.limits))}
            result = guarded_check(request["model"], request["sample"], options, guard, progress=report)
            return {"result": result_to_data(result)}
        except _Crowded:
            return {"crowded": True}
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


def _compared(request: Mapping[str, Any], arguments: Mapping[str, Any], limits: Limits) -> Comparison:
    from gradlint.checking.arguments import modules, table
    from gradlint.checking.comparing import compared
    from gradlint.options import Options

    own = {name: tuple(arguments[name]) for name in ("select", "ignore", "targets", "causal")}
    named = {name: table(name, arguments[name]) for name in ("mapping", "thresholds")}
    options = Options(**{**arguments, **own, **named, "imports": modules(arguments["imports"]), "limits": limits})
    given = () if request["sample"] is None else (request["sample"],)
    return compared(request["model"], request["compare"], given, options)
