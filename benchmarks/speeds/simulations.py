"""Seconds and memory of the talk's tilt series, in memory and streamed to disk.

The streamed series has ten times the talk's dose. Each line is measured in a process of its own, so that its peak of
resident memory is its own.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bayesunmix.io import h5
from benchmarks.memory import peak_mib
from benchmarks.speed import SPEEDS, alone, talk_series
from simulations.store import write_series
from simulations.trial import acquire

#: Photons of the talk's 73 tilts.
TALK_PHOTONS = 12e6


class Speed(NamedTuple):
    """One measurement; `peak_mib` is the largest resident size of its process, truth and libraries included."""

    what: str
    photons: int
    truth_seconds: float
    seconds: float
    peak_mib: float
    file_mib: float


def speed_of_simulations(tilts: int = 73, photons: float = TALK_PHOTONS) -> Iterator[Speed]:
    """Measure the tilt series: in memory at the given number of photons, streamed at ten times as many.

    Parameters
    ----------
    tilts : int
        The talk's series has 73, (73, 124, 165, 900) in all.
    photons : float
        Mean number of photons of the whole series in memory.

    Yields
    ------
    Speed
    """
    yield alone(_acquired, tilts, photons)
    yield alone(_streamed, tilts, 10 * photons)


@SPEEDS.register("simulations")
def simulations() -> Iterator[str]:
    """Measure the talk's tilt series, line by line."""
    yield f"{'':<28} {'photons':>11} {'truth s':>8} {'s':>7} {'peak MiB':>9} {'file MiB':>9}"
    for row in speed_of_simulations():
        yield (
            f"{row.what:<28} {row.photons:>11} {row.truth_seconds:>8.1f} {row.seconds:>7.1f} "
            f"{row.peak_mib:>9.0f} {row.file_mib:>9.1f}"
        )


def _acquired(tilts: int, photons: float) -> Speed:
    phantom, dose, truth_seconds = talk_series(tilts, photons)
    start = time.perf_counter()
    trial = acquire(phantom, dose, 0)
    seconds = time.perf_counter() - start
    return Speed("series in memory", trial.image.n_photons, truth_seconds, seconds, peak_mib(), 0.0)


def _streamed(tilts: int, photons: float) -> Speed:
    phantom, dose, truth_seconds = talk_series(tilts, photons)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.h5"
        start = time.perf_counter()
        write_series(phantom, dose, 0, path)
        seconds = time.perf_counter() - start
        peak = peak_mib()
        counted = sum(h5.load(path, slice(k, k + 1)).n_photons for k in range(tilts))
        return Speed(
            "series streamed to HDF5", counted, truth_seconds, seconds, peak, path.stat().st_size / 2**20
        )
