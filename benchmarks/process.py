"""Compute cells in a process of their own: it has its own memory, its limits are kept, and its death costs one cell.

On Linux it is forked from a server that has imported JAX and started nothing with it, so that a new one is there at
once and all run the code that the run began with; elsewhere, where libraries do not outlive a fork, it is spawned. It
ends when its parent does, however that ends.
"""

import dataclasses
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import psutil

from benchmarks.suite import Limits
from benchmarks.task import Finished, Task

_LOOK_SECONDS = 0.5
_GOODBYE_SECONDS = 5.0
if sys.platform == "linux":
    _CONTEXT = multiprocessing.get_context("forkserver")
    _CONTEXT.set_forkserver_preload(["benchmarks.worker", "jax"])
else:
    _CONTEXT = multiprocessing.get_context("spawn")


class CellProcess:
    """Compute cells one at a time; the process starts when it is needed, and again after it was ended.

    Cells of one method share a process, so that they share what is compiled; the next method gets a new one.
    """

    def __init__(self) -> None:
        self._method = ""
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._busy = False

    def compute(self, task: Task) -> Finished:
        """Run a cell. Whatever happens to the process is said in the record."""
        if self._process is None or task.limits.fresh or self._method != task.cell.method:
            self.end()
            self._start(task.cell.method)
        process, connection = self._process, self._connection
        assert process is not None and connection is not None
        began, self._busy = time.monotonic(), True
        try:
            connection.recv()  # it is ready: the limit is not for starting
            began = time.monotonic()
            connection.send(task)
            while not connection.poll(_LOOK_SECONDS):
                if sentence := _excess(process.pid, task.limits, time.monotonic() - began):
                    return self._lost(task, sentence, began)
            finished = connection.recv()
        except (EOFError, OSError):
            ending = _ending(process)
            return self._lost(task, f"the worker process {ending} in this cell", began)
        self._busy = False
        return finished

    def end(self) -> None:
        """End the process, by asking if it is idle, and whatever it has started."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if process is None or connection is None:
            return
        if not self._busy:
            connection.close()
            process.join(_GOODBYE_SECONDS)
        for member in _family(process.pid):
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        process.join()
        connection.close()

    def _start(self, method: str) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        self._process, self._method = _CONTEXT.Process(target=_work, args=(theirs,), daemon=True), method
        self._process.start()
        self._busy = False
        theirs.close()

    def _lost(self, task: Task, sentence: str, began: float) -> Finished:
        self.end()
        return Finished(dataclasses.replace(task.blank, message=sentence, seconds=time.monotonic() - began))


def _work(connection: Connection) -> None:
    """Take tasks and send results until the parent ends; Ctrl-C is for the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from benchmarks.suite_file import load_modules
    from benchmarks.worker import compute

    while True:
        try:
            connection.send("ready")
            task = connection.recv()
        except (EOFError, ConnectionError):  # nothing more to do
            return
        load_modules(task.modules)
        connection.send(compute(task))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _excess(pid: int | None, limits: Limits, seconds: float) -> str:
    """Say which limit is passed, if one is."""
    if seconds > limits.seconds:
        return f"ended after {limits.seconds:g} s, the limit of a cell"
    resident = 0
    for process in _family(pid):
        try:
            resident += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    if resident > limits.mib * 2**20:
        return f"ended at {resident / 2**20:.0f} MiB, over the limit of {limits.mib:g} MiB for a cell"
    return ""


def _family(pid: int | None) -> list[psutil.Process]:
    """Return the process and its descendants, those first."""
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def _ending(process: BaseProcess) -> str:
    process.join()
    if process.exitcode is not None and process.exitcode < 0:
        name = signal.Signals(-process.exitcode).name
        return f"was ended by {name}" + (" (perhaps out of memory)" if name == "SIGKILL" else "")
    return f"ended with exit status {process.exitcode}"
