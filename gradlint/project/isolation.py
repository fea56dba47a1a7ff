"""A check within bounds: of time, and in a process of its own where what a file breaks shall break nothing else.

Such a child loads and runs the model; in isolation it has no secrets in its environment, a temporary folder of its own,
a limit on its address space and, where the system lets it, no network. The parent imports no TensorFlow and opens no
file of the model; it waits, shows the stages, ends the child when its time is up, and says what became of it. What is
promised, and what is not, is in SECURITY.md.
"""

from __future__ import annotations

import contextlib
import gc
import os
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from gradlint import errors
from gradlint.comparison import COMPARED, Comparison
from gradlint.errors import GradlintError, StoppedError, UsageError
from gradlint.load import search
from gradlint.load.limits import DEFAULT_LIMITS, Limits, size_text
from gradlint.load.temporary import ended_when_terminated, temporary_folder
from gradlint.project.deadline import deadline
from gradlint.project.terminal import say
from gradlint.project.wire import MalformedError, result_from_data, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gradlint.project.child import Child, Worker
    from gradlint.result import Result

T = TypeVar("T")

TIMEOUT = 600.0
"""Seconds; the longest run of the cases takes two minutes on two slow cores."""


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
        if stage.startswith("loading"):
            gc.freeze()  # libraries and model stay to the end: no collection needs to look at them again
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
            try:
                result = _checked(model, sample, options, guard, report)
            except MemoryError as error:
                raise _out_of_memory(stage, guard.limits.bytes) from error
            if entry is not None:
                entry.write(result)
            return result
    if entry is not None:
        guard = replace(guard, timeout=max(0.1, round(guard.timeout - (time.monotonic() - start), 1)))
    result = check_apart(model, sample, options, guard, progress=progress, debug=debug)
    if entry is not None:
        entry.write(result)
    return result


def _checked(
    model: str, sample: str | None, options: Mapping[str, object], guard: Guard, report: Callable[[str], None]
) -> Result:
    from gradlint.checking import check
    from gradlint.checking.interface import on_the_command_line

    try:
        with on_the_command_line():
            return check(model, sample, **options, limits=guard.limits, progress=report)  # type: ignore[arg-type]
    finally:
        gc.unfreeze()


def check_apart(
    model: str,
    sample: str | None,
    options: Mapping[str, object],
    guard: Guard,
    *,
    progress: Callable[[str], None] | None = None,
    debug: bool = False,
    worker: Worker | None = None,
) -> Result:
    """`guarded_check` in another process; arguments and errors are the same.

    With a `worker`, that one's; it does checks that need no isolation, and one that takes its process down is tried
    once more: the system may have wanted for memory. What turns out to be large waits until it is the only one. Else in
    a process of its own. A child in isolation is not told of the cache, which is for answers that nobody else can have
    written.
    """
    request: dict[str, object] = {"model": model, "sample": sample, "options": options}
    answer, stage = _answered(request, guard, progress, debug=debug, worker=worker)
    result = _sent(lambda: result_from_data(answer.get("result")), stage)
    return replace(result, target=model, fail_on=str(options.get("fail_on", result.fail_on)))


def compare_apart(
    first: str,
    second: str,
    sample: str | None,
    options: Mapping[str, object],
    guard: Guard,
    *,
    progress: Callable[[str], None] | None = None,
    debug: bool = False,
) -> Comparison:
    """`gradlint.compare` of what is named, in a process of its own; arguments and errors are as for `check_apart`."""
    request: dict[str, object] = {"model": first, "sample": sample, "options": options, "compare": second}
    answer, stage = _answered(request, guard, progress, debug=debug)
    found = _sent(lambda: _comparison(answer.get("comparison")), stage)
    names = {_absolute(name): name for name in (first, second)}
    shown = [_with_names(text, names) for text in (found.first, found.second)]
    return replace(found, first=shown[0], second=shown[1])


def _with_names(text: str, names: Mapping[str, str]) -> str:
    """A text that names files as the user has named them."""
    for absolute, name in names.items():
        text = text.replace(absolute, name)
    return text


def _comparison(data: object) -> Comparison:
    found = typed(Comparison, data)
    if {type(number) for number in found.compared.values()} - {int} or not found.compared.keys() >= COMPARED:
        raise MalformedError("no numbers of what was compared")
    return found


