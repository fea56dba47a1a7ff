"""The other side of `project.child`: a process that does one check and tells how it went."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlint.errors import GradlintError, ModelRunError
from gradlint.load import search
from gradlint.load.limits import Limits
from gradlint.project.deadline import GRACE
from gradlint.project.sandbox import bound, die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def serve() -> None:
    """The child's whole life: reads one request from stdin, writes stages and one answer to stdout."""
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    request = json.load(sys.stdin)
    os.dup2(2, 1)  # what user code prints is no answer
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    die_with_parent()
    if request["isolate"]:
        bound(request["limits"]["memory"])

    def say(**words: object) -> None:
        channel.write(json.dumps(words) + "\n")
        channel.flush()

    try:
        search.use(request["folders"])
        search.close([os.getcwd(), *request["folders"]])
        say(**_answer(request, lambda stage: say(stage=stage)))
    except MemoryError:  # on the way out; the rest of the process may be in no state to be ended properly
        say(error="MemoryError", message="")
    sys.stdout.flush()
    sys.stderr.flush()
    channel.flush()
    os._exit(0)  # native threads may hang at exit


def _answer(request: Mapping[str, Any], report: Callable[[str], None]) -> dict[str, object]:
    from gradlint.project.isolation import Guard, guarded_check
    from gradlint.project.terminal import silence
    from gradlint.project.wire import result_to_data

    def failed(error: BaseException, name: str = "") -> dict[str, object]:
        trace = traceback.format_exc() if request["debug"] else ""
        return {"error": name or type(error).__name__, "message": str(error), "trace": trace}

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
            result = guarded_check(request["model"], request["sample"], options, guard, progress=report)
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
