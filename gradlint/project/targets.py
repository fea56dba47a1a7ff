"""Checks of configured targets: one in this process, or several at a time in processes of their own.

A process for each target costs a start of TensorFlow (about 3 s), and keeps apart what must not meet: layers
registered under one name by two projects, and a model that takes its process down with it.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from gradlint.checking.suppression import Allowance, suppress
from gradlint.errors import GradlintError, ModelRunError
from gradlint.load import search
from gradlint.project.baseline import Identities, Identity, compare, identities
from gradlint.project.isolation import (
    GRACE,
    UNGUARDED,
    Guard,
    end_all,
    guarded_check,
    interpreter,
    temporary_folder,
    timeout_message,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gradlint.options import Settings
    from gradlint.project.baseline import Baseline
    from gradlint.project.config import Config, Target
    from gradlint.result import Result

MOST_AT_ONCE = 4
"""Processes at a time unless the user says otherwise: each takes 0.6 GB for TensorFlow alone."""
_LAST_WORDS = 300
TIMED_OUT = -1000
"""In the place of an exit status."""


@dataclass(frozen=True, slots=True)
class Job:
    """One check to do.

    Attributes:
        name: of the target; also its name in a baseline.
        arguments: of `gradlint.check()`, by keyword.
        allowed: what the target and the file allow.
        guard: limits, time and isolation.
        graph: bring the graph back from another process; it can be large.
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


def outcome(job: Job, progress: Callable[[str], None] | None = None) -> Outcome:
    """Do a job in this process.

    Raises:
        GradlintError: the check could not run.
    """
    result = guarded_check(job.model, job.sample, job.arguments, job.guard, progress=progress)
    return settled(job.name, result, job.allowed)


def settled(name: str, result: Result, allowed: Sequence[Allowance]) -> Outcome:
    """The outcome for a result: without what is allowed, and with identities for a baseline."""
    result, unused = suppress(result, allowed)
    return Outcome(name, result, unused=unused, found=identities(result))


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
    crew = _Crew(debug)
    pool = ThreadPoolExecutor(processes)
    try:
        waiting = [pool.submit(crew.do, job) for job in jobs]
        for number, future in enumerate(waiting):
            if progress is not None:
                progress(f"checking {len(jobs)} targets, {number} done")
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        crew.stop()


class _Crew:
    """The processes at work."""

    def __init__(self, debug: bool) -> None:
        self._debug = debug
        self._lock = Lock()
        self._stopped = False
        self._running: set[subprocess.Popen[bytes]] = set()

    def do(self, job: Job) -> Outcome:
        if job.guard.isolate:
            return self._isolated(job)
        try:
            return self._in_a_process(job)
        except GradlintError as error:
            return Outcome(job.name, error=str(error))

    def _in_a_process(self, job: Job) -> Outcome:
        with temporary_folder() as folder:
            order, answer, said = (Path(folder) / name for name in ("order", "answer", "said"))
            order.write_bytes(pickle.dumps((job, search.folders_to_name())))
            with said.open("wb") as stream:
                status = self._run(
                    [str(order), str(answer)], None if self._debug else stream.fileno(), job.guard.timeout
                )
            if answer.exists():
                done: Outcome = pickle.loads(answer.read_bytes())
                return done
            if status == TIMED_OUT:
                return Outcome(job.name, error=timeout_message(job.guard.timeout, "checking"))
            words = " ".join(said.read_text(encoding="utf-8", errors="replace").split())[-_LAST_WORDS:]
            why = f"signal {-status}" if status < 0 else f"exit status {status}"
            return Outcome(job.name, error=f"its process ended early ({why}). {words}".strip())

    def _isolated(self, job: Job) -> Outcome:
        if self._stopped:
            return Outcome(job.name, error="interrupted")
        try:
            result = guarded_check(job.model, job.sample, job.arguments, job.guard, debug=self._debug)
            return _carried(settled(job.name, result, job.allowed), job)
        except GradlintError as error:
            return Outcome(job.name, error=str(error))
        except Exception as error:
            return Outcome(job.name, error=f"internal error: {type(error).__name__}: {error}")

    def _run(self, files: list[str], stream: int | None, timeout: float) -> int:
        with self._lock:
            if self._stopped:
                return -2
            process = subprocess.Popen(
                interpreter("gradlint.project.targets", *files),
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno() if stream is None else stream,
                stderr=stream,
            )
            self._running.add(process)
        try:
            return process.wait(timeout + GRACE)  # it ends itself, if it still can
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return TIMED_OUT
        finally:
            with self._lock:
                self._running.discard(process)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()
        end_all()


def _carried(done: Outcome, job: Job) -> Outcome:
    """What goes from one process to another, once the identities are known."""
    if done.result is None or job.graph:
        return done
    return replace(done, result=replace(done.result, graph=None))


def serve(order: str, answer: str) -> None:
    """Do the job in the file `order`, and write its outcome; what the process of a job runs."""
    job: Job
    job, folders = pickle.loads(Path(order).read_bytes())
    search.use(folders)
    search.close([os.getcwd(), *folders])
    try:
        done = _carried(outcome(job), job)
    except GradlintError as error:
        done = Outcome(job.name, error=str(error))
    except SystemExit as error:
        ended = ModelRunError(f"the model's code ended the program (exit status {error.code}).")
        done = Outcome(job.name, error=str(ended))
    except Exception as error:
        done = Outcome(job.name, error=f"internal error: {type(error).__name__}: {error}")
    draft = Path(f"{answer}.draft")
    draft.write_bytes(pickle.dumps(done))
    draft.replace(answer)
    sys.stdout.flush()
    os._exit(0)  # threads that the model's code has started could keep the process alive
