"""Checks of configured targets: one in this process, or several by workers, which import TensorFlow once.

Each check has a copy of its worker, which keeps apart what must not meet: layers registered under one name by two
projects, and a model that takes its process down with it. In isolation, and where processes cannot be copied, each has
a process of its own, and a start of TensorFlow (about 3 s).
"""

from __future__ import annotations

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol, TypeAlias

from gradlint.checking.suppression import Allowance, suppress
from gradlint.errors import GradlintError
from gradlint.load.remote import at_hand, is_address
from gradlint.load.temporary import undisturbed
from gradlint.outcome import Checked, Failed
from gradlint.project.baseline import Identities, Identity, compare, identities
from gradlint.project.isolation import UNGUARDED, Guard, check_apart, guarded_check
from gradlint.project.room import Room
from gradlint.project.wire import MalformedError, plain, result_from_data, result_to_data, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from gradlint.options import Settings
    from gradlint.project.baseline import Baseline
    from gradlint.project.child import Worker
    from gradlint.project.config import Config, Target
    from gradlint.result import Result

MOST_AT_ONCE = 4
"""Processes at a time unless the user says otherwise: each takes 0.6 GB for TensorFlow alone."""
_PAUSE = 0.05
"""Seconds between two looks whether the processes have ended."""


@dataclass(frozen=True, slots=True)
class Job:
    """One check to do.

    Attributes:
        name: of the target; also its name in a baseline.
        arguments: of `gradlint.check()`, by keyword.
        allowed: what the target and the file allow.
        guard: limits, time and isolation.
        graph: keep the graph of the run, which can be large.
    """

    name: str
    model: str
    sample: str | None
    arguments: Mapping[str, object]
    allowed: tuple[Allowance, ...]
    guard: Guard = UNGUARDED
    graph: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How the findings of a target, or of a file of source, stand to a baseline.

    Attributes:
        found: identities of the findings, in their order.
        gone: known findings that are no more.
    """

    found: Identities = field(default_factory=Identities)
    gone: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled(Checked):
    """What came of a job that ran: a result without what is allowed or known.

    Attributes:
        unused: allowances that fit no finding.
        standing: its findings, for a baseline.
    """

    unused: tuple[Allowance, ...] = ()
    standing: Standing = field(default_factory=Standing)


Outcome: TypeAlias = Settled | Failed
"""What came of a job."""


def outcome_to_data(done: Outcome) -> dict[str, object]:
    """An outcome as JSON values; NaN and infinity stay floats."""
    if isinstance(done, Failed):
        return {"name": done.name, "error": done.error}
    return {
        "name": done.name,
        "unused": plain(done.unused),
        "standing": standing_to_data(done.standing),
        "result": result_to_data(done.result),
    }


def standing_to_data(standing: Standing) -> dict[str, object]:
    """A standing as JSON values."""
    return {
        "findings": plain(standing.found.findings),
        "layers": sorted(standing.found.layers),
        "gone": plain(standing.gone),
    }


def outcome_from_data(data: object) -> Outcome:
    """What `outcome_to_data` described.

    Raises:
        MalformedError: it describes no outcome.
    """
    if not isinstance(data, dict):
        raise MalformedError("an outcome is no object")
    if "error" in data:
        return typed(Failed, data)
    try:
        return Settled(
            typed(str, data["name"]),
            result_from_data(data["result"]),
            typed(tuple[Allowance, ...], data["unused"]),
            standing_from_data(data["standing"]),
        )
    except KeyError as error:
        raise MalformedError(f"{error} is missing") from error


def standing_from_data(data: object) -> Standing:
    """What `standing_to_data` described.

    Raises:
        MalformedError: it describes no standing.
    """
    if not isinstance(data, dict):
        raise MalformedError("a standing is no object")
    try:
        layers = frozenset(typed(tuple[str, ...], data["layers"]))
        found = Identities(typed(tuple[Identity, ...], data["findings"]), layers)
        return Standing(found, typed(tuple[Identity, ...], data["gone"]))
    except KeyError as error:
        raise MalformedError(f"{error} is missing") from error


def job_of(target: Target, config: Config, stronger: Settings) -> Job:
    """The check of a target; `stronger` are settings that win over those of the file."""
    return Job(
        name=target.name,
        model=from_here(target.model),
        sample=None if target.sample is None else from_here(target.sample),
        arguments=stronger.over(target.settings).arguments(),
        allowed=(*target.allowed, *config.allowed),
    )


def from_here(path: str) -> str:
    """An absolute path below the current folder as the user would type it; anything else as it is."""
    if is_address(path):
        return path
    with contextlib.suppress(ValueError):
        return str(Path(path).relative_to(Path.cwd()))
    return path


def outcome(
    job: Job,
    *,
    worker: Worker | None = None,
    debug: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Settled:
    """Do a job, and settle its result.

    Args:
        job: what to check.
        worker: does it, unless the job asks for isolation; this process when None.
        debug: show what that process writes.
        progress: called with the name of each stage.

    Raises:
        GradlintError: the check could not run.
    """
    run = guarded_check if worker is None or job.guard.isolate else partial(check_apart, worker=worker)
    with at_hand(job.model, job.sample, limits=job.guard.limits, timeout=job.guard.timeout) as files:
        model, sample = (files.get(name or "", name) for name in (job.model, job.sample))
        assert model is not None
        guard = replace(job.guard, cache=None) if files else job.guard  # an answer is known by the name of its file
        result = run(model, sample, job.arguments, guard, progress=progress, debug=debug)
    result = replace(result, target=job.model) if files else result
    return settled(job.name, result, job.allowed, graph=job.graph)


def settled(name: str, result: Result, allowed: Sequence[Allowance], *, graph: bool = False) -> Settled:
    """The outcome for a result: without what is allowed, and with identities for a baseline."""
    result, unused = suppress(result, allowed)
    found = identities(result)  # needs the layers of the graph
    return Settled(name, result if graph else replace(result, drawn=None), unused, Standing(found))


def against(done: Settled, baseline: Baseline, file: object) -> Settled:
    """The outcome without the findings that the baseline knows."""
    found = done.standing.found
    result, gone = compare(done.result, found, baseline.get(done.name, ()), file)
    return replace(done, result=result, standing=Standing(found, gone))


def with_misfits(done: Settled, unused: Iterable[Allowance]) -> Settled:
    """The outcome whose result says which of its allowances fit no finding, where they must."""
    return replace(done, result=replace(done.result, misfits=(*done.result.misfits, *map(str, unused))))


# -- several ---------------------------------------------------------------------------------------------


def at_once(wanted: int | None, number: int) -> int:
    """How many processes to use for so many targets."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        cores = os.cpu_count() or 1
    return max(1, min(wanted or min(cores, MOST_AT_ONCE), number))


