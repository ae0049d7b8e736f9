"""Measure seconds and memory of acquiring a tilt series, in memory and streamed to disk.

The series is that of the NIST short course (Taillon, 2022). The streamed one has ten times its dose. Each is measured
in a process of its own, so that its peak of resident memory is its own.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bayesunmix.io import h5
from benchmarks.memory import peak_resident_mib
from benchmarks.speed import SPEEDS, Speed, alone, needle_series
from simulations.store import write_series
from simulations.trial import acquire

#: Photons of the 73 tilts of the short course.
COURSE_PHOTONS = 12e6


@SPEEDS.register("simulations")
def simulations(tilts: int = 73, photons: float = COURSE_PHOTONS) -> Iterator[Speed]:
    """Measure the tilt series: in memory at the given number of photons, streamed at ten times as many.

    Parameters
    ----------
    tilts : int
        The series of the course has 73, (73, 124, 165, 900) in all.
    photons : float
        Mean number of photons of the whole series in memory.

    Yields
    ------
    Speed
    """
    yield alone(_acquired, tilts, photons)
    yield alone(_streamed, tilts, 10 * photons)


def _acquired(tilts: int, photons: float) -> Speed:
    phantom, dose, truth_seconds = needle_series(tilts, photons)
    start = time.perf_counter()
    trial = acquire(phantom, dose, 0)
    seconds = time.perf_counter() - start
    remark = f"the truth {truth_seconds:.1f} s"
    return Speed(
        f"{tilts} tilts, in memory",
        "acquire",
        trial.image.n_photons,
        seconds,
        peak_mib=peak_resident_mib(),
        remark=remark,
    )


def _streamed(tilts: int, photons: float) -> Speed:
    phantom, dose, truth_seconds = needle_series(tilts, photons)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.h5"
        start = time.perf_counter()
        write_series(phantom, dose, 0, path)
        seconds = time.perf_counter() - start
        peak = peak_resident_mib()
        counted = sum(h5.load(path, slice(k, k + 1)).n_photons for k in range(tilts))
        size = path.stat().st_size / 2**20
        remark = f"the truth {truth_seconds:.1f} s, the file {size:.1f} MiB"
        return Speed(
            f"{tilts} tilts, streamed to HDF5", "acquire", counted, seconds, peak_mib=peak, remark=remark
        )
