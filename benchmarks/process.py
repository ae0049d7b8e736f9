"""Run cells in a worker process: its memory is its own, and its death costs one cell.

The process is spawned, not forked, because JAX has threads. It ends when its parent does, however that ends.
"""

import dataclasses
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.record import RunRecord
from benchmarks.suite import Cell, load_modules


@dataclass(frozen=True)
class Task:
    """A cell, the record to fill in, and where to keep the estimate, if anywhere."""

    cell: Cell
    blank: RunRecord
    keep: Path | None = None


def run_in_process(tasks: Sequence[Task], modules: tuple[Path, ...]) -> Iterator[RunRecord]:
    """Run cells, one after the other, in one process; if it dies in a cell, start another one for the rest.

    Yields
    ------
    RunRecord
        One per task, as soon as it is finished.
    """
    waiting = deque(tasks)
    while waiting:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(sender, list(waiting), modules))
        process.start()
        sender.close()
        try:
            while waiting:
                record = receiver.recv()
                waiting.popleft()
                yield record
        except EOFError:
            process.join()
            lost = waiting.popleft().blank
            yield dataclasses.replace(
                lost, message=f"the worker process {_ending(process.exitcode)} in this cell"
            )
        finally:
            if waiting:
                process.kill()
            process.join()
            receiver.close()


def _work(sender: Connection, tasks: Sequence[Task], modules: tuple[Path, ...]) -> None:
    """Body of a worker: cells in, records out. It ends with its parent and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from benchmarks.worker import compute

    load_modules(modules)
    for task in tasks:
        sender.send(compute(task.cell, task.blank, task.keep))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _ending(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        return f"was ended by {name}" + (" (perhaps out of memory)" if name == "SIGKILL" else "")
    return f"ended with exit status {exitcode}"