class Watcher(Protocol):
    """Is told how several jobs go; from several threads."""

    def stage(self, name: str, stage: str) -> None:
        """A target is at this stage."""

    def done(self, name: str) -> None:
        """A target has been checked, or cannot be."""


def outcomes(
    jobs: Sequence[Job], processes: int, *, debug: bool = False, watcher: Watcher | None = None
) -> Generator[Outcome, None, None]:
    """Yields the outcome of every job, in their order; a job that fails takes no other with it.

    Args:
        jobs: what to check.
        processes: at most so many at a time.
        debug: show what the processes write.
        watcher: is told how it goes.
    """
    room = Room() if processes > 1 else None
    from gradlint.project.child import Worker, end_all

    staff = [Worker(room) for _ in range(processes)]
    workers: SimpleQueue[Worker] = SimpleQueue()
    for worker in staff:
        workers.put(worker)

    def do(job: Job) -> Outcome:
        worker = workers.get()
        try:
            progress = None if watcher is None else partial(watcher.stage, job.name)
            return outcome_or_error(job, worker, debug, progress)
        finally:
            workers.put(worker)
            if watcher is not None:
                watcher.done(job.name)

    pool, waiting = ThreadPoolExecutor(processes), []
    try:
        with undisturbed():  # nobody would wait for one that has begun without being in the list
            waiting = [pool.submit(do, job) for job in jobs]
        for future in waiting:
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in waiting):  # interrupted; one may be about to start its process
            end_all()
            time.sleep(_PAUSE)
        for worker in staff:
            worker.end()


def outcome_or_error(job: Job, worker: Worker, debug: bool, progress: Callable[[str], None] | None = None) -> Outcome:
    """As `outcome`; what goes wrong is an outcome, too."""
    try:
        return outcome(job, worker=worker, debug=debug, progress=progress)
    except GradlintError as error:
        return Failed(job.name, str(error))
    except Exception as error:
        return Failed(job.name, f"internal error: {type(error).__name__}: {error}")
