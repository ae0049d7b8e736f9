"""Say what a worker is given, and what it gives back."""

from pathlib import Path
from typing import NamedTuple

from benchmarks.record import RunRecord
from benchmarks.suite import Cell, Limits


class Task(NamedTuple):
    """Give a worker a cell, the record to fill in, and what it needs to run."""

    cell: Cell
    blank: RunRecord
    limits: Limits
    modules: tuple[Path, ...]


class Finished(NamedTuple):
    """Return a record, and the estimate as the bytes of an .npz file if it is small enough to be drawn."""

    record: RunRecord
    estimate: bytes | None = None
