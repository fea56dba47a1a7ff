"""Checks by a Dask cluster: the same outcomes, and a lost worker costs nobody else anything."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from stand_ins import write_stand_ins

from gradlint import cli
from gradlint.errors import UsageError
from gradlint.outcome import Failed
from gradlint.project import cluster, targets
from gradlint.project.isolation import Guard
from gradlint.project.serving import FORKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

distributed = pytest.importorskip("distributed")

OWN = """
import os, pathlib, signal

def parent(process):
    return int(pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])

def well(): pass
def crash(): os.abort()
def lost():
    "Ends the worker of Dask: the copy's parent is ours, and that one's is Dask's."
    with open(__file__ + ".starts", "a") as starts: starts.write("x")
    os.kill(parent(os.getppid()), signal.SIGKILL)
    os.kill(os.getppid(), signal.SIGKILL)
def lost_once():
    if not os.path.exists(__file__ + ".once"):
        open(__file__ + ".once", "w").close()
        lost()
"""


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A cluster of two processes, where TensorFlow is a stand-in."""
    write_stand_ins(tmp_path / "installed")
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))
    with distributed.LocalCluster(
        2, threads_per_worker=1, silence_logs=logging.CRITICAL, dashboard_address=":0"
    ) as local:
        yield local.scheduler_address.replace("tcp://", cluster.SCHEME)


@pytest.mark.exhaustive
@pytest.mark.skipif(not FORKS, reason="asks /proc")
def test_jobs_survive_workers_that_are_lost(address: str, tmp_path: Path) -> None:
    names = ["well", "lost_once", "crash", "lost", "last"]
    jobs = [targets.Job(n, f"own:{n.replace('last', 'well')}", None, {}, (), Guard()) for n in names]
    done: list[str] = []

    class Watcher:
        def stage(self, name: str, stage: str) -> None: ...

        def done(self, name: str) -> None:
            done.append(name)

    found = {each.name: each.error for each in cluster.outcomes_on_cluster(jobs, address, watcher=Watcher())}
    assert list(found) == names
    for name in ("well", "lost_once", "last"):
        assert "returned NoneType" in found[name]
    assert "crashed while loading the model (SIGABRT" in found["crash"]
    assert "lost 2 times; it is not tried again" in found["lost"]
    assert (tmp_path / "own.py.starts").read_text() == "xxx"  # twice, and the one that is lost once
    assert sorted(done) == sorted(names)


class Scheduler:
    """What a thread of a worker of Dask sees of its cluster."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, ...], int] = {}

    def get_metadata(self, keys: list[str], default: int) -> int:
        return self.known.get(tuple(keys), default)

    def set_metadata(self, keys: list[str], value: int) -> None:
        self.known[tuple(keys)] = value

    def get_current_task(self) -> str:
        return "a task"


def test_a_job_that_ended_begins_again_as_often_as_its_outcome_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler()
    monkeypatch.setattr(distributed, "get_client", lambda: scheduler)
    monkeypatch.setattr(distributed, "get_worker", lambda: scheduler)
    monkeypatch.setattr(cluster, "outcome_or_error", lambda job, *_, **__: Failed(job.name, "it ended"))
    data = cluster._job_to_data(targets.Job("one", "own:one", None, {}, (), Guard()))
    assert ["it ended" in cluster.checked_here(data) for _ in range(4)] == [True] * 4

    def lose(*_: object, **__: object) -> None:
        """The worker is gone before it can say anything."""
        raise SystemExit

    monkeypatch.setattr(cluster, "outcome_or_error", lose)
    end, scheduler.set_metadata = scheduler.set_metadata, lambda keys, value: value and end(keys, value)
    for _ in range(2):
        with pytest.raises(SystemExit):
            cluster.checked_here(data)
    assert "lost 2 times; it is not tried again" in cluster.checked_here(data)


def test_a_scheduler_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", 0.5)
    with pytest.raises(UsageError, match=r"no Dask scheduler answers at dask://127.0.0.1:9"):
        next(cluster.outcomes_on_cluster([], "dask://127.0.0.1:9"))


@pytest.mark.parametrize("word", ["dask://host", "spark://host:1", "dask://:1"])
def test_what_is_no_cluster(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--executor", word])
    assert "is not dask://HOST:PORT" in capsys.readouterr().err
