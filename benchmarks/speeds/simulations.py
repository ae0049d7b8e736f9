"""Seconds and memory of the talk's tilt series, in memory and streamed to disk.

The streamed series has ten times the talk's dose. Each line is measured in a process of its own, so that its peak of
resident memory is its own.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bayesunmix.io import h5
from benchmarks.speed import SPEEDS
from simulations.phantom import PHANTOMS, Phantom
from simulations.store import write_series

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
    yield _alone(_acquired, tilts, photons)
    yield _alone(_streamed, tilts, 10 * photons)


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
    phantom, dose, truth_seconds = _series(tilts, photons)
    start = time.perf_counter()
    trial = phantom.acquire(dose, 0)
    seconds = time.perf_counter() - start
    return Speed("series in memory", trial.image.n_photons, truth_seconds, seconds, _peak_mib(), 0.0)


def _streamed(tilts: int, photons: float) -> Speed:
    phantom, dose, truth_seconds = _series(tilts, photons)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.h5"
        start = time.perf_counter()
        write_series(phantom, dose, 0, path)
        seconds = time.perf_counter() - start
        peak = _peak_mib()
        counted = sum(h5.load(path, slice(k, k + 1)).n_photons for k in range(tilts))
        return Speed(
            "series streamed to HDF5", counted, truth_seconds, seconds, peak, path.stat().st_size / 2**20
        )


def _series(tilts: int, photons: float) -> tuple[Phantom, float, float]:
    """Build the needle's series: the phantom, the dose that gives it so many photons, and the seconds it took."""
    start = time.perf_counter()
    phantom = PHANTOMS["nicr_needle"](tilts=tilts)
    return phantom, photons / phantom.specimen.sum(), time.perf_counter() - start


def _alone(measure: Callable[..., Speed], *arguments: float) -> Speed:
    """Run in a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def _peak_mib() -> float:
    """Largest resident size of this process so far."""
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset / 2**20)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
