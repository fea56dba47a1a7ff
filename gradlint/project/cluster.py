"""Checks by a Dask cluster that is there already: the same jobs, with the same outcomes.

A job goes out and its outcome comes back as JSON. On the other side it is a worker of ours, below the worker of Dask,
that checks: a model that crashes costs neither. When a worker of Dask is lost, Dask gives its jobs to others; a job
that was begun twice and never ended is not begun a third time.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from gradlint import version
from gradlint.checking.suppression import Allowance
from gradlint.errors import GradlintError, UsageError
from gradlint.load import search
from gradlint.load.limits import Limits
from gradlint.load.remote import is_address
from gradlint.outcome import Failed
from gradlint.project.child import Worker
from gradlint.project.isolation import Guard, from_elsewhere
from gradlint.project.targets import Job, outcome_from_data, outcome_or_error, outcome_to_data
from gradlint.project.wire import MalformedError, plain, typed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from gradlint.project.targets import Outcome, Watcher

SCHEME = "dask://"
_PATIENCE = 30.0
"""Seconds to wait for a scheduler's first answer."""
MOST_STARTS = 2
"""How often a job may be begun that does not end."""
_of_thread = threading.local()


def outcomes_on_cluster(
    jobs: Sequence[Job], address: str, *, watcher: Watcher | None = None
) -> Generator[Outcome, None, None]:
    """As `outcomes`, by the cluster whose scheduler is at an address such as `dask://HOST:PORT`.

    Raises:
        UsageError: Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError("--executor dask://HOST:PORT needs Dask: pip install 'keras-gradlint[dask]'") from error
    try:
        client: Any = Client(f"tcp://{address.removeprefix(SCHEME)}", timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:  # a TimeoutError is an OSError
        raise UsageError(f"no Dask scheduler answers at {address}: {error}") from error
    sent = []
    try:
        for job in jobs:
            future = client.submit(checked_here, _job_to_data(job), pure=False)
            if watcher is not None:
                watcher.stage(job.name, "on the cluster")
                future.add_done_callback(lambda _, name=job.name: watcher.done(name))
            sent.append(future)
        for job, future in zip(jobs, sent, strict=True):
            yield _outcome(job, future)
    finally:
        client.cancel([future for future in sent if not future.done()])
        client.close()


def _outcome(job: Job, future: Any) -> Outcome:
    from distributed import KilledWorker

    try:
        done = outcome_from_data(json.loads(future.result()))
    except KilledWorker as error:
        return Failed(job.name, f"the workers that checked it were lost: {error}")
    except MalformedError as error:
        return Failed(job.name, f"the cluster sent no outcome: {error}")
    except Exception as error:  # of gradlint or of Dask over there
        return Failed(job.name, f"the cluster could not check it: {type(error).__name__}: {error}")
    if isinstance(done, Failed):
        return done
    return replace(done, name=job.name, result=replace(done.result, target=job.model))


def _job_to_data(job: Job) -> str:
    elsewhere = (
        {}
        if is_address(job.model)
        else from_elsewhere({"model": job.model, "sample": job.sample, "options": job.arguments})
    )
    sample = job.sample if job.sample is None or is_address(job.sample) else os.path.abspath(job.sample)
    data = {
        "gradlint": version.__version__,
        "name": job.name,
        "model": elsewhere.get("model", job.model),
        "sample": sample,
        "arguments": elsewhere.get("options", job.arguments),
        "allowed": plain(job.allowed),
        "limits": asdict(job.guard.limits),
        "timeout": job.guard.timeout,
        "isolate": job.guard.isolate,
        "graph": job.graph,
        "folders": search.folders_to_name(),
    }
    return json.dumps(data)


def checked_here(data: str) -> str:
    """Does a job on the other side, in a thread of a worker of Dask."""
    job = json.loads(data)
    if job["gradlint"] != version.__version__:
        raise GradlintError(f"gradlint {version.__version__} is here, and {job['gradlint']} asks")
    with _counted() as lost:
        if lost >= MOST_STARTS:
            error = f"the worker that checked it was lost {lost} times; it is not tried again."
            return json.dumps(outcome_to_data(Failed(job["name"], error)))
        return json.dumps(outcome_to_data(_done_here(job)))


def _done_here(job: dict[str, Any]) -> Outcome:
    search.use(job["folders"])
    own = getattr(_of_thread, "worker", None)
    if own is None:
        own = _of_thread.worker = Worker()
    asked = Job(
        job["name"],
        job["model"],
        job["sample"],
        job["arguments"],
        typed(tuple[Allowance, ...], job["allowed"]),
        Guard(Limits(**job["limits"]), job["timeout"], job["isolate"]),
        job["graph"],
    )
    return outcome_or_error(asked, own, debug=False)


@contextlib.contextmanager
def _counted() -> Iterator[int]:
    """Gives how often the task of this thread was begun anywhere, and never ended.

    One that ended may begin again: its outcome is lost with the worker that holds it until it is asked for.
    """
    from distributed import get_client, get_worker

    worker: Any = get_worker()
    client, keys = get_client(), ["gradlint", worker.get_current_task()]
    lost = int(client.get_metadata(keys, 0))
    client.set_metadata(keys, lost + 1)
    try:
        yield lost
    finally:
        client.set_metadata(keys, 0)
