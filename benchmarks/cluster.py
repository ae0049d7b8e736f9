"""Run cells on dask.distributed: on threads of this process, or on a cluster that runs already.

A dask worker computes nothing itself. Each of its threads keeps one `CellProcess`, which dies alone when a cell takes
too long or too much memory. If a dask worker of another cluster dies, its cell goes to the next one; after `RETRIES`
deaths the cell is a failed one.

Workers of another cluster need a checkout at the same state and start in its root: ``dask worker ADDRESS --nthreads 1
--preload benchmarks.cluster`` there, so that their processes may start others.
"""

import dataclasses
import logging
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster, as_completed
from distributed.scheduler import KilledWorker

from benchmarks.process import CellProcess
from benchmarks.task import Finished, Task

RETRIES = 3
# A worker starts processes, which a daemon may not; what a cell may use, the cell's own process is watched for.
_CONFIG = {
    "distributed.worker.daemon": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.scheduler.allowed-failures": RETRIES,
    "distributed.scheduler.work-stealing": False,
}
dask.config.set(_CONFIG)
_here = threading.local()
_processes: list[CellProcess] = []


class ClusterLost(ConnectionError):
    """The scheduler does not answer any more; finished cells are recorded."""


def compute_all(
    tasks: Sequence[Task], workers: int, scheduler: str | None
) -> Generator[Finished, None, None]:
    """Compute cells in any order.

    Parameters
    ----------
    tasks : sequence of Task
    workers : int
        Threads, each with a process for its cells, of the cluster that is started here.
    scheduler : str or None
        Address of a cluster that runs already, which is used instead.

    Yields
    ------
    Finished
        One a task, as soon as it is finished.

    Raises
    ------
    ClusterLost
        If there is no scheduler at the address, or it goes away.
    """
    with _client(workers, scheduler) as client:
        pending = {
            client.submit(compute_here, task, key=task.blank.cell, pure=False, priority=-place): task
            for place, task in enumerate(tasks)
        }
        for future in as_completed(list(pending)):
            task = pending.pop(future)
            if future.cancelled():
                raise ClusterLost("the scheduler went away; the same command continues where this one ended")
            error = future.exception()
            if error is None:
                yield future.result()
            elif isinstance(error, KilledWorker):
                yield _lost(task, f"{RETRIES + 1} dask workers died in this cell")
            else:
                yield _lost(task, f"{type(error).__name__}: {error}")


def compute_here(task: Task) -> Finished:
    """Compute one cell in the process that belongs to this thread of this dask worker."""
    if not hasattr(_here, "process"):
        _here.process = CellProcess()
        _processes.append(_here.process)
    began = time.monotonic()
    finished: Finished = _here.process.compute(task)
    besides = max(time.monotonic() - began - finished.record.seconds, 0.0)
    return finished._replace(record=dataclasses.replace(finished.record, harness_seconds=besides))


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Client]:
    for name in logging.root.manager.loggerDict:  # what went wrong is said once, by us
        if name.startswith("distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=1,
                threads_per_worker=workers,
                processes=False,
                memory_limit=None,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            try:
                yield client
            finally:
                while _processes:
                    _processes.pop().end()
    else:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise ClusterLost(f"no scheduler answers at {scheduler!r}; check the address ({error})") from None
        with client:
            yield client


def _lost(task: Task, sentence: str) -> Finished:
    return Finished(dataclasses.replace(task.blank, message=sentence))
