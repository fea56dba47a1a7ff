"""Checks of configured targets: one in this process, or several at a time in processes of their own.

A process for each target costs a start of TensorFlow (about 3 s), and keeps apart what must not meet: layers
registered under one name by two projects, and a model that takes its process down with it.
"""

from __future__ import annotations

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.checking.suppression import Allowance, suppress
from gradlint.errors import GradlintError
from gradlint.project.baseline import Identities, Identity, compare, identities
from gradlint.project.child import end_all
from gradlint.project.isolation import UNGUARDED, Guard, check_apart, guarded_check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gradlint.options import Settings
    from gradlint.project.baseline import Baseline
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
class Outcome:
    """What came of a job.

    Attributes:
        result: None when the check could not run.
        error: why it could not run.
        unused: allowances that fit no finding.
        found: identities of the result's findings, in their order.
        gone: known findings that are no more.
    """

    name: str
    result: Result | None = None
    error: str = ""
    unused: tuple[Allowance, ...] = ()
    found: Identities = field(default_factory=Identities)
    gone: tuple[Identity, ...] = ()


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
    with contextlib.suppress(ValueError):
        return str(Path(path).relative_to(Path.cwd()))
    return path


def outcome(
    job: Job, *, apart: bool = False, debug: bool = False, progress: Callable[[str], None] | None = None
) -> Outcome:
    """Do a job, and settle its result.

    Args:
        job: what to check.
        apart: in a process of its own, also where the job does not ask for isolation.
        debug: show what that process writes.
        progress: called with the name of each stage.

    Raises:
        GradlintError: the check could not run.
    """
    run = check_apart if apart and not job.guard.isolate else guarded_check
    result = run(job.model, job.sample, job.arguments, job.guard, progress=progress, debug=debug)
    return settled(job.name, result, job.allowed, graph=job.graph)


def settled(name: str, result: Result, allowed: Sequence[Allowance], *, graph: bool = False) -> Outcome:
    """The outcome for a result: without what is allowed, and with identities for a baseline."""
    result, unused = suppress(result, allowed)
    found = identities(result)  # needs the graph
    return Outcome(name, result if graph else replace(result, graph=None), unused=unused, found=found)


def against(done: Outcome, baseline: Baseline, file: object) -> Outcome:
    """The outcome without the findings that the baseline knows."""
    if done.result is None:
        return done
    result, gone = compare(done.result, done.found, baseline.get(done.name, ()), file)
    return replace(done, result=result, gone=gone)


# -- several ---------------------------------------------------------------------------------------------


def at_once(wanted: int | None, number: int) -> int:
    """How many processes to use for so many targets."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        cores = os.cpu_count() or 1
    return max(1, min(wanted or min(cores, MOST_AT_ONCE), number))


def outcomes(
    jobs: Sequence[Job], processes: int, *, debug: bool = False, progress: Callable[[str], None] | None = None
) -> Iterator[Outcome]:
    """Yields the outcome of every job, in their order; a job that fails takes no other with it.

    Args:
        jobs: what to check.
        processes: at most so many at a time.
        debug: show what the processes write.
        progress: called with what there is to tell.
    """

    def do(job: Job) -> Outcome:
        try:
            return outcome(job, apart=True, debug=debug)
        except GradlintError as error:
            return Outcome(job.name, error=str(error))
        except Exception as error:
            return Outcome(job.name, error=f"internal error: {type(error).__name__}: {error}")

    pool = ThreadPoolExecutor(processes)
    waiting = [pool.submit(do, job) for job in jobs]
    try:
        for number, future in enumerate(waiting):
            if progress is not None:
                progress(f"checking {len(jobs)} targets, {number} done")
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in waiting):  # interrupted; one may be about to start its process
            end_all()
            time.sleep(_PAUSE)
