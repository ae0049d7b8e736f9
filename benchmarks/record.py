"""Record every finished cell: one line of JSON that is on the disk as soon as the cell is finished.

`records.jsonl` is only ever appended to, so that a run killed at any moment loses the cell in flight and no more;
a line torn by the kill is dropped when the file is next opened. A cell that failed and was tried again has two
lines: the last one counts.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from bayesunmix.io.file import whole_file
from bayesunmix.io.plain import plain
from benchmarks.suite import Role


@dataclass(frozen=True)
class RunRecord:
    """Hold what is known of one cell.

    Parameters
    ----------
    cell : str
        Hash of everything that decides the scores: truth, dose, seed, method, settings, code.
    phantom : str
        Name of the scene: a phantom's own, or one that the suite defines.
    phantom_digest : str
        Hash of the truth.
    acquisition : dict
        How it was recorded.
    dose : float
        Mean counts per pixel of the specimen.
    seed : int
    method : str
    role : "method", "peer" or "bound"
        Bounds are baselines that may see the truth; they are not ranked.
    settings : dict
        All settings of the method if it ran, else those that were given.
    components : str
        Number of components that was given: "true", "true+1" and the like, or "found".
    n_components : int
        How many that was; with "found", how many there were in the end, and 0 where nothing came.
    photons, pixels, channels : int
        Size of the image.
    status : "ok", "failed" or "skipped"
        What cannot run here at all is skipped.
    message : str
        One sentence where it is not ok.
    converged : bool or None
        What the method says; None where it says nothing.
    warnings : list of str
        Sentences of the method about its own result.
    metrics : dict of float
        Scores by name of metric, costs (seconds, MiB) among them.
    seconds : float
        The whole cell: photons, fit and scores.
    harness_seconds : float
        What its place in the cluster was busy with besides: starting a process, handing results over; in the first cell
        of a run also the import of JAX, which the processes of all cells share (on Linux; elsewhere each imports it,
        and it is part of `seconds`).
    versions : dict of str
    commit, code : str
        Checkout, and hash of the code that decides a score.
    device : str
    """

    cell: str
    phantom: str
    phantom_digest: str
    acquisition: Mapping[str, Any]
    dose: float
    seed: int
    method: str
    role: Role
    settings: Mapping[str, Any]
    components: str
    n_components: int = 0
    photons: int = 0
    pixels: int = 0
    channels: int = 0
    status: Literal["ok", "failed", "skipped"] = "failed"
    message: str = ""
    converged: bool | None = None
    warnings: list[str] = field(default_factory=list)
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    harness_seconds: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str = "unknown"
    code: str = ""
    device: str = ""

    @property
    def row(self) -> tuple[str, float, int, str, str]:
        """Return the row of the table that this is; a newer record of the same row replaces it."""
        return self.phantom, self.dose, self.seed, self.method, self.components


class RecordFile:
    """Append records to a file of JSON lines, and read them.

    Parameters
    ----------
    path : Path
        `records.jsonl`; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[RunRecord]:
        """Return every whole record, in the order they were written.

        Raises
        ------
        ValueError
            If a line other than a torn last one is not a record.
        """
        if not self.path.is_file():
            return []
        *lines, _torn = self.path.read_bytes().split(b"\n")
        return [self._parse(number, line) for number, line in enumerate(lines, 1)]

    def append(self, record: RunRecord) -> None:
        """Write one record durably: it is on the disk when this returns."""
        line = json.dumps(asdict(record), default=plain, ensure_ascii=False) + "\n"
        with open(self.path, "a+b") as file:
            _drop_torn_line(file)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def _parse(self, number: int, line: bytes) -> RunRecord:
        try:
            return RunRecord(**json.loads(line))
        except (ValueError, TypeError):
            raise ValueError(
                f"line {number} of {self.path} is not a record; remove that line, its cell will be run again"
            ) from None


def write_text(path: Path, text: str) -> None:
    """Write a whole file, or leave the old one as it is."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _drop_torn_line(file: BinaryIO) -> None:
    """Cut off what follows the last newline: it was torn by a kill."""
    size = file.seek(0, os.SEEK_END)
    if size:
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