def _answered(
    asked: Mapping[str, object],
    guard: Guard,
    progress: Callable[[str], None] | None,
    *,
    debug: bool,
    worker: Worker | None = None,
) -> tuple[dict[str, Any], str]:
    """What a child answers, and what it did last.

    Raises:
        GradlintError: what the child could not do.
        StoppedError: it gave no answer.
    """
    memory = guard.limits.bytes
    paths: dict[str, str] = {}
    request: dict[str, object] = {
        "compare": None,
        **asked,
        "limits": asdict(guard.limits),
        "isolate": guard.isolate,
        "timeout": guard.timeout,
        "cache": None if guard.cache is None or guard.isolate else str(guard.cache),
        "folders": search.folders_to_name(),
        "temporary": None,
        "debug": debug,
        "beside": False,
    }
    with ended_when_terminated(), contextlib.ExitStack() as stack:
        folder = None
        with contextlib.nullcontext() if guard.isolate else contextlib.suppress(UsageError):
            request["temporary"] = stack.enter_context(temporary_folder())
        if guard.isolate:
            folder = str(request["temporary"])
            named = [str(request[name]) for name in ("model", "sample", "compare") if request[name]]
            paths = {os.path.abspath(path): path for path in named if os.path.lexists(path)}
            request |= from_elsewhere(request)
            request["limits"] = asdict(replace(guard.limits, memory=memory))
        if worker is None:
            from gradlint.project.child import Child

            child, again = Child(folder), ""
            answer = child.answer(request, guard.timeout, progress)
            child.end()
        else:
            child, answer, again = _asked(worker, request, guard.timeout, progress)
    if answer is None:
        from gradlint.project.child import epitaph

        raise StoppedError(epitaph(child, guard.timeout, memory) + again)
    if "error" in answer:
        message = str(answer.get("message"))
        message = _with_names(message, paths)
        if debug and answer.get("trace"):
            say(*str(answer["trace"]).splitlines())
        raise _error(str(answer["error"]), message, child.stage, memory)
    return answer, child.stage


def _asked(
    worker: Worker, request: Mapping[str, object], timeout: float, progress: Callable[[str], None] | None
) -> tuple[Child, dict[str, Any] | None, str]:
    """The child that took the request, its answer, and what to add where there is none."""

    def ask(beside: bool) -> tuple[Child, dict[str, Any] | None, str]:
        child = worker.child()
        answer = child.answer({**request, "beside": beside}, timeout, progress)
        if answer is not None or child.timed_out:
            return child, answer, ""
        child = worker.child()
        return child, child.answer({**request, "beside": beside}, timeout, progress), " It was tried twice."

    if worker.room is None:
        return ask(beside=False)
    with worker.room.shared():
        found = ask(beside=True)
    if found[1] is None or "crowded" not in found[1]:
        return found
    if progress is not None:
        progress("waiting until nothing else is checked, for its size")
    with worker.room.alone():
        return ask(beside=False)


def from_elsewhere(request: Mapping[str, Any]) -> dict[str, object]:
    """What a check or a comparison is of, as a process in another folder finds it."""
    imports = request["options"].get("imports")
    names = [str(name) for name in imports] if isinstance(imports, (list, tuple)) else []
    found: dict[str, object] = {
        key: _absolute(name) if os.path.lexists(name) or search.is_named(name) else name
        for key in ("model", "compare")
        if (name := request.get(key)) is not None
    }
    return found | {
        "sample": None if request["sample"] is None else _absolute(request["sample"]),
        "options": {**request["options"], "imports": [os.path.abspath(n) if _is_file_name(n) else n for n in names]},
    }


def _absolute(name: str) -> str:
    """The path of a file, or of the file in which something is named; a module has none."""
    named = search.NAMED.fullmatch(name) if search.is_named(name) else None
    is_module = named is not None and not _is_file_name(named["module"])
    return name if is_module else os.path.abspath(name)


def _is_file_name(name: str) -> bool:
    return name.endswith(".py") or os.sep in name


def _sent(read: Callable[[], T], stage: str) -> T:
    try:
        return read()
    except MalformedError as error:
        raise StoppedError(f"the check's process sent no result while {stage}: {error}.") from error


def _error(name: str, message: str, stage: str, memory: int) -> Exception:
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, GradlintError):
        return kind(message)
    return _out_of_memory(stage, memory) if name == "MemoryError" else RuntimeError(f"{name}: {message}")


def _out_of_memory(stage: str, memory: int) -> StoppedError:
    return StoppedError(
        f"out of memory while {stage}: {size_text(memory)} was allowed; "
        "use --depth structure, give fewer examples, or raise --limit memory=SIZE."
    )


def default_isolation() -> bool:
    """True on a build server: they set `CI`, and run on files from strangers."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
