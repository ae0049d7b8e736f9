"""Measure what takes longer than a test: `python -m benchmarks calibration NAME --out FILE.csv`.

A member of the registry that `calibrations/` fills measures one cell at a time. Each finished cell is a row of the
file, written at once, so that a run that was stopped continues. A file beside it says how the rows were made
(`benchmarks.published`).
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bayesunmix.contracts.registry import Registry
from bayesunmix.running.progress import track
from benchmarks import provenance
from benchmarks.published import append_row, read_about, read_rows, write_about


@dataclass(frozen=True)
class Calibration:
    """Say what is measured, and how it is summed up.

    Parameters
    ----------
    grid : dict of str to sequence
        Values of each key that makes a cell, without the seeds.
    measure : callable (**cell) -> dict, or list of dict
        Returns the columns that follow the cell's own; a list makes several rows of one cell.
    summarise : callable (DataFrame) -> DataFrame
        Sums up all rows; the command prints it.
    """

    grid: dict[str, tuple]
    measure: Callable[..., dict[str, Any] | list[dict[str, Any]]]
    summarise: Callable[[pd.DataFrame], pd.DataFrame]

    def cells(self, seeds: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Yield every combination of the grid's values with each seed."""
        keys = (*self.grid, "seed")
        yield from (dict(zip(keys, v, strict=True)) for v in itertools.product(*self.grid.values(), seeds))


CALIBRATIONS: Registry[Calibration] = Registry(
    "calibration", "benchmarks.calibrations", lambda found: isinstance(found, Calibration)
)


def calibrate(name: str, seeds: int, out: Path, only: Mapping[str, list[str]] | None = None) -> pd.DataFrame:
    """Measure every cell that the file does not hold yet.

    Parameters
    ----------
    name : str
        A name of `CALIBRATIONS`.
    seeds : int
        Seeds 0, 1, ... of each cell.
    out : Path
        CSV file; made, or continued where it ends.
    only : dict of str to list of str, optional
        Values of keys of the grid, as text: only these cells are measured.

    Returns
    -------
    DataFrame
        The rows of all cells in the file.

    Raises
    ------
    ValueError
        If the file was written by a version that measured something else, or `only` names what is not measured.
    """
    calibration = CALIBRATIONS[name]
    chosen = _chosen(name, calibration.grid, only or {})
    done = read_rows(out) if out.is_file() else pd.DataFrame()
    keys = [*calibration.grid, "seed"]
    known = set(done[keys].itertuples(index=False, name=None)) if len(done) else set()
    cells = (cell for cell in calibration.cells(range(seeds)) if chosen(cell))
    waiting = [cell for cell in cells if tuple(cell.values()) not in known]
    for cell in track(waiting, name):
        found = calibration.measure(**cell)
        rows = pd.DataFrame([{**cell, **row} for row in (found if isinstance(found, list) else [found])])
        if len(done) and list(rows) != list(done):
            raise ValueError(
                f"{out} has other columns than are measured now; choose another file, or remove it"
            )
        if cell is waiting[0]:
            write_about(out, provenance.about(read_about(out)))
        append_row(out, rows)
    return read_rows(out)


def _chosen(
    name: str, grid: Mapping[str, tuple], only: Mapping[str, list[str]]
) -> Callable[[Mapping[str, Any]], bool]:
    """Return a test that says whether a cell is one of the chosen ones."""
    for key, values in only.items():
        possible = [str(value) for value in grid.get(key, ())]
        for value in values:
            if value not in possible:
                raise ValueError(
                    f"{name} has no cell {key}={value}; choose from "
                    + "; ".join(f"{key}={','.join(map(str, of_key))}" for key, of_key in grid.items())
                )
    return lambda cell: all(str(cell[key]) in values for key, values in only.items())


def shares_text(shares: Iterable[float]) -> str:
    """Write the shares of a histogram in one cell."""
    return " ".join(f"{share:.4f}" for share in shares)
